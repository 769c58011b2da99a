#!/usr/bin/env bash
# django-reversion 6.4.0, Django 5.2.19 (PyPI, Python 3.11): what a version holds, and what going back to it writes.
#
# Guess beforehand: a version holds the row as it is stored after the save, so that going back to the newest one changes nothing;
# it can always be read.
# Seen: it holds the object in memory. After `save(update_fields=["note"])` the version has the balance that the object was loaded
# with, and going back to it writes that over the stored one. After a save with F() it has the text "F(balance) + Value(5)", and
# reading it is a RevertError. Times lose their microseconds.
# Consequence: a change of a note that is taken back in the admin gives spent money back. Read the row again
# (`refresh_from_db`) before the revision ends, and do not offer to go back where balances or states are kept.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-reversion==6.4.0 django==5.2.19
mkdir "$folder/books"
cat >"$folder/books/__init__.py" </dev/null
cat >"$folder/books/models.py" <<'PYTHON'
from django.db import models


class Account(models.Model):
    note = models.CharField(max_length=20)
    balance = models.DecimalField(max_digits=12, decimal_places=2)
    seen_at = models.DateTimeField()
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
import datetime

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "reversion", "books"],
)
django.setup()
import reversion
from books.models import Account
from django.core.management import call_command
from django.db.models import F
from reversion.models import Version

call_command("migrate", run_syncdb=True, verbosity=0)
reversion.register(Account)
moment = datetime.datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=datetime.timezone.utc)
account = Account.objects.create(note="new", balance=100, seen_at=moment)
other = Account.objects.get()
other.balance = 0
other.save()
with reversion.create_revision():
    account.note = "called"
    account.save(update_fields=["note"])
print("stored before", Account.objects.get().balance, Account.objects.get().seen_at.time())
Version.objects.get_for_object(account)[0].revert()
print("stored after going back to the newest version", Account.objects.get().balance, Account.objects.get().seen_at.time())
with reversion.create_revision():
    account.balance = F("balance") + 5
    account.save()
try:
    print(Version.objects.get_for_object(account)[0].field_dict)
except reversion.RevertError as error:
    print(f"after F(): stored {Account.objects.get().balance}, RevertError: {error}")
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
stored before 0.00 12:00:00.123456
stored after going back to the newest version 100.00 12:00:00.123000
after F(): stored 105.00, RevertError: Could not load Account object (1) version - incompatible version data.
SEEN
