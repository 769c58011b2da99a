#!/usr/bin/env bash
# django-crontask 2.0.1, APScheduler 3.11.3, django-dbtasks 0.5.0, Django 6.1.1 (PyPI, Python 3.12 or newer): lines of a crontab.
#
# Guess beforehand: a line with a day of the month and a day of the week runs on either, as Debian's cron and POSIX have it; 5/15
# in the minutes is each quarter of an hour from minute 5 on, for both; and a job of 1 January runs each year.
# Seen: for crontask "0 9 1 * mon" is a first of the month that is a Monday: next after 1 December 2026 comes 1 February 2027,
# then 1 March, then 1 November; dbtasks runs it nine times in the time up to 1 February. For dbtasks 5/15 is minute 5 alone.
# After 1 January 2028 it finds no next 1 January, for it looks 365 days ahead, and a leap year has 366.
# Consequence: a settlement "on the first and each Monday" is left out for weeks, and nothing says so. Give each of the two days a
# line.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for python in python3.12 python3.13 python3; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>"$folder/not" && break
done || { echo "Python 3.12 or newer is not here"; exit 1; }
"$python" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-crontask==2.0.1 apscheduler==3.11.3 \
  django-dbtasks==0.5.0 django==6.1.1
cat >"$folder/shop.py" <<'PYTHON'
from datetime import datetime, timedelta, timezone

import django
from django.conf import settings

settings.configure(USE_TZ=True, TIME_ZONE="UTC", TASKS={"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}})
django.setup()
from crontask import cron, scheduler
from dbtasks.schedule import Crontab, ScheduleExhausted
from django.tasks import task


@task
def settle():
    pass


def next_of_crontask(line):
    cron(line)(settle)
    trigger = scheduler.get_jobs()[-1].trigger
    return lambda after: trigger.get_next_fire_time(None, after.replace(tzinfo=timezone.utc) + timedelta(seconds=1)).replace(tzinfo=None)


def tell(name, line, next_time, after, count=4):
    times = []
    try:
        for _ in range(count):
            times.append(after := next_time(after))
    except ScheduleExhausted:
        times.append(None)
    print(f"{name:8} {line}:", *(f"{time:%Y-%m-%d %H:%M}" if time else "none" for time in times), sep="  ")


for line in ("0 9 1 * mon", "5/15 * * * *"):
    tell("crontask", line, next_of_crontask(line), datetime(2026, 12, 1, 12))
    tell("dbtasks", line, Crontab(line).next, datetime(2026, 12, 1, 12))
tell("crontask", "0 9 1 jan *", next_of_crontask("0 9 1 jan *"), datetime(2026, 12, 1))
tell("dbtasks", "0 9 1 jan *", Crontab("0 9 1 jan *").next, datetime(2026, 12, 1))
PYTHON
"$folder/venv/bin/python" "$folder/shop.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
crontask 0 9 1 * mon:  2027-02-01 09:00  2027-03-01 09:00  2027-11-01 09:00  2028-05-01 09:00
dbtasks  0 9 1 * mon:  2026-12-07 09:00  2026-12-14 09:00  2026-12-21 09:00  2026-12-28 09:00
crontask 5/15 * * * *:  2026-12-01 12:05  2026-12-01 12:20  2026-12-01 12:35  2026-12-01 12:50
dbtasks  5/15 * * * *:  2026-12-01 12:05  2026-12-01 13:05  2026-12-01 14:05  2026-12-01 15:05
crontask 0 9 1 jan *:  2027-01-01 09:00  2028-01-01 09:00  2029-01-01 09:00  2030-01-01 09:00
dbtasks  0 9 1 jan *:  2027-01-01 09:00  2028-01-01 09:00  none
SEEN
