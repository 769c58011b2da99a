#!/usr/bin/env bash
# django-jaiminho 2.2.1, Django 5.2.19 (PyPI, Python 3.11): a call from the outbox that writes a row and then fails.
#
# Guess beforehand: the relay calls the function within a transaction, as it locks the event's row in one, so that what a failed call
# wrote is taken back; and with `save_to_outbox` the event is a row of the caller's own transaction, as the readme says.
# Seen: the error is caught within the transaction, which then commits: each failed attempt leaves its rows. Three attempts, the
# last of which succeeds, book a credit three times. By default no row is written with the caller's transaction, only once the
# call has failed after it.
# Consequence: a retry that books before it calls another service books as often as that service is away. Wrap the function's body in
# transaction.atomic of its own, and set PERSIST_ALL_EVENTS.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-jaiminho==2.2.1 django==5.2.19 dill==0.4.0
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from django.db import models


class Credit(models.Model):
    amount = models.IntegerField()
PYTHON
cat >"$folder/sales/calls.py" <<'PYTHON'
from contextlib import nullcontext

from jaiminho.send import save_to_outbox

from sales.models import Credit

is_away = True
wrap = nullcontext


@save_to_outbox
def book(amount):
    with wrap():
        Credit.objects.create(amount=amount)
        if is_away:
            raise ConnectionError("The other service is away.")
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
import logging

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["jaiminho", "sales"],
    JAIMINHO_CONFIG={"DEFAULT_CAPTURE_EXCEPTION": None, "DELETE_AFTER_SEND": True},
)
django.setup()
from django.core.management import call_command
from django.db import transaction
from jaiminho.models import Event
from jaiminho.relayer import EventRelayer
from sales import calls
from sales.models import Credit

logging.disable(logging.CRITICAL)
call_command("migrate", run_syncdb=True, verbosity=0)


def attempt(name, wrap):
    Credit.objects.all().delete()
    calls.wrap, calls.is_away = wrap, True
    with transaction.atomic():
        calls.book(50)
        print(f"{name}: {Event.objects.count()} events before the commit")
    for calls.is_away in (True, False):
        print(f"{name}: {Event.objects.count()} events, {Credit.objects.count()} credits")
        EventRelayer().relay()
    print(f"{name}: {Event.objects.count()} events, {Credit.objects.count()} credits")


attempt("as it is", calls.nullcontext)
attempt("wrapped", transaction.atomic)
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
as it is: 0 events before the commit
as it is: 1 events, 1 credits
as it is: 1 events, 2 credits
as it is: 0 events, 3 credits
wrapped: 0 events before the commit
wrapped: 1 events, 0 credits
wrapped: 1 events, 0 credits
wrapped: 0 events, 1 credits
SEEN
