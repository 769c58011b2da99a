#!/usr/bin/env bash
# prices 1.1.1 (PyPI, Python 3.11; the money of django-prices): a percentage off a price with tax.
#
# Guess beforehand: ten percent off a price with tax is ten percent off its net and off its gross, so that the rate of the tax
# stays; half a cent is rounded as `quantize` of the same package does it, up; and a rounding that is given holds for a range.
# Seen: ten percent of the gross is taken from the net as well. 100 net and 120 gross become 88 and 108. Of half the price 40 are
# net and 20 tax, and from 84 percent on the net is 0 and the whole price is tax. With `from_gross=False` it is the other
# way: 90 and 110. The discount is rounded down by default, and so it is for a range whatever `rounding` says.
# Consequence: a sale reports more tax, and less turnover, than the prices have. Take the discount off one of the two, and make
# the other with `flat_tax`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prices==1.1.1 babel==2.19.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from decimal import ROUND_HALF_UP, Decimal

from prices import Money, MoneyRange, TaxedMoney, flat_tax, percentage_discount


def tell(name, price):
    print(f"{name}: net {price.net.amount}, tax {price.gross.amount - price.net.amount}, gross {price.gross.amount}")


price = flat_tax(Money(Decimal("100.00"), "EUR"), Decimal("0.20"))
tell("price", price)
for percent in (10, 50, 84):
    tell(f"{percent} % off", percentage_discount(price, percent))
tell("10 % off the net", percentage_discount(price, 10, from_gross=False))
tell("by hand", flat_tax(percentage_discount(price.net, 10), Decimal("0.20")))
cheap, dear = Money(Decimal("9.90"), "EUR"), Money(Decimal("19.90"), "EUR")
print("15 % off 9.90:", percentage_discount(cheap, 15).amount, percentage_discount(cheap, 15, rounding=ROUND_HALF_UP).amount)
between = percentage_discount(MoneyRange(cheap, dear), 15, rounding=ROUND_HALF_UP)
print("15 % off 9.90 to 19.90:", between.start.amount, between.stop.amount)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
price: net 100.00, tax 20.00, gross 120.00
10 % off: net 88.00, tax 20.00, gross 108.00
50 % off: net 40.00, tax 20.00, gross 60.00
84 % off: net 0, tax 19.20, gross 19.20
10 % off the net: net 90.00, tax 20.00, gross 110.00
by hand: net 90.00, tax 18.00, gross 108.00
15 % off 9.90: 8.42 8.41
15 % off 9.90 to 19.90: 8.42 16.92
SEEN
