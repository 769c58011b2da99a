"""Decides whether a worker runs, by the rounds of reconciliation (`reconciliation/schedule.py`).

A round is due CRYPTOPAY_RECONCILE_INTERVAL seconds after the last one began, and a process that runs one moves its
time five minutes ahead while it works. The doctor warns in three cases:
    no round is on record, and CRYPTOPAY_PROCESSING is "worker"
    the next round has been due for more than ten minutes (`_LATE`)
    the last round broke off with an error
It checks nothing if CRYPTOPAY_RECONCILE_INTERVAL is 0. Each round is run by one process. So a round in time proves
that one worker runs, not that all do. Work that waits because no worker does it: `backlog.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ...conf import app_settings
from ...models import Schedule
from ...models.schedule import BROKE_OFF, RECONCILIATION
from .check_result import CheckResult, Level, since

_LATE = timedelta(minutes=10)
"""How long a round may be overdue before the doctor warns. Another limit than `LEASE` in `reconciliation/schedule.py`:
after that one, another process may take over a round."""


def check_worker(now: datetime) -> Iterator[CheckResult]:
    """Yield one result: whether rounds run in time, and whether the last one came to its end.

    Yields nothing if CRYPTOPAY_RECONCILE_INTERVAL is 0, or if no round has ever run and CRYPTOPAY_PROCESSING is not
    "worker".
    """
    if not app_settings.RECONCILE_INTERVAL:
        return
    schedule = Schedule.objects.filter(name=RECONCILIATION).first()
    remedy = (
        "No round has run in time: start cryptopay_worker, or schedule reconcile_task. "
        "CRYPTOPAY_RECONCILE_INTERVAL = 0 switches rounds off."
    )
    if schedule is None:
        if app_settings.PROCESSING == "worker":
            yield CheckResult("worker", Level.WARNING, "no worker has run with this database yet", remedy)
        return
    found = f"the worker's last round ended {since(schedule.ended_at, now)}: {schedule.found or 'nothing yet'}"
    if now - schedule.due_at > _LATE:
        yield CheckResult("worker", Level.WARNING, found, remedy)
    elif schedule.found == BROKE_OFF:
        yield CheckResult("worker", Level.WARNING, found, "The log says why (logger cryptopay_django).")
    else:
        yield CheckResult("worker", Level.OK, found)
