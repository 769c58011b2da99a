#!/usr/bin/env bash
# django-money 3.6.2, Django 5.2.19 (PyPI, Python 3.11): an amount in another currency is written to a row that is there.
#
# Guess beforehand: every way of Django to write a MoneyField writes the amount with its currency, which is a column beside
# it.
# Seen: `update()` and a plain `save()` do. `update_or_create`, `save(update_fields=["price"])`, `bulk_update` and an upsert
# write the amount alone: 7 dollars over 5 euros become 7 euros, while the object in memory says dollars. No error, no
# warning.
# Consequence: name both columns ("price", "price_currency") wherever Django takes names of fields, and give update_or_create
# both as defaults.
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
from moneyed import Money
from sales.models import Offer

call_command("migrate", run_syncdb=True, verbosity=0)
EUROS, DOLLARS = Money(5, "EUR"), Money(7, "USD")


def saved(offer, **options):
    offer.price = DOLLARS
    offer.save(**options)


def bulk_updated(offer):
    offer.price = DOLLARS
    Offer.objects.bulk_update([offer], ["price"])


def upserted(offer):
    again = Offer(pk=offer.pk, price=DOLLARS)
    Offer.objects.bulk_create([again], update_conflicts=True, unique_fields=["id"], update_fields=["price"])


WAYS = {
    "save": saved,
    "update": lambda offer: Offer.objects.filter(pk=offer.pk).update(price=DOLLARS),
    "save(update_fields)": lambda offer: saved(offer, update_fields=["price"]),
    "update_or_create": lambda offer: Offer.objects.update_or_create(pk=offer.pk, defaults={"price": DOLLARS}),
    "bulk_update": bulk_updated,
    "upsert": upserted,
}
for name, write in WAYS.items():
    offer = Offer.objects.create(price=EUROS)
    write(offer)
    stored = Offer.objects.get(pk=offer.pk).price
    print(f"{name}: {stored.amount} {stored.currency}")
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
save: 7.00 USD
update: 7.00 USD
save(update_fields): 7.00 EUR
update_or_create: 7.00 EUR
bulk_update: 7.00 EUR
upsert: 7.00 EUR
SEEN
