#!/usr/bin/env bash
# django-celery-beat 2.9.0, celery 5.7.0, Django 5.2.19 (PyPI, Python 3.11): CELERY_BEAT_SCHEDULE with "options": {"expires": 60}.
#
# Guess beforehand: the database's scheduler reads the same setting as Celery's own, so each message still expires after 60 seconds.
# Seen: Celery's own scheduler sends with `expires` 60. The database's scheduler writes the entry into its table without it and sends
# messages that never expire; `time_limit` and `retry` are lost in the same way, and `queue` is kept. Nothing says so. The
# name that it knows is `expire_seconds`.
# Consequence: while workers are down, a message a minute piles up, and all of them run when they are back. Write "expire_seconds".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-celery-beat==2.9.0 celery==5.7.0 django==5.2.19
cat >"$folder/shop.py" <<'PYTHON'
import django
from celery import Celery
from celery.beat import Scheduler
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    USE_TZ=True,
    TIME_ZONE="UTC",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django_celery_beat"],
)
django.setup()
from django.core.management import call_command
from django_celery_beat.schedulers import DatabaseScheduler

call_command("migrate", verbosity=0)
options = {"expires": 60, "time_limit": 30, "retry": False, "queue": "money"}
app = Celery("shop", broker="memory://")
app.conf.beat_schedule = {
    "expires": {"task": "shop.settle", "schedule": 60, "options": options},
    "expire_seconds": {"task": "shop.settle", "schedule": 60, "options": {"expire_seconds": 60}},
}
own = Scheduler(app=app)
own.merge_inplace(app.conf.beat_schedule)
print("Celery's own:", own.schedule["expires"].options)
for name in app.conf.beat_schedule:
    sent = DatabaseScheduler(app=app).schedule[name].options
    print(f"the database's, {name}:", {option: sent[option] for option in sent if option != "headers"})
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
Celery's own: {'expires': 60, 'time_limit': 30, 'retry': False, 'queue': 'money'}
the database's, expires: {'queue': 'money'}
the database's, expire_seconds: {'expires': 60}
SEEN
