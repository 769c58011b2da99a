#!/usr/bin/env bash
# croniter 7.0.0 and cronsim 2.8 (PyPI, Python 3.11): a job at half past two in the night in which the clocks go back.
#
# Guess beforehand: a job at a fixed time runs once a day, also in the night that has that time twice, as Debian's cron does it; a job
# for each half hour runs at each of them; and "on Mondays of the first week" is the same day for both packages.
# Seen: croniter gives 02:30 twice on that night, an hour apart, and cronsim once. In the night in which the clocks go forward
# both give 03:00. A step over days (*/10) with a weekday is "both" for cronsim and "either" for croniter.
# Consequence: a subscription that is charged at 02:30 by croniter's dates is charged twice each October. Give such jobs a time
# outside of the hours from one to three, or compute in UTC, and let the day be part of the key that stops a second charge.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check croniter==7.0.0 cronsim==2.8 tzdata==2026.6
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
from datetime import datetime
from zoneinfo import ZoneInfo

from croniter import croniter
from cronsim import CronSim


def show(expression, start, count):
    moment = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    dates = croniter(expression, moment)
    found = {
        "croniter": [dates.get_next(datetime) for _ in range(count)],
        "cronsim": [date for date, _ in zip(CronSim(expression, moment), range(count))],
    }
    for name, dates in found.items():
        print(f"{expression} {name}:", *(date.strftime("%d.%m. %H:%M%z") for date in dates))


show("30 2 * * *", "2026-10-24T12:00", 3)
show("30 2 * * *", "2026-03-28T12:00", 2)
show("*/30 2 * * *", "2026-10-24T12:00", 4)
show("0 9 */10 * 1", "2026-03-01T12:00", 4)
PYTHON
cat "$folder/seen"
diff "$folder/seen" - <<'SEEN' && echo "as found"
30 2 * * * croniter: 25.10. 02:30+0200 25.10. 02:30+0100 26.10. 02:30+0100
30 2 * * * cronsim: 25.10. 02:30+0200 26.10. 02:30+0100 27.10. 02:30+0100
30 2 * * * croniter: 29.03. 03:00+0200 30.03. 02:30+0200
30 2 * * * cronsim: 29.03. 03:00+0200 30.03. 02:30+0200
*/30 2 * * * croniter: 25.10. 02:00+0200 25.10. 02:30+0200 25.10. 02:00+0100 25.10. 02:30+0100
*/30 2 * * * cronsim: 25.10. 02:00+0200 25.10. 02:30+0200 25.10. 02:00+0100 25.10. 02:30+0100
0 9 */10 * 1 croniter: 02.03. 09:00+0100 09.03. 09:00+0100 11.03. 09:00+0100 16.03. 09:00+0100
0 9 */10 * 1 cronsim: 11.05. 09:00+0200 01.06. 09:00+0200 31.08. 09:00+0200 21.09. 09:00+0200
SEEN
