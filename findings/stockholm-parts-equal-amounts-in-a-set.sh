#!/usr/bin/env bash
# stockholm 0.5.7 (PyPI, Python 3.11): equal amounts of money as keys of a set or a dictionary.
#
# Guess beforehand: equal Money objects have equal hashes, as Python asks of every class and as its Decimal does (0.5 and
# 0.50).
# Seen: the hash is made from the text of the amount, so that 0.5, 0.50 and 0.25 + 0.25 are equal to each other and three
# entries of a set.
# Consequence: matching payments with orders by amount (a dictionary, a set, Counter) misses equal ones, depending on how many
# zeros each source writes. Use the Decimal and the currency as the key.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check stockholm==0.5.7
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import Decimal

from stockholm import Money

ordered, paid, summed = Money("0.5 BTC"), Money("0.500 BTC"), Money("0.25 BTC") + Money("0.25 BTC")
print("equal:", ordered == paid == summed)
print("entries of a set:", len({ordered, paid, summed}))
print("paid is a key:", paid in {ordered: "order 17"})
print("the same with Decimal:", len({Decimal("0.5"), Decimal("0.500"), Decimal("0.25") + Decimal("0.25")}))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
equal: True
entries of a set: 3
paid is a key: False
the same with Decimal: 1
SEEN
