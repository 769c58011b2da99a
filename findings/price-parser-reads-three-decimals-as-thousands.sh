#!/usr/bin/env bash
# price-parser 0.5.1 (PyPI, Python 3.11): an amount of coins with three decimals is read a thousand times too large.
#
# Guess beforehand: "0.123 BTC" is 0.123, because no number begins with a thousands group of zero.
# Seen: a point followed by exactly three digits at the end always parts thousands, also after a leading zero; with
# any other count of digits it is the decimal point. "ADA" is read as the currency "DA" (an old sign of the dinar).
# Consequence: text of customers and of other shops' pages must be given its decimal point by the caller
# (`decimal_separator="."` reads 0.123), or be refused.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check price-parser==0.5.1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from price_parser import Price

for text in ("0.123 BTC", "0.1230 BTC", "170.833 XLM", "170.8330766 XLM"):
    print(text, "->", Price.fromstring(text).amount)
print("0.123 BTC with decimal_separator ->", Price.fromstring("0.123 BTC", decimal_separator=".").amount)
print("currency of 12.5 ADA ->", Price.fromstring("12.5 ADA").currency)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
0.123 BTC -> 123
0.1230 BTC -> 0.1230
170.833 XLM -> 170833
170.8330766 XLM -> 170.8330766
0.123 BTC with decimal_separator -> 0.123
currency of 12.5 ADA -> DA
SEEN
