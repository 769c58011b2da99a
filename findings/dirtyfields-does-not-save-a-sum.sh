#!/usr/bin/env bash
# django-dirtyfields 1.9.9, Django 5.2.19 (PyPI, Python 3.11): a balance that is changed by the database, F("balance") + 5.
#
# Guess beforehand: a field that was given an expression differs from what is stored, so that `is_dirty` says so and
# `save_dirty_fields` saves it; or the expression is an error.
# Seen: the object is not dirty, and `save_dirty_fields` writes nothing, or only the other fields that were changed. No error. `save`
# writes it, and Django's own `save(update_fields=...)` does.
# Consequence: a credit that is added as Django's guide advises for races is lost without a trace, while the note beside it is
# saved. Save such a field with `save(update_fields=["balance"])`, or with the update of a queryset.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-dirtyfields==1.9.9 django==5.2.19
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from dirtyfields import DirtyFieldsMixin
from django.db import models


class Wallet(DirtyFieldsMixin, models.Model):
    balance = models.IntegerField()
    note = models.CharField(max_length=20)
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["sales"],
)
django.setup()
from django.core.management import call_command
from django.db.models import F
from sales.models import Wallet

call_command("migrate", run_syncdb=True, verbosity=0)


def credit(name, save, note="", amount=None):
    wallet = Wallet.objects.create(balance=10)
    wallet.balance = amount or F("balance") + 5
    wallet.note = note
    dirty = sorted(wallet.get_dirty_fields())
    save(wallet)
    stored = Wallet.objects.get(pk=wallet.pk)
    print(f"{name}: dirty {dirty}, stored {stored.balance} {stored.note!r}")


credit("number", Wallet.save_dirty_fields, amount=15)
credit("expression", Wallet.save_dirty_fields)
credit("expression and note", Wallet.save_dirty_fields, note="paid")
credit("expression, save", Wallet.save, note="paid")
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
number: dirty ['balance'], stored 15 ''
expression: dirty [], stored 10 ''
expression and note: dirty ['note'], stored 10 'paid'
expression, save: dirty ['note'], stored 15 'paid'
SEEN
