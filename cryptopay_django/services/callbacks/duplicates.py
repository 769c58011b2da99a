"""Recognises a repeated callback: counts it on the row that has its body. Stores it again only if it can bring news.

`receive.py` calls `count_repeat` before it stores a body. The gateway repeats a callback until it gets an answer, a
merchant can have a callback sent again, and anyone who has seen a body can replay it. A stored body alone does not
make the new one a duplicate. One UPDATE of the committed row counts the repeat, and the same statement checks that the
row still has the version that the body was merged into. While the version is the same, the body brings no news: a
merge depends only on the invoice and the snapshot, and to merge twice gives the same result as to merge once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from ...models import Callback, CallbackOutcome, ChannelPayment, Invoice
from ..backoff import backoff

_PROCESSED = (CallbackOutcome.APPLIED, CallbackOutcome.STALE)
"""The outcomes of a callback that was merged, or whose event was written if it is of another type. One of another type
has neither an invoice nor a channel payment."""


def count_repeat(*, account: str, digest: str, at: datetime, due: datetime) -> Callback | None:
    """Count a body that arrived at `at` on the row that has it; return that row, or None if the body must be stored.

    The latest row with the body decides:
    1. The row is pending, due again or ignored, or its event is written, or the invoice or channel payment still has
       the version that the body was merged into: count the repeat.
    2. The body could not be used (unreadable, unconfirmed, an orphan): count the repeat, and process the row once
       more, after a pause that begins when the row was processed and grows with each repeat. So replays cannot use up
       the calls to the gateway.
    3. The invoice or channel payment has another version now: None, so the body is stored and processed. The number of
       versions limits how often this can happen.
    """
    known = max(Callback.objects.find(_lean, account=account, digest=digest), key=lambda row: row.pk, default=None)
    if known is None:
        return None
    if Callback.objects.add_one(known, "repeats", _without_news, last_received_at=at):
        known.is_counted_only = True
        return known
    if known.outcome == CallbackOutcome.APPLIED or not known.error:
        return None
    again: dict[str, Any] = {"next_attempt_at": max(due, (known.processed_at or at) + backoff(known.repeats + 1))}
    if known.outcome != CallbackOutcome.ORPHAN:
        again["outcome"] = CallbackOutcome.PENDING
    row = Callback.objects.primary().filter(pk=known.pk, outcome=known.outcome, next_attempt_at=None)
    if not row.update(repeats=F("repeats") + 1, last_received_at=at, **again):
        return None  # pragma: no cover  another process has reopened it meanwhile
    for name, value in {**again, "last_received_at": at}.items():
        setattr(known, name, value)
    known.is_counted_only = again["next_attempt_at"] > due
    return known


def _lean(rows: QuerySet[Callback]) -> QuerySet[Callback]:
    return rows.defer("body")


def _without_news(rows: QuerySet[Callback]) -> QuerySet[Callback]:
    return rows.filter(_needs_no_look() | _has_no_news())


def _needs_no_look() -> Q:
    is_done = Q(outcome=CallbackOutcome.IGNORED) | Q(
        outcome__in=_PROCESSED, invoice=None, channel_payment=None, error=""
    )
    return Q(outcome=CallbackOutcome.PENDING) | is_done | Q(next_attempt_at__isnull=False)


def _has_no_news() -> Q:
    invoices, payments = Invoice.objects.primary(), ChannelPayment.objects.primary()
    is_same = {"version": OuterRef("taken_version")}
    invoice = Exists(invoices.filter(pk=OuterRef("invoice_id"), **is_same))
    return Q(invoice) | Q(Exists(payments.filter(pk=OuterRef("channel_payment_id"), **is_same)))
