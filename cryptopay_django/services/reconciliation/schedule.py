"""Runs reconciliation at an interval: one round each time, in the process that is first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db.models import QuerySet
from django.utils import timezone

from ...conf import app_settings
from ...models import Schedule
from ...models.schedule import BROKE_OFF, CHANNEL_RECONCILIATION, RECONCILIATION
from .reconcile_channels import reconcile_channels
from .reconcile_invoices import Reconciliation, reconcile_invoices

logger = logging.getLogger("cryptopay_django")

LEASE = timedelta(minutes=5)
"""How long a process keeps a turn without a sign of life. After that, another process may take the turn. The doctor
warns at a limit of its own: `_LATE` in `diagnosis/worker.py`, ten minutes after the turn was due."""

_SIGN_OF_LIFE = timedelta(seconds=30)


def reconcile_in_turn() -> Reconciliation | None:
    """Ask the gateway about open invoices, the older the less often, if a round is due; return what it found.

    None if it is too early, another process has the turn, or CRYPTOPAY_RECONCILE_INTERVAL is 0. Any number
    of processes may run this: one has the turn, and keeps it as long as it is alive. Raises what the round raises;
    the next one comes an interval after this one began.
    """
    return _in_turn(_Turn(RECONCILIATION), partial(reconcile_invoices, by_age=True))


def reconcile_channels_in_turn() -> Reconciliation | None:
    """Ask the gateway about payments on channels, if a round is due; return what it found. As `reconcile_in_turn`."""
    return _in_turn(_Turn(CHANNEL_RECONCILIATION), reconcile_channels)


def _in_turn(turn: _Turn, run: Callable[..., Reconciliation]) -> Reconciliation | None:
    interval = timedelta(seconds=app_settings.RECONCILE_INTERVAL)
    if not interval or not turn.take():
        return None
    found = BROKE_OFF
    try:
        result = run(progress=turn.beat)
        found = f"{result.asked} asked, {result.drifted} drifted, {len(result.failed)} failed, {result.left} left"
    finally:
        turn.end(interval, found)
    if result.drifted or result.failed:
        logger.warning("%s: %s", turn.name, found)
    return result


class _Turn:
    """One kind of round: taken by one process, and held while the round goes on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun_at = self.beaten_at = timezone.now()

    def take(self) -> bool:
        """Take the turn by compare-and-swap if it is due. While it is not, this costs one query."""
        now, due_at = self.begun_at, self._row().values_list("due_at", flat=True).first()
        if due_at is None:
            Schedule.objects.add_missing(Schedule(name=self.name, due_at=now))
        elif due_at > now:
            return False
        return bool(self._row().filter(due_at__lte=now).update(due_at=now + LEASE, begun_at=now))

    def beat(self, done: int, total: int) -> None:
        """Hold the turn for longer."""
        now = timezone.now()
        if now - self.beaten_at >= _SIGN_OF_LIFE:
            self.beaten_at = now
            self._row().update(due_at=now + LEASE)

    def end(self, interval: timedelta, found: str) -> None:
        """End the turn. The first process may take the next one, an interval after this one began."""
        now = timezone.now()
        self._row().update(due_at=max(self.begun_at + interval, now), ended_at=now, found=found)

    def _row(self) -> QuerySet[Schedule]:
        return Schedule.objects.primary().filter(name=self.name)
