#!/usr/bin/env bash
# xrpl-py 5.2.0 (PyPI, Python 3.11): the conversion of XRP into drops refuses an amount as text, and takes a float.
#
# Guess beforehand: xrp_to_drops("12.5") works, for amounts of this ledger travel as text, and a float is refused.
# Seen: the other way round: text raises TypeError, which advises a number; a float is accepted and rounded
# to a drop. The way back, drops_to_xrp, takes text only, and with it an exponent, which no ledger writes.
# Consequence: an amount read from JSON or a form must be made a Decimal first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xrpl-py==5.2.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import Decimal

from xrpl.utils import drops_to_xrp, xrp_to_drops

for amount in ("12.5", 0.1 + 0.2, Decimal("12.5")):
    try:
        print(repr(amount), "->", xrp_to_drops(amount))
    except TypeError as error:
        print(repr(amount), "->", type(error).__name__)
print("drops 1e3 ->", drops_to_xrp("1e3"))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
'12.5' -> TypeError
0.30000000000000004 -> 300000
Decimal('12.5') -> 12500000
drops 1e3 -> 0.001
SEEN
