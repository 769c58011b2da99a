#!/usr/bin/env bash
# django-auditlog 3.4.1, Django 5.2.19 (PyPI, Python 3.11): the trail of a DecimalField.
#
# Guess beforehand: an entry has the old and the new value of the column, and a save that changes nothing writes no entry.
# Seen: the entry has what the object held before the save. `F("balance") + 5` is written as text in place of the sum; 10.004
# is written where two decimals are stored; an amount given as "10" and saved twice gives an entry "10.00" to "10". The old
# value of the next entry is then not the new one of the last.
# Consequence: the trail cannot be added up, nor compared with the column. Make the amount a Decimal of the column's decimals
# before saving, and read the row again after an F expression.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-auditlog==3.4.1 django==5.2.19
mkdir "$folder/books"
cat >"$folder/books/__init__.py" </dev/null
cat >"$folder/books/models.py" <<'PYTHON'
from django.db import models


class Account(models.Model):
    balance = models.DecimalField(max_digits=12, decimal_places=2)
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
from decimal import Decimal

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "auditlog", "books"],
)
django.setup()
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from books.models import Account
from django.core.management import call_command
from django.db.models import F

call_command("migrate", run_syncdb=True, verbosity=0)
auditlog.register(Account)


def save(account, what):
    before = LogEntry.objects.count()
    account.save()
    stored = Account.objects.get(pk=account.pk).balance
    entry = LogEntry.objects.first().changes["balance"] if LogEntry.objects.count() > before else "none"
    print(f"{what}: entry {entry}, stored {stored}")


account = Account.objects.create(balance="10")
save(account, "saved again")
for value in (Decimal("10.004"), F("balance") + 5, Decimal("20.00")):
    account = Account.objects.get(pk=account.pk)
    account.balance = value
    save(account, value)
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
saved again: entry ['10.00', '10'], stored 10.00
10.004: entry ['10.00', '10.004'], stored 10.00
F(balance) + Value(5): entry ['10.00', 'F(balance) + Value(5)'], stored 15.00
20.00: entry ['15.00', '20.00'], stored 20.00
SEEN
