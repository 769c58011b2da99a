#!/usr/bin/env bash
# py-moneyed 3.0 (PyPI, Python 3.11): a currency of a shop's own with a hundred million sub-units.
#
# Guess beforehand: Currency("BTC", sub_unit=10**8) is shown with eight decimals and rounded to eight, as the yen with its
# sub_unit of 1 is shown with none.
# Seen: only get_amount_in_sub_unit reads sub_unit. str() shows two decimals, and round() without an argument keeps none at
# all (the number of decimals is its argument, 0 by default, also for the euro).
# Consequence: 0.00499999 BTC is 0.00 in whatever prints a Money with str(). Format coins by hand, and always give round() its
# decimals.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check py-moneyed==3.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from moneyed import Currency, Money

coin = Money("0.00499999", Currency("BTC", name="Bitcoin", sub_unit=10**8))
print("sub-units:", coin.get_amount_in_sub_unit())
print("shown:", str(coin).replace("\xa0", " "))
print("rounded:", coin.round().amount)
print("rounded to 8:", coin.round(8).amount)
print("euro rounded:", Money("10.49", "EUR").round().amount)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
sub-units: 499999
shown: BTC 0.00
rounded: 0
rounded to 8: 0.00499999
euro rounded: 10
SEEN
