#!/usr/bin/env bash
# django-tasks-db 0.13.0, django-tasks 0.12.0, Django 5.2.19 (PyPI, Python 3.11): the order in which a worker runs waiting
# tasks.
#
# Guess beforehand: tasks of one priority run in the order in which they became due: first what was enqueued for at once, then
# what was enqueued afterwards for a later moment that has come meanwhile.
# Seen: every task that has a `run_after` runs before every one that has none, however long the latter waits. One without is
# stored as due in the year 9999, which sorts last.
# Consequence: where tasks postpone themselves again (retries, a poll each second) the others can wait without end. Give them
# a queue and a worker of their own, or a lower priority.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-tasks-db==0.13.0 django-tasks==0.12.0 django==5.2.19
cat >"$folder/jobs.py" <<'PYTHON'
from datetime import timedelta

from django.utils import timezone
from django_tasks import task

ran = []


@task()
def callback(number):
    ran.append(f"callback {number}")


@task()
def poll(number):
    ran.append(f"poll {number}")
    if number < 4:
        poll.using(run_after=timezone.now() - timedelta(seconds=1)).enqueue(number + 1)
PYTHON
cat >"$folder/shop.py" <<'PYTHON'
from datetime import timedelta

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not secret",
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
    INSTALLED_APPS=["django_tasks", "django_tasks_db"],
)
django.setup()
from django.core.management import call_command
from django.utils import timezone
from jobs import callback, poll, ran

call_command("migrate", verbosity=0)
callback.enqueue(1)
callback.enqueue(2)
poll.using(run_after=timezone.now() - timedelta(seconds=1)).enqueue(1)
call_command("db_worker", batch=True, startup_delay=False, interval=0, verbosity=0)
print(*ran, sep=", ")
PYTHON
(cd "$folder" && "$folder/venv/bin/python" shop.py) >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
poll 1, poll 2, poll 3, poll 4, callback 1, callback 2
SEEN
