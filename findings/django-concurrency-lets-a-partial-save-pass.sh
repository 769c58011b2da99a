#!/usr/bin/env bash
# django-concurrency 2.8.1, Django 5.2.19 (PyPI, Python 3.11): two people change one row that has a version.
#
# Guess beforehand: each update asks for the version that was read, as the guide shows (UPDATE ... WHERE id = ... AND version = ...),
# so that the second one is a RecordModifiedError, whatever it saves; a row that was deleted is not there any more.
# Seen: a save with `update_fields`, and without the version's name in them, does not count the version up. So the next save,
# partial or whole, overwrites it. A row that another deleted is written anew by `save`, under its old key. A row that another
# changed can be deleted.
# Consequence: the amount of a refund that two people changed is the last one's, and an order that was deleted comes back. Name the
# version in each `update_fields`, and lock the row (`select_for_update`) where money is decided.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-concurrency==2.8.1 django==5.2.19
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from concurrency.fields import IntegerVersionField
from django.db import models


class Refund(models.Model):
    amount = models.IntegerField()
    version = IntegerVersionField()
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "concurrency", "sales"],
)
django.setup()
from concurrency.exceptions import RecordModifiedError
from django.core.management import call_command
from sales.models import Refund

call_command("migrate", run_syncdb=True, verbosity=0)


def race(name, first, second):
    made = Refund.objects.create(amount=10)
    ada, bob = Refund.objects.get(pk=made.pk), Refund.objects.get(pk=made.pk)
    ada.amount, bob.amount = 20, 30
    first(ada)
    try:
        second(bob)
        answer = "accepted"
    except RecordModifiedError:
        answer = "refused"
    print(f"{name}: second {answer}, stored", *(Refund.objects.filter(pk=made.pk).values_list("amount", flat=True) or ["none"]))


def save(*names):
    return lambda refund: refund.save(update_fields=names or None)


race("save, save", save(), save())
race("partial, partial", save("amount"), save("amount"))
race("partial, save", save("amount"), save())
race("save, partial", save(), save("amount"))
race("with the version named", save("amount", "version"), save("amount", "version"))
race("delete, save", Refund.delete, save())
race("save, delete", save(), Refund.delete)
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
save, save: second refused, stored 20
partial, partial: second accepted, stored 30
partial, save: second accepted, stored 30
save, partial: second refused, stored 20
with the version named: second refused, stored 20
delete, save: second accepted, stored 30
save, delete: second accepted, stored none
SEEN
