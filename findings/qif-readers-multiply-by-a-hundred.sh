#!/usr/bin/env bash
# quiffen 4.0.1 (PyPI, Python 3.11) and qif2json 0.4.0 (npm, Node 20): amounts of a QIF file, and a date of ISO 8601.
#
# Guess beforehand: a comma before the last two digits is the decimal comma, as banks of half of Europe write it, or an error;
# commas before groups of three are left out; a date that begins with the year is that date, or an error.
# Seen: both leave the comma out and read 12,50 as 1250; 1.234,50 becomes 1.2345. qif2json leaves out the first comma only, and
# reads the rest up to the next one: 1,234,567.00 is 1234. It reads 2026-03-02 as 26 March 2002. Nothing warns.
# Consequence: a payment is booked as a hundredfold, or a million as a thousand. Write the amounts with a point and without
# groups before reading, and compare the sum with the balance of the bank.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
# npm brings certificates of its own; a network may ask for those of the system.
export NODE_EXTRA_CA_CERTS="${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt}"
npm install --silent --no-audit --no-fund --prefix "$folder" qif2json@0.4.0 >/dev/null
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check quiffen==4.0.1
"$folder/venv/bin/python" - >seen <<'PYTHON'
from quiffen import Qif

for amount in ("12.50", "12,50", "1.234,50", "1,234,567.00"):
    (account,) = Qif.parse_string(f"!Type:Bank\nD03/02/2026\nT{amount}\nPAda\n^\n").accounts.values()
    print("quiffen", amount, "->", *(row.amount for rows in account.transactions.values() for row in rows))
PYTHON
cat >try.mjs <<'NODE'
import { parse } from "qif2json";

const read = async (date, amount) => (await parse(`!Type:Bank\nD${date}\nT${amount}\nPAda\n^\n`)).transactions[0];
for (const amount of ["12.50", "12,50", "1.234,50", "1,234,567.00"]) {
  console.log("qif2json", amount, "->", (await read("03/02/2026", amount)).amount);
}
console.log("qif2json 2026-03-02 ->", (await read("2026-03-02", "1.00")).date);
NODE
node try.mjs >>seen
cat seen
diff seen - <<'SEEN' && echo "as found"
quiffen 12.50 -> 12.50
quiffen 12,50 -> 1250
quiffen 1.234,50 -> 1.23450
quiffen 1,234,567.00 -> 1234567.00
qif2json 12.50 -> 12.5
qif2json 12,50 -> 1250
qif2json 1.234,50 -> 1.2345
qif2json 1,234,567.00 -> 1234
qif2json 2026-03-02 -> 2002-03-26T00:00:00
SEEN
