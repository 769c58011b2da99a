"""Writes one event for each callback of a type that has no model here, such as CoinWithdrawal and Subscription.

What a CoinWithdrawal says of a refund is processed before: `withdrawals.py`.

The event `callback_received` is written in the transaction that finishes the callback, and delivered like any other.
Its subject is made of the account and the bytes, so the same bytes make one event, however often they are stored.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from ...gateway.schemas import CallbackMessage
from ...models import Callback, CallbackOutcome, EventKind, InvoiceEvent
from ...models.locking import retried_while_locked, write_transaction
from ..events.outbox import Written, new_event, write_events
from ..snapshots.finish_callback import finish_callback

SELF_TEST_TYPE = "SelfTest"
"""The type of the callback by which the doctor tries the way in: it is stored and ignored."""

_SHOWN = 128
"""Characters of a value of an unknown form that the timeline shows."""


def process_other_type(callback: Callback, message: CallbackMessage) -> Written | None:
    """Finish a callback and write its event, in one transaction; return them, None where the event is there already.

    Commits. Two rows can have the same bytes, where these came twice at the same moment: the second brings nothing.
    """
    title = f"{message.type} {message.event}"[:64]
    if message.type == SELF_TEST_TYPE:
        finish_callback(callback, CallbackOutcome.IGNORED, event=title, at=timezone.now())
        return None
    try:
        return _take(callback, message, title)
    except IntegrityError:  # pragma: no cover  tests/proofs/test_races.py, on servers
        # Another process has written the event since this one looked: now it is seen.
        callback.refresh_from_db()
        return _take(callback, message, title)


@retried_while_locked
def _take(callback: Callback, message: CallbackMessage, title: str) -> Written | None:
    now, kind = timezone.now(), EventKind.CALLBACK_RECEIVED
    with write_transaction(Callback):
        # Locked before the event is looked for: a database with one writer refuses a read that becomes a write.
        if Callback.objects.lock(_without_body, pk=callback.pk) is None:
            return None
        if InvoiceEvent.objects.primary().filter(subject=callback.subject, once=kind).exists():
            finish_callback(callback, CallbackOutcome.STALE, event=title, at=now)
            return None
        if not finish_callback(callback, CallbackOutcome.APPLIED, event=title, at=now):
            return None
        event = new_event(callback, kind, at=now, once=kind, detail=_detail(message))
        write_events([event])
    return Written(callback, [event])


def _without_body(callbacks: QuerySet[Callback]) -> QuerySet[Callback]:
    return callbacks.only("pk")


def _detail(message: CallbackMessage) -> dict[str, Any]:
    """Return what the timeline shows of it, also once its bytes are pruned: type, event, id and status."""
    known = {name: message.data.get(name) for name in ("id", "status")}
    texts = {name: value[:_SHOWN] for name, value in known.items() if isinstance(value, str)}
    return {"type": message.type, "event": message.event, **texts}
