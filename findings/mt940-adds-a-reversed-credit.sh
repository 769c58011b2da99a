#!/usr/bin/env bash
# mt-940 5.1.1 (PyPI, Python 3.11): the sign of an entry that takes a credit back (mark RC).
#
# Guess beforehand: a debit (D) and a reversal of a credit (RC) are negative, for both take money from the account, so that
# the entries add up to the difference of the balances.
# Seen: D alone is negative. RC is positive by default, as a credit is, and the sum differs from the balances by twice the
# amount. With Options(reversal_sign=True), which the package has for this, it is negative.
# Consequence: an order whose bank payment was called back looks paid twice. Give the option, and compare the sum with the
# balances.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mt-940==5.1.1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import mt940

STATEMENT = """:20:STATEMENT
:25:12345678/0001234567
:28C:1/1
:60F:C260301EUR3000,00
:61:2603020302C500,00NTRFORDER17
:86:payment of order 17
:61:2603020302D20,00NTRFFEE
:86:fee
:61:2603020302RC500,00NTRFORDER17
:86:payment of order 17 called back
:62F:C260302EUR2980,00
-
"""


def read(options):
    statement = mt940.models.Transactions(options=options)
    statement.parse(STATEMENT)
    return [(entry.data["status"], entry.data["amount"].amount) for entry in statement]


print("balances: 3000.00 to 2980.00")
for options in (mt940.Options(), mt940.Options(reversal_sign=True)):
    entries = read(options)
    print(*(f"{mark} {amount}" for mark, amount in entries), "sum", sum(amount for _, amount in entries))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
balances: 3000.00 to 2980.00
C 500.00 D -20.00 RC 500.00 sum 980.00
C 500.00 D -20.00 RC -500.00 sum -20.00
SEEN
