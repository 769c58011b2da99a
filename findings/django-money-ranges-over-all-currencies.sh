#!/usr/bin/env bash
# django-money 3.6.2, Django 5.2.19 (PyPI, Python 3.11): filters and sums where rows have different currencies.
#
# Guess beforehand: a filter by amounts of Money finds rows of their currency, whatever the lookup, and adding euros to an F
# expression leaves rows in dollars alone or is refused, as Money(5, "USD") + Money(1, "EUR") is.
# Seen: exact, gt, gte, lt, lte and in compare the currency. range compares the number alone, so it also finds 5 dollars
# between 1 and 9 euros, and `update(price=F("price") + Money(1, "EUR"))` adds 1 to the dollars.
# Consequence: "orders from 10 to 50 euros" by range has orders of other currencies in it. Write gte and lte, and filter by
# the currency's column before an update.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-money==3.6.2 py-moneyed==3.0 django==5.2.19
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from django.db import models
from djmoney.models.fields import MoneyField


class Offer(models.Model):
    price = MoneyField(max_digits=12, decimal_places=2, default_currency="EUR")
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["djmoney", "sales"],
)
django.setup()
from django.core.management import call_command
from django.db.models import F
from moneyed import Money
from sales.models import Offer

call_command("migrate", run_syncdb=True, verbosity=0)
ONE, FIVE, NINE = (Money(amount, "EUR") for amount in (1, 5, 9))
for currency in ("EUR", "USD"):
    Offer.objects.create(price=Money(5, currency))


def prices(**lookup):
    return ", ".join(f"{offer.price.amount} {offer.price.currency}" for offer in Offer.objects.filter(**lookup).order_by("pk"))


print("in:", prices(price__in=[FIVE]))
print("gte and lte:", prices(price__gte=ONE, price__lte=NINE))
print("range:", prices(price__range=(ONE, NINE)))
Offer.objects.update(price=F("price") + ONE)
print("after + 1 EUR:", prices())
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
in: 5.00 EUR
gte and lte: 5.00 EUR
range: 5.00 EUR, 5.00 USD
after + 1 EUR: 6.00 EUR, 6.00 USD
SEEN
