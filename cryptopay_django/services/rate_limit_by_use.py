"""Limits how many of a key's calls each use may take: customers' buttons, creations, the doctor, the ledger.

So one use cannot take the calls that others need. The database keeps one time for each use and account
(`models/schedule.py`). The limit of the key itself, and which purpose goes first: `shared_rate_limit.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeVar

from django.db import models
from django.db.models import Case, F, Value, When
from django.utils import timezone

from ..exceptions import GatewayRateLimitError
from ..gateway.rate_limit import Purpose, calling_for
from ..models import Invoice, Schedule

T = TypeVar("T")

_INVOICES_OF_AN_ORDER, _WITHIN = 12, timedelta(minutes=10)


@dataclass(frozen=True)
class _Rate:
    """One use in so much time; after a quiet while, so many at once."""

    interval: timedelta
    burst: int


class Use(Enum):
    """What an account's calls are made for: a customer refresh is the payment page's button "I have sent it".

    In any minute at most 20 + 40, 20 + 100, 2 + 3, 8 + 20 calls.
    """

    CUSTOMER_REFRESHES = _Rate(timedelta(seconds=1.5), 20)
    CREATIONS = _Rate(timedelta(seconds=0.6), 20)
    DOCTOR = _Rate(timedelta(seconds=20), 2)
    LEDGER = _Rate(timedelta(seconds=3), 8)


def may_call(account: str, use: Use, *, now: datetime | None = None) -> bool:
    """Take one use out of what an account allows for; return False, nothing taken, when it is used up. Commits.

    The UPDATE looks and takes in one, so those who ask at once each get an answer, however many they are.
    """
    rate, name, now = use.value, f"{use.name.lower()} {account}", now or timezone.now()
    last_free = now + rate.interval * (rate.burst - 1)
    row = Schedule.objects.primary().filter(name=name)
    due_at = row.values_list("due_at", flat=True).first()
    if due_at is None:
        Schedule.objects.add_missing(Schedule(name=name, due_at=now))
    elif due_at > last_free:
        return False
    taken = Case(When(due_at__gt=now, then=F("due_at") + rate.interval), default=Value(now + rate.interval))
    return bool(row.filter(due_at__lte=last_free).update(due_at=taken))


def spend(account: str, use: Use) -> None:
    """Take one use out of what an account allows for; raise GatewayRateLimitError when it is used up."""
    if not may_call(account, use):
        raise GatewayRateLimitError(
            f"nothing was sent: too many calls for {use.name.lower().replace('_', ' ')} of account {account} in "
            "the last minute. The rest of the gateway's 200 a minute is kept for payments under way; try again in a "
            "moment",
            retry_after=use.value.interval.total_seconds(),
        )


class Share:
    """An account's allowance for one use, for many calls. They wait for it, `patience` seconds in all."""

    def __init__(self, account: str, use: Use, *, patience: float = 0.0) -> None:
        self.account, self.use = account, use
        self.wait_until = time.monotonic() + patience

    def call(self, call: Callable[[], T]) -> T:
        """Make a call; raise GatewayRateLimitError, nothing sent, when the allowance is used up and so is the time."""
        while time.monotonic() < self.wait_until:
            if may_call(self.account, self.use):
                break
            time.sleep(self.use.value.interval.total_seconds())
        else:
            spend(self.account, self.use)
        with calling_for(Purpose.RECONCILIATION):
            return call()


def spend_creation(account: str, order: models.Model) -> None:
    """Allow a customer to have an invoice made for an order; raise GatewayRateLimitError when it was often enough.

    Each order has a dozen in ten minutes, all orders of an account share its allowance.
    """
    made = Invoice.objects.for_order(order).filter(created_at__gte=timezone.now() - _WITHIN)
    if made.count() >= _INVOICES_OF_AN_ORDER:
        raise GatewayRateLimitError(
            f"nothing was sent: {order._meta.label} {order.pk} had {_INVOICES_OF_AN_ORDER} invoices made in "
            f"{_WITHIN.seconds // 60} minutes. Pay one of them, or wait"
        )
    spend(account, Use.CREATIONS)
