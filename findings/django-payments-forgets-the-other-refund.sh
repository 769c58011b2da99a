#!/usr/bin/env bash
# django-payments 4.1.0, Django 5.2.19 (PyPI, Python 3.11): `payment.refund(amount)` by two members of staff.
#
# Guess beforehand: a refund is written with a lock, or as a difference in the database (`captured_amount - amount`), so that two
# refunds that begin with the same row add up; at the least, the second is refused.
# Seen: each call takes the amount off the object that it was given, and saves every field of it. Two refunds of 60 of 100, each on an
# object that was read before, both go to the provider, 120 in all. Then 40 is on record as still captured, and the payment is
# CONFIRMED, so a third refund passes too.
# Consequence: lock the row and read it anew before `refund()`; a provider should count what it has sent back itself, and refuse more.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-payments==4.1.0 django==5.2.19
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from payments.models import BasePayment


class Sale(BasePayment):
    pass
PYTHON
cat >"$folder/provider.py" <<'PYTHON'
from payments.core import BasicProvider

sent = []


class Wallet(BasicProvider):
    def refund(self, payment, amount=None):
        sent.append(amount)
        return amount
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
from decimal import Decimal
from importlib.metadata import version

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "payments", "sales"],
    PAYMENT_HOST="shop.example",
    PAYMENT_MODEL="sales.Sale",
    PAYMENT_VARIANTS={"wallet": ("provider.Wallet", {})},
)
django.setup()
from django.db import connection
from provider import sent
from sales.models import Sale

with connection.schema_editor() as editor:
    editor.create_model(Sale)
paid = {"total": Decimal(100), "captured_amount": Decimal(100), "status": "confirmed", "currency": "EUR"}
made = Sale.objects.create(variant="wallet", **paid)
ada, bob = Sale.objects.get(pk=made.pk), Sale.objects.get(pk=made.pk)
ada.refund(Decimal(60))
bob.refund(Decimal(60))
now = Sale.objects.get(pk=made.pk)
print("django-payments", version("django-payments"), "Django", django.__version__)
print("sent back:", sum(sent), "of", made.total)
print("on record: captured", now.captured_amount, "and", now.status)
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
django-payments 4.1.0 Django 5.2.19
sent back: 120 of 100
on record: captured 40.00 and confirmed
SEEN
