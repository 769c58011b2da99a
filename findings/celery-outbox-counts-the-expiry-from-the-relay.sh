#!/usr/bin/env bash
# django-celery-outbox 0.4.3, celery 5.7.0, Django 5.2.19 (PyPI, Python 3.11): `apply_async(countdown=2, expires=3)`, and a relay
# that is started later.
#
# Guess beforehand: both count from the call, as with Celery, so that a message that has waited longer than it may live is sent as
# expired or not at all; and the headers of the call reach the worker.
# Seen: the countdown becomes a time when the call is made. The seconds of `expires` stay seconds and are counted when the relay
# sends: after a wait of five seconds a message that may live for three is sent with three more. The headers of the call are lost.
# An `expires` that is a time is kept as it is.
# Consequence: after an outage of the broker each "ask within a minute" of the last hours runs at once, with prices and offers of
# that time. Give `expires` as a time, and carry what a worker must know in the arguments.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-celery-outbox==0.4.3 celery==5.7.0 django==5.2.19
cat >"$folder/queue_of_shop.py" <<'PYTHON'
from django_celery_outbox import OutboxCelery

app = OutboxCelery("shop", broker="memory://")
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
import time
from datetime import datetime, timedelta, timezone

import django
from django.conf import settings

settings.configure(
    USE_TZ=True,
    LOGGING_CONFIG=None,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django_celery_outbox"],
    CELERY_OUTBOX_APP="queue_of_shop.app",
)
from celery import Celery

plain = Celery("plain", broker="memory://")
django.setup()
from django.core.management import call_command
from django.db import transaction
from django_celery_outbox.models import CeleryOutbox
from django_celery_outbox.relay._publisher import RelayPublisher
from queue_of_shop import app


def ask(order):
    pass


def read(sender):
    with sender.connection() as connection, connection.SimpleQueue("celery") as queue:
        message = queue.get(timeout=5)
        message.ack()
        return message.headers


def tell(name, headers):
    due = headers["eta"] and round((datetime.fromisoformat(headers["eta"]) - called).total_seconds())
    valid = datetime.fromisoformat(headers["expires"]) > datetime.now(timezone.utc)
    print(f"{name}: due {due} s after the call; {'valid' if valid else 'expired'} when it is sent; header {headers.get('tenant')}")


call_command("migrate", verbosity=0)
called = datetime.now(timezone.utc)
plain.task(ask, name="ask").apply_async((17,), countdown=2, expires=3, headers={"tenant": "ada"})
tell("Celery", read(plain))
task = app.task(ask, name="ask")
called = datetime.now(timezone.utc)
with transaction.atomic():
    task.apply_async((17,), countdown=2, expires=3, headers={"tenant": "ada"})
    task.apply_async((18,), expires=called + timedelta(seconds=3))
time.sleep(5)
# The relay runs on PostgreSQL and MySQL only; this is the step of it that sends a stored message.
for message in CeleryOutbox.objects.order_by("id"):
    RelayPublisher(app, send_timeout=5).publish(message)
tell("outbox, seconds", read(app))
tell("outbox, a time", read(app))
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
Celery: due 2 s after the call; valid when it is sent; header ada
outbox, seconds: due 2 s after the call; valid when it is sent; header None
outbox, a time: due None s after the call; expired when it is sent; header None
SEEN
