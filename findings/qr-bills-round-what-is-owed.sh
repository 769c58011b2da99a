#!/usr/bin/env bash
# segno 1.6.6 (PyPI, Python 3.11) and swissqrbill 4.4.1 (npm, Node 20): the amount in a QR code for a bank transfer.
#
# Guess beforehand: both codes have two decimals, so that an amount with more, or one below zero, is an error, as the Python
# package qrbill 1.2.0 makes it; and an amount given as text is kept.
# Seen: both round without a word. segno rounds half to even, also text: "12.345" is 12.34, "1.005" is 1 and "12.005" is 12.
# swissqrbill rounds the float: 1.005 is 1.00 and 8.575 is 8.57, but 12.345 is 12.35; 0.004 and -5 become bills.
# Consequence: an amount from a rate or a tax, rounded half up on the invoice, differs from the code by a cent, and the payment does
# not match. Round to cents once, before both, and check the sign.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" swissqrbill@4.4.1 >/dev/null
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check segno==1.6.6 qrbill==1.2.0
"$folder/venv/bin/python" - >seen <<'PYTHON'
from unittest import mock

from qrbill import QRBill
from segno import helpers

for amount in ("12.345", "1.005", "12.005"):
    with mock.patch.object(helpers.segno, "make_qr", wraps=helpers.segno.make_qr) as draw:  # what goes into the code
        helpers.make_epc_qr(name="Shop", iban="DE89370400440532013000", amount=amount, text="Order")
    print("segno", amount, "->", draw.call_args.args[0].decode().split("\n")[7])
try:
    creditor = {"name": "Shop", "pcode": "8000", "city": "Zurich", "country": "CH"}
    QRBill(account="CH5800791123000889012", creditor=creditor, amount="12.345")
except ValueError as error:
    print("qrbill 12.345 ->", type(error).__name__)
PYTHON
cat >try.mjs <<'NODE'
import { SwissQRBill } from "swissqrbill/svg";

const place = { address: "Street", buildingNumber: "1", zip: 8000, city: "Zurich", country: "CH" };
const creditor = { account: "CH5800791123000889012", name: "Shop", ...place };
for (const amount of [12.345, 1.005, 8.575, 0.004, -5]) {
  const bill = new SwissQRBill({ amount, currency: "CHF", creditor }).toString();
  console.log("swissqrbill", amount, "->", bill.match(/>(-?\d+\.\d\d)</)[1]);
}
NODE
node try.mjs >>seen
cat seen
diff seen - <<'SEEN' && echo "as found"
segno 12.345 -> EUR12.34
segno 1.005 -> EUR1
segno 12.005 -> EUR12
qrbill 12.345 -> ValueError
swissqrbill 12.345 -> 12.35
swissqrbill 1.005 -> 1.00
swissqrbill 8.575 -> 8.57
swissqrbill 0.004 -> 0.00
swissqrbill -5 -> -5.00
SEEN
