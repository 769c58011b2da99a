#!/usr/bin/env bash
# django-celery-beat 2.9.0, celery 5.7.0, Django 5.2.19 (PyPI, Python 3.11): a daily task, after beat was down at its hour.
#
# Guess beforehand: when beat is back, a daily task whose hour has passed is due and runs once, as with Celery's own scheduler,
# which compares with the last run; and a task at "every day at 5" runs as one at "every day at 5 or 5".
# Seen: tasks with one plain hour are taken from the table only within two hours of that hour. Beat that comes back later does not
# have the task in its schedule, though the task itself says that it is due, and nothing says so. The next day it is due as soon
# as the two hours before begin: the missed run comes up to 22 hours late, shortly before the regular one. The same hour written
# as a range ("5-5") is taken at once, and so is an interval of a day.
# Consequence: after a night's outage of three hours the day has no settlement and no clean-up, and the next has two. Write the
# hour as a range, or use an interval.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-celery-beat==2.9.0 celery==5.7.0 django==5.2.19
cat >"$folder/shop.py" <<'PYTHON'
import datetime

import django
from celery import Celery
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
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

call_command("migrate", verbosity=0)
app = Celery("shop", broker="memory://")
now = datetime.datetime.now(datetime.timezone.utc)
ago = 5 if now.hour != 9 else 6  # the hour of 4 is always taken, for Celery's own clean-up
missed = now - datetime.timedelta(hours=ago)
plans = {
    "an hour ago": str((now.hour - 1) % 24),
    "many hours ago": str(missed.hour),
    "many hours ago, as a range": f"{missed.hour}-{missed.hour}",
    "missed yesterday, again in an hour": str((now.hour + 1) % 24),
}
last_run = missed - datetime.timedelta(days=1)
for name, hour in plans.items():
    crontab = CrontabSchedule.objects.create(minute="0", hour=hour, timezone="UTC")
    PeriodicTask.objects.create(name=name, task="shop.settle", crontab=crontab, last_run_at=last_run)
day = IntervalSchedule.objects.create(every=1, period="days")
PeriodicTask.objects.create(name="interval of a day", task="shop.settle", interval=day, last_run_at=last_run)
schedule = DatabaseScheduler(app=app).schedule
for task in PeriodicTask.objects.filter(task="shop.settle").order_by("pk"):
    due = ModelEntry(task, app=app).is_due().is_due
    print(f"{task.name}: due {due}, in the schedule of beat {task.name in schedule}")
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
an hour ago: due True, in the schedule of beat True
many hours ago: due True, in the schedule of beat False
many hours ago, as a range: due True, in the schedule of beat True
missed yesterday, again in an hour: due True, in the schedule of beat True
interval of a day: due True, in the schedule of beat True
SEEN
