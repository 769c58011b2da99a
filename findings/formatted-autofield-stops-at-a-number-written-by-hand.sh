#!/usr/bin/env bash
# django-formatted-autofield 0.3.0, Django 5.2.19 (PyPI, Python 3.11): invoice numbers of the form INV-{year}-{seq:03d}.
#
# Guess beforehand: a number that was given by hand, which the readme allows, is passed over when its turn comes; a new year
# begins at 1; and a model that inherits the field counts on in the same row of numbers.
# Seen: when its turn comes, the number is given again, and the unique column refuses it. The counter is a row that the failed
# transaction takes back, so that each later attempt fails at the same number, for ever. The year is text only: 2027 begins where
# 2026 ended. A model that inherits the field counts from 1 again, in the same column.
# Consequence: one invoice written by hand, or imported, stops the making of invoices some days later. Give numbers by hand in
# another form than the counter writes, and set the counter beyond all that is there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-formatted-autofield==0.3.0 django==5.2.19
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["formatted_autofield"],
)
django.setup()
from django.core.management import call_command
from django.db import IntegrityError, connection, models, transaction
from formatted_autofield import FormattedAutoField

this_year = 2026


class Invoice(models.Model):
    number = FormattedAutoField(format_string="INV-{year}-{seq:03d}", placeholders={"year": lambda: this_year}, unique=True)

    class Meta:
        app_label = "shop"


class CreditNote(Invoice):
    class Meta:
        app_label = "shop"


call_command("migrate", verbosity=0)
with connection.schema_editor() as editor:
    editor.create_model(Invoice)
    editor.create_model(CreditNote)


def create(model=Invoice, **values):
    try:
        with transaction.atomic():
            return model.objects.create(**values).number
    except IntegrityError as error:
        return f"IntegrityError: {error}"


print(create(), create())
print("by hand:", create(number="INV-2026-003"))
for _ in range(3):
    print("next:", create())
Invoice.objects.filter(number="INV-2026-003").update(number="by hand")
print("without it:", create())
this_year = 2027
print("the year after:", create())
print("a credit note:", create(CreditNote))
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
INV-2026-001 INV-2026-002
by hand: INV-2026-003
next: IntegrityError: UNIQUE constraint failed: shop_invoice.number
next: IntegrityError: UNIQUE constraint failed: shop_invoice.number
next: IntegrityError: UNIQUE constraint failed: shop_invoice.number
without it: INV-2026-003
the year after: INV-2027-004
a credit note: INV-2027-001
SEEN
