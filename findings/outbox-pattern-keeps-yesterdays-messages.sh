#!/usr/bin/env bash
# django-outbox-pattern 3.2.1, Django 5.2.19 (PyPI, Python 3.11): messages that wait for a broker, and models that write them.
#
# Guess beforehand: a message that was committed is sent as soon as the broker is back, or is marked as failed; and `publish` adds a
# message to what a model's own `save` does.
# Seen: a message that has waited for more than a day is never sent. It stays "scheduled", and nothing is logged. `publish` replaces
# the `save` that is written in the model's class: a total that it computes is not stored.
# Consequence: after a broker was away over a weekend, the sales of its first day are paid and never shipped. Watch for rows that are
# scheduled and older than a few minutes, set `expires_at` far ahead, and compute in a base class or in `clean`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-outbox-pattern==3.2.1 django==5.2.19 stomp.py==8.2.0
mkdir "$folder/sales"
cat >"$folder/sales/__init__.py" </dev/null
cat >"$folder/sales/models.py" <<'PYTHON'
from django.db import models
from django_outbox_pattern.decorators import Config, publish


class Plain(models.Model):
    price = models.IntegerField()
    total = models.IntegerField(default=0)

    def save(self, *args, **kwargs):
        self.total = self.price * 2
        super().save(*args, **kwargs)


@publish([Config(destination="/topic/sales")])
class Published(models.Model):
    price = models.IntegerField()
    total = models.IntegerField(default=0)

    def save(self, *args, **kwargs):
        self.total = self.price * 2
        super().save(*args, **kwargs)
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
from datetime import timedelta

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django_outbox_pattern", "sales"],
    DJANGO_OUTBOX_PATTERN={"DEFAULT_PRODUCER_WAITING_TIME": 0},
)
django.setup()
from django.core.management import call_command
from django.utils import timezone
from django_outbox_pattern.models import Published as Message
from django_outbox_pattern.producers import Producer
from sales.models import Plain, Published

call_command("migrate", run_syncdb=True, verbosity=0)
print("total without and with publish:", *(model.objects.create(price=5).total for model in (Plain, Published)))
Message.objects.all().delete()


class Broker:
    """Takes the place of a connection to a broker."""

    def is_connected(self):
        return True

    def disconnect(self):
        pass

    def send(self, body, **kwargs):
        print("sent:", body)


for hours in (23, 25):
    message = Message.objects.create(destination="/topic/sales", body={"hours waited": hours})
    Message.objects.filter(pk=message.pk).update(
        added=timezone.now() - timedelta(hours=hours), expires_at=message.expires_at - timedelta(hours=hours)
    )
for _ in range(2):
    Producer(Broker(), "", "").publish_message_from_database()
for message in Message.objects.order_by("-added"):
    print(message.body, message.get_status_display())
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
total without and with publish: 10 0
sent: {"hours waited": 23}
{'hours waited': 23} Succeeded
{'hours waited': 25} Schedule
SEEN
