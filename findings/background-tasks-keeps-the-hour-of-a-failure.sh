#!/usr/bin/env bash
# django-background-tasks 1.2.8, Django 5.2.19 (PyPI, Python 3.11): a daily task that fails now and then.
#
# Guess beforehand: a task that repeats daily from 05:00 on is due at 05:00 each day, whatever the day before brought; and one that
# has failed as often as it may is due again the next day.
# Seen: the next run is a day after the attempt that succeeded at last. A day with two failures moves the task from 05:00 to
# 05:02, for good; with the usual waits (the fourth power of the attempt) ten failures move it by seven hours. A task that
# has failed as often as it may is not due again: the series ends, with a row among the completed tasks. A worker that was
# down catches up and keeps the hour.
# Consequence: a bank or gateway that is out of order for an evening ends the settlement of all later days, and nothing says so on
# the next one. Let a task that repeats raise nothing, or look for its row each day.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-background-tasks==1.2.8 django==5.2.19 \
  time-machine==3.2.0 setuptools==80.9.0
cat >"$folder/shop.py" <<'PYTHON'
import logging
from datetime import datetime, timedelta, timezone

import django
import time_machine
from django.conf import settings

settings.configure(
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.contenttypes", "background_task"],
    MAX_ATTEMPTS=4,
)
django.setup()
logging.disable(logging.CRITICAL)
from background_task import background
from background_task.models import Task
from background_task.tasks import tasks
from django.core.management import call_command

START = datetime(2026, 6, 1, 5, tzinfo=timezone.utc)
failures = {2: 0, 3: 2, 5: 4}  # day of the month: how often the gateway does not answer
down = 7
seen = {}


@background
def settle():
    now = datetime.now(timezone.utc)
    failed = failures.get(now.day, 0) > 0
    seen.setdefault(now.day, []).append(f"{now:%H:%M} {'failed' if failed else 'done'}")
    if failed:
        failures[now.day] -= 1
        raise OSError("no answer")


call_command("migrate", verbosity=0)


def run(days, closed=()):
    seen.clear()
    with time_machine.travel(START, tick=False) as clock:
        Task.objects.all().delete()
        settle(schedule=START, repeat=Task.DAILY)
        for minute in range(days * 24 * 60):
            clock.move_to(START + timedelta(minutes=minute))
            if not any(first <= datetime.now(timezone.utc) < last for first, last in closed):
                tasks.run_next_task()
    for day in range(1, days + 1):
        print(f"{day} June:", ", ".join(seen.get(day, ["nothing"])))
    print("still scheduled:", Task.objects.count())


run(7)
failures = {}
print("the worker is down from 2 June, 04:00, to 3 June, 12:00")
run(5, [(datetime(2026, 6, 2, 4, tzinfo=timezone.utc), datetime(2026, 6, 3, 12, tzinfo=timezone.utc))])
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
1 June: 05:00 done
2 June: 05:00 done
3 June: 05:00 failed, 05:01 failed, 05:02 done
4 June: 05:02 done
5 June: 05:02 failed, 05:03 failed, 05:04 failed, 05:06 failed
6 June: nothing
7 June: nothing
still scheduled: 0
the worker is down from 2 June, 04:00, to 3 June, 12:00
1 June: 05:00 done
2 June: nothing
3 June: 12:00 done
4 June: 05:00 done
5 June: 05:00 done
still scheduled: 1
SEEN
