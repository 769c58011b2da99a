#!/usr/bin/env bash
# bolt11 2.2.0 (PyPI, Python 3.11): Lightning invoices of a thousand bitcoins and more, as exchanges and test networks have them.
#
# Guess beforehand: an invoice of any whole number of millisatoshi is read with the amount that it was written with; and one
# amount of fewer than a millisatoshi is an error.
# Seen: a whole number of thousands of bitcoins loses its three zeros: 1000 is written as 1, and 21000 as 21. The units go up in
# steps of a thousand, and the last step has no unit above it. 1001 bitcoins are written as they are. Less than a millisatoshi is
# written as 0.
# Consequence: the payer is asked for a thousandth, and the invoice is valid. Read each invoice back before it is shown.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
# With bitstring 5 the package cannot be imported.
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check bolt11==2.2.0 bitstring==4.4.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import Decimal

import bolt11
from bolt11.utils import btc_to_amount

SECRET = "01" * 32


def invoice(bitcoins):
    tags = bolt11.Tags.from_dict({"payment_hash": "01" * 32, "payment_secret": "02" * 32, "description": "order 17"})
    written = bolt11.encode(bolt11.Bolt11("bcrt", 1700000000, tags, bolt11.MilliSatoshi(bitcoins * 10**11)), SECRET)
    return written[:14], bolt11.decode(written).amount_msat / Decimal(10**11)


for bitcoins in (1, 999, 1000, 1001, 21000):
    written, read = invoice(bitcoins)
    print(bitcoins, "bitcoins:", written, "->", read)
print("0.000000000001 bitcoins:", btc_to_amount(Decimal("0.000000000001")))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
1 bitcoins: lnbcrt11pj48ug -> 1
999 bitcoins: lnbcrt9991pj48 -> 999
1000 bitcoins: lnbcrt11pj48ug -> 1
1001 bitcoins: lnbcrt10011pj4 -> 1001
21000 bitcoins: lnbcrt211pj48u -> 21
0.000000000001 bitcoins: 0
SEEN
