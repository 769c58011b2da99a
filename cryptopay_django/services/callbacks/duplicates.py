"""Duplicates: a body that is stored already is counted on its row, and stored again only if it can bring news.

The gateway repeats a callback until it is answered, a merchant can have it sent again, and anyone who has seen a
body can replay it. That we have stored a body before decides nothing: the repeat is counted by an UPDATE of a
committed row, and that UPDATE checks the invoice as well. A merge depends on the invoice and the snapshot alone, and
merging twice is the same as once. So a body brings nothing new while the invoice has the version that it was merged
into.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from ...models import Callback, CallbackOutcome, ChannelPayment, Invoice
from ..events.outbox import backoff

_TAKEN = (CallbackOutcome.APPLIED, CallbackOutcome.STALE)
"""With neither an invoice nor a channel payment: a callback of another type, whose event is written."""


def count_repeat(*, account: str, digest: str, at: datetime, due: datetime) -> Callback | None:
    """Count a body that came at this time on the row that has it; return the row, None if it has to be stored.

    Three ways for the latest row with the body:
    1. It waits, is of no interest, has an event of its own, or its row is in the version that it was taken into:
       count.
    2. Nobody could make use of it (unreadable, unconfirmed, an orphan): count, and process that row once more: the
       first time at once, later after a growing pause, so that no replay uses up the calls to the gateway.
    3. The invoice has moved on: the new one goes the whole way. This is bounded by the invoice's versions.
    """
    known = max(Callback.objects.find(_lean, account=account, digest=digest), key=lambda row: row.pk, default=None)
    if known is None:
        return None
    row = Callback.objects.primary().filter(pk=known.pk)
    if _count(row.filter(_needs_no_look() | _has_no_news()), at):
        known.is_counted_only = True
        return known
    if known.outcome == CallbackOutcome.APPLIED or not known.error:
        return None
    again: dict[str, Any] = {"next_attempt_at": max(due, (known.processed_at or at) + backoff(known.repeats + 1))}
    if known.outcome != CallbackOutcome.ORPHAN:
        again["outcome"] = CallbackOutcome.PENDING
    if not _count(row.filter(outcome=known.outcome, next_attempt_at=None), at, **again):
        return None  # pragma: no cover  another process has reopened it meanwhile
    for name, value in {**again, "last_received_at": at}.items():
        setattr(known, name, value)
    known.is_counted_only = again["next_attempt_at"] > due
    return known


def _lean(rows: QuerySet[Callback]) -> QuerySet[Callback]:
    return rows.defer("body")


def _count(rows: QuerySet[Callback], at: datetime, **values: Any) -> int:
    return rows.update(repeats=F("repeats") + 1, last_received_at=at, **values)


def _needs_no_look() -> Q:
    is_done = Q(outcome=CallbackOutcome.IGNORED) | Q(outcome__in=_TAKEN, invoice=None, channel_payment=None, error="")
    return Q(outcome=CallbackOutcome.PENDING) | is_done | Q(next_attempt_at__isnull=False)


def _has_no_news() -> Q:
    invoices, payments = Invoice.objects.primary(), ChannelPayment.objects.primary()
    is_same = {"version": OuterRef("taken_version")}
    invoice = Exists(invoices.filter(pk=OuterRef("invoice_id"), **is_same))
    return Q(invoice) | Q(Exists(payments.filter(pk=OuterRef("channel_payment_id"), **is_same)))
