"""Runs reconciliation at an interval: one round each time, in the first process that claims it.

The doctor reads the same row to find that no worker runs: `diagnosis/worker.py`.
"""

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
"""How long a process has a round for itself without renewing its lease. After that, another process may claim the
round. The doctor warns later, ten minutes after a round was due: `_LATE` in `diagnosis/worker.py`."""

_RENEW_EVERY = timedelta(seconds=30)


def reconcile_in_turn() -> Reconciliation | None:
    """Ask the gateway about open invoices, the older the less often, if a round is due; return what it found.

    Returns None if it is too early, if another process runs the round, or if CRYPTOPAY_RECONCILE_INTERVAL is 0. Any
    number of processes may call this: one runs the round, and has it for itself as long as it renews its lease. Raises
    what the round raises. The next round is due one interval after this one began.
    """
    return _run_if_due(_RoundLease(RECONCILIATION), partial(reconcile_invoices, by_age=True))


def reconcile_channels_in_turn() -> Reconciliation | None:
    """Ask the gateway about payments on channels, if a round is due; return what it found. As `reconcile_in_turn`."""
    return _run_if_due(_RoundLease(CHANNEL_RECONCILIATION), reconcile_channels)


def _run_if_due(lease: _RoundLease, run: Callable[..., Reconciliation]) -> Reconciliation | None:
    interval = timedelta(seconds=app_settings.RECONCILE_INTERVAL)
    if not interval or not lease.claim():
        return None
    found = BROKE_OFF
    try:
        result = run(progress=lease.renew)
        found = f"{result.asked} asked, {result.drifted} drifted, {len(result.failed)} failed, {result.left} left"
    finally:
        lease.end(interval, found)
    if result.drifted or result.failed:
        logger.warning("%s: %s", lease.name, found)
    return result


class _RoundLease:
    """One kind of round, which one process claims, and whose lease it renews while the round goes on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.begun_at = self.renewed_at = timezone.now()

    def claim(self) -> bool:
        """Claim the round by compare-and-swap if it is due. While it is not, this costs one query."""
        now, due_at = self.begun_at, self._row().values_list("due_at", flat=True).first()
        if due_at is None:
            Schedule.objects.add_missing(Schedule(name=self.name, due_at=now))
        elif due_at > now:
            return False
        return bool(self._row().filter(due_at__lte=now).update(due_at=now + LEASE, begun_at=now))

    def renew(self, done: int, total: int) -> None:
        """Renew the lease, at most twice a minute."""
        now = timezone.now()
        if now - self.renewed_at >= _RENEW_EVERY:
            self.renewed_at = now
            self._row().update(due_at=now + LEASE)

    def end(self, interval: timedelta, found: str) -> None:
        """End the round. The next one is due one interval after this one began."""
        now = timezone.now()
        self._row().update(due_at=max(self.begun_at + interval, now), ended_at=now, found=found)

    def _row(self) -> QuerySet[Schedule]:
        return Schedule.objects.primary().filter(name=self.name)
