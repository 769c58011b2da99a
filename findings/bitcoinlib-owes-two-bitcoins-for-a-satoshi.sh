#!/usr/bin/env bash
# python-bitcoinlib 0.12.2 (PyPI, Python 3.11): an amount of satoshi below zero as text.
#
# Guess beforehand: `str_money_value` writes any whole number of satoshi as the same amount of bitcoins: -1 is -0.00000001, as 1 is
# 0.00000001.
# Seen: -1 satoshi is written as -1.99999999, and a fee of -1000 satoshi as -1.99999. The whole part is rounded down, and the rest of
# it is written without its sign. Whole bitcoins are right, and so is all above zero.
# Consequence: a change of a balance, a fee or a refund in a log or a mail is off by up to two bitcoins. Write
# `format(Decimal(satoshi) / COIN, ".8f")`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-bitcoinlib==0.12.2
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import Decimal

from bitcoin.core import COIN, str_money_value

for satoshi in (1, 1000, 150_000_000, COIN):
    for amount in (satoshi, -satoshi):
        print(amount, "->", str_money_value(amount), "for", format(Decimal(amount) / COIN, ".8f"))
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
1 -> 0.00000001 for 0.00000001
-1 -> -1.99999999 for -0.00000001
1000 -> 0.00001 for 0.00001000
-1000 -> -1.99999 for -0.00001000
150000000 -> 1.5 for 1.50000000
-150000000 -> -2.5 for -1.50000000
100000000 -> 1.0 for 1.00000000
-100000000 -> -1.0 for -1.00000000
SEEN
