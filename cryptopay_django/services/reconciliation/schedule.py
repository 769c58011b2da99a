"""Reconciliation at an interval: one round each time, by the worker that is first."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from ...conf import app_settings
from ...models import Schedule
from ...models.schedule import RECONCILIATION
from .reconcile import Reconciliation, reconcile_invoices

logger = logging.getLogger("cryptopay_django")

LEASE = timedelta(minutes=5)
"""For how long a turn is held without a sign of life. Then its process is taken for dead."""

_SIGN_OF_LIFE = timedelta(seconds=30)


def reconcile_in_turn() -> Reconciliation | None:
    """Ask the gateway about open invoices, the older the less often, if a round is due; return what it found.

    None when it is too early, another process has the turn, or CRYPTOPAY_RECONCILE_INTERVAL is 0. Any number
    of processes may run this: one has the turn, and keeps it while it is alive. Raises what the round raises;
    the next one comes an interval after this one began.
    """
    interval = timedelta(seconds=app_settings.RECONCILE_INTERVAL)
    begun_at = timezone.now()
    if not interval or not _take_turn(begun_at):
        return None
    found = "it broke off"
    try:
        result = reconcile_invoices(by_age=True, progress=_Heart(begun_at).beat)
        found = f"{result.asked} asked, {result.drifted} drifted, {len(result.failed)} failed, {result.left} left"
    finally:
        now = timezone.now()
        _turn().update(due_at=max(begun_at + interval, now), ended_at=now, found=found)
    if result.drifted or result.failed:
        logger.warning("reconciliation: %s", found)
    return result


def _take_turn(now: datetime) -> bool:
    """Take the turn by compare-and-swap if it is due. While it is not, this costs one query."""
    due_at = _turn().values_list("due_at", flat=True).first()
    if due_at is None:
        Schedule.objects.add_missing(Schedule(name=RECONCILIATION, due_at=now))
    elif due_at > now:
        return False
    return bool(_turn().filter(due_at__lte=now).update(due_at=now + LEASE, begun_at=now))


class _Heart:
    """Holds the turn while the round goes on."""

    def __init__(self, beaten_at: datetime) -> None:
        self.beaten_at = beaten_at

    def beat(self, done: int, total: int) -> None:
        now = timezone.now()
        if now - self.beaten_at >= _SIGN_OF_LIFE:
            self.beaten_at = now
            _turn().update(due_at=now + LEASE)


def _turn() -> QuerySet[Schedule]:
    return Schedule.objects.primary().filter(name=RECONCILIATION)
