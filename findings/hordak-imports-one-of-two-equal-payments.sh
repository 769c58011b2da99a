#!/usr/bin/env bash
# django-hordak 2.0.0, django-import-export 4.4.3, Django 5.2.19 (PyPI, Python 3.11): the bank's lines from a CSV file.
#
# Guess beforehand: a line is a repeated one if the same bank account has it already, with all that the file says of it; two
# payments with references of their own are two, and what cannot be stored as given is an error.
# Seen: lines are compared with those of all bank accounts, by date, amount and description. So a line of the account in
# dollars is skipped because the account in euros has such a one. Rows of one file count as repeated only if they are equal in
# every column: with another reference, or 50.00 and 50.0, the second is skipped. 1.005 is stored as 1.00. No error in any case.
# Consequence: customers who pay the same price on one day are booked once. Give the description the bank's reference, import each
# account with its own name in it, and compare the count and the sum with the file. (The tables are made without the
# migrations, which want PostgreSQL or MySQL; the import is Python only.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-hordak==2.0.0 django-import-export==4.4.3 \
  django==5.2.19 django-mptt==0.20.0 django-money==3.6.2
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
    MIGRATION_MODULES={"hordak": None},
)
django.setup()
from django.core.management import call_command
from hordak.models import Account, StatementImport
from hordak.resources import StatementLineResource
from tablib import Dataset

call_command("migrate", run_syncdb=True, verbosity=0)


def load(what, account, headers, *rows):
    lines = StatementImport.objects.create(bank_account=account, source="csv")
    resource = StatementLineResource("%Y-%m-%d", lines)
    totals = resource.import_data(Dataset(*rows, headers=headers)).totals
    stored = [str(line.amount) for line in lines.lines.all()]
    print(f"{what}: {len(rows)} rows, {totals['skip']} skipped, {totals['error']} errors, stored {stored}")


euros, dollars = (
    Account.objects.create(name=f"Bank {code}", code=code, type="AS", is_bank_account=True, currencies=[currency])
    for code, currency in (("1", "EUR"), ("2", "USD"))
)
plain = ["date", "amount", "description"]
load("equal rows", euros, plain, ("2026-03-02", "50.00", "Order"), ("2026-03-02", "50.00", "Order"))
load("other account", dollars, plain, ("2026-03-02", "50.00", "Order"))
load("references", euros, [*plain, "col_4"], ("2026-03-03", "50.00", "Order", "R1"), ("2026-03-03", "50.00", "Order", "R2"))
load("other zeros", euros, plain, ("2026-03-04", "50.00", "Order"), ("2026-03-04", "50.0", "Order"))
load("three decimals", euros, plain, ("2026-03-05", "1.005", "Order"))
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
equal rows: 2 rows, 0 skipped, 0 errors, stored ['50.00', '50.00']
other account: 1 rows, 1 skipped, 0 errors, stored []
references: 2 rows, 1 skipped, 0 errors, stored ['50.00']
other zeros: 2 rows, 1 skipped, 0 errors, stored ['50.00']
three decimals: 1 rows, 0 skipped, 0 errors, stored ['1.00']
SEEN
