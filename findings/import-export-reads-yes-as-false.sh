#!/usr/bin/env bash
# django-import-export 4.4.3, Django 5.2.19 (PyPI, Python 3.11): a table of payments is read into typed columns.
#
# Guess beforehand: a cell that does not fit its column is an error of its row; "yes" in a BooleanField is true or an error;
# and a row that was exported comes back as it was.
# Seen: whatever is not one of "1", "true", "TRUE" and "True" is False, so also "yes", "1.0" and "True" with a space. A whole
# number is cut: 1.9 is 1 and 0.9 is 0. An import has no error and no invalid row for these. A JSON value of 0 or [] is
# exported as an empty cell, and comes back as the column's default.
# Consequence: a spreadsheet of paid orders from another program can import as unpaid, and one of units as fewer. Give such
# fields a widget of your own that refuses, and compare counts and sums after an import.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-import-export==4.4.3 django==5.2.19
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from django.db import models


class Sale(models.Model):
    paid = models.BooleanField(default=False)
    units = models.IntegerField(default=0)
    extra = models.JSONField(default=dict)
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["import_export", "sales"],
)
django.setup()
from django.core.management import call_command
from import_export import resources
from sales.models import Sale
from tablib import Dataset

call_command("migrate", run_syncdb=True, verbosity=0)


class Sales(resources.ModelResource):
    class Meta:
        model = Sale


def read(column, values):
    Sale.objects.all().delete()
    result = Sales().import_data(Dataset(*enumerate(values, 1), headers=["id", column]))
    faults = len(result.row_errors()) + len(result.invalid_rows)
    print(f"{column} {values} -> {list(Sale.objects.order_by('pk').values_list(column, flat=True))}, faults: {faults}")


read("paid", ["true", "yes", "1.0", "True "])
read("units", ["1.9", "0.9"])
Sale.objects.all().delete()
for value in (1, 0, []):
    Sale.objects.create(extra=value)
exported = Sales().export(Sale.objects.order_by("pk"))
Sale.objects.all().delete()
Sales().import_data(Dataset().load(exported.csv, format="csv"))
print("extra [1, 0, []] exported and read ->", list(Sale.objects.order_by("pk").values_list("extra", flat=True)))
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
paid ['true', 'yes', '1.0', 'True '] -> [True, False, False, False], faults: 0
units ['1.9', '0.9'] -> [1, 0], faults: 0
extra [1, 0, []] exported and read -> [1, {}, {}]
SEEN
