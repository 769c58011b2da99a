"""Is the worker alive? Judged by its rounds of reconciliation: every worker takes part in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ...conf import app_settings
from ...models import Schedule
from ...models.schedule import RECONCILIATION
from .sign import Level, Sign, since

_LATE = timedelta(minutes=10)
"""How long a round may be overdue before the worker is taken for dead."""


def check_worker(now: datetime) -> Iterator[Sign]:
    """Yield one sign of the worker; none where rounds are switched off, or no worker has to run and none has."""
    if not app_settings.RECONCILE_INTERVAL:
        return
    turn = Schedule.objects.filter(name=RECONCILIATION).first()
    remedy = "No worker runs: start cryptopay_worker, or set CRYPTOPAY_RECONCILE_INTERVAL to 0 if none is to."
    if turn is None:
        if app_settings.PROCESSING == "worker":
            yield Sign("worker", Level.WARNING, "no worker has run with this database yet", remedy)
        return
    found = f"the worker's last round ended {since(turn.ended_at, now)}: {turn.found or 'nothing yet'}"
    if now - turn.due_at > _LATE:
        yield Sign("worker", Level.WARNING, found, remedy)
    else:
        yield Sign("worker", Level.OK, found)
