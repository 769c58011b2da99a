#!/usr/bin/env bash
# django-q2 1.11.1, Django 5.2.19 (PyPI, Python 3.11): a monthly schedule that begins at the end of a month.
#
# Guess beforehand: a schedule of the type MONTHLY whose first run is on 31 January runs on the last day of each month, or on the 31st
# where there is one; and a yearly one of 29 February is on the 29th again in the next leap year.
# Seen: each run is reckoned from the one before, and nothing else is kept. After February it is the 28th for ever; a quarterly
# one is the 30th after April. The yearly one stays at 28 February.
# Consequence: a month is closed, or a subscription is charged, up to three days before the month is over, and what is paid in
# those days is missing, with no sign of it. Let the first run be on the 1st, or use the type CRON.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-q2==1.11.1 django==5.2.19
cat >"$folder/try.py" <<'PYTHON'
from datetime import datetime, timezone

import django
from django.conf import settings

settings.configure(
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django_q"],
    Q_CLUSTER={"name": "shop", "orm": "default", "sync": True, "timeout": 60, "retry": 120},
)
django.setup()
from django.core.management import call_command
from django_q.models import Schedule

call_command("migrate", verbosity=0)

for kind, first in (("MONTHLY", (2026, 1, 31)), ("QUARTERLY", (2026, 1, 31)), ("YEARLY", (2024, 2, 29))):
    due = datetime(*first, 3, tzinfo=timezone.utc)
    schedule = Schedule(func="math.sqrt", args="4", schedule_type=getattr(Schedule, kind), next_run=due)
    days = [due]
    for _ in range(4):
        schedule.next_run = schedule.calculate_next_run()
        days.append(schedule.next_run)
    print(kind, *(day.date() for day in days))
PYTHON
"$folder/venv/bin/python" "$folder/try.py" >"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
MONTHLY 2026-01-31 2026-02-28 2026-03-28 2026-04-28 2026-05-28
QUARTERLY 2026-01-31 2026-04-30 2026-07-30 2026-10-30 2027-01-30
YEARLY 2024-02-29 2025-02-28 2026-02-28 2027-02-28 2028-02-28
SEEN
