"""Durable handlers: each is called for its events by itself, until it succeeds or is given up.

The records are written with the events (`write_events` in `outbox.py`). A handler that fails holds back its own
later calls for the same invoice, and nothing else: no other handler, signal or invoice. One attempt: `attempt.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ... import handlers
from ...exceptions import DeliveryBusyError, HandlerMissingError
from ...models import HandlerDelivery, Invoice, InvoiceEvent, Payment, Refund
from ...models.locking import write_transaction
from ...tracing import Note
from .attempt import Attempt, Channel, Turn
from .withholding import is_true

OVERDUE_AFTER = timedelta(minutes=10)
"""How long a call may be due before nobody seems to make it."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """How many calls of handlers were given up, fail and are tried again, or are due and not made."""

    dead: int
    failing: int
    overdue: int


def call_due(invoice_id: UUID, written: Container[int], *, limit: int, is_over: Callable[[], bool]) -> int:
    """Make the calls of handlers that are due for an invoice; return how many succeeded.

    In order for each handler: a call waits for the earlier ones, unless they were given up. Each has a transaction of
    its own, committed with what the handler wrote. `written` are the keys of events that this process has just
    written: their calls are first attempts.
    """
    due = due_calls().filter(event__invoice_id=invoice_id)
    called = 0
    for path in dict.fromkeys(due.values_list("handler", flat=True)[:limit]):
        pending = pending_calls().filter(handler=path, event__invoice_id=invoice_id)
        keys = pending.order_by("event_id").values_list("pk", "event_id", "attempts", "repetitions")[:limit]
        for key, event_id, attempts, repetitions in keys:
            is_first = event_id in written and not attempts
            if not is_over() and _attempt(key, path, invoice_id, is_first=is_first) is Turn.TAKEN:
                called += 1
            elif not repetitions:
                break
    return called


def retry_delivery(delivery: HandlerDelivery) -> bool:
    """Make a call due now, whatever its back-off, and also if it was given up; return whether it was not made yet.

    One that was given up gets all its attempts again. It may now come after later events of its invoice. Raises
    DeliveryBusyError while an attempt is running.
    """
    now = timezone.now()
    with write_transaction(HandlerDelivery):
        if not HandlerDelivery.objects.primary().filter(pk=delivery.pk, delivered_at=None).exists():
            return False
        owed = HandlerDelivery.objects.lock(pk=delivery.pk, skip_locked=True)
        if owed is None:
            raise DeliveryBusyError(f"{delivery.handler} is being called at this moment: look again later")
        anew: dict[str, Any] = (
            {"given_up_at": None, "attempts": 0, "begun_at": None} if owed.given_up_at is not None else {}
        )
        return owed.delivered_at is None and HandlerDelivery.objects.change(owed, **anew, next_attempt_at=now)


def count_undelivered(now: datetime) -> Undelivered:
    """Count the calls that handlers have not had, by what is the matter. Three queries."""
    overdue = _pending(HandlerDelivery.objects.all()).filter(next_attempt_at__lte=now - OVERDUE_AFTER)
    return Undelivered(dead=dead_calls().count(), failing=failing_calls().count(), overdue=overdue.count())


def dead_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that were given up."""
    return HandlerDelivery.objects.filter(given_up_at__isnull=False)


def failing_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that have failed and are tried again."""
    return HandlerDelivery.objects.filter(next_attempt_at__isnull=False, attempts__gt=0)


def pending_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that are pending and whose event is true."""
    return _pending(HandlerDelivery.objects.primary())


def due_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that can be made now, without those that wait behind one that has failed."""
    now = timezone.now()
    failed_before = _earlier().filter(next_attempt_at__gt=now)
    due = pending_calls().filter(~Exists(failed_before), next_attempt_at__lte=now)
    return due.order_by("next_attempt_at", "pk")


def _pending(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    """Leave the calls that are pending and whose event is true."""
    event = InvoiceEvent.objects.filter(is_true(), pk=OuterRef("event_id"))
    return calls.filter(Exists(event), next_attempt_at__isnull=False)


def _in_turn(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    """Leave out a call, besides, while an earlier one of its handler and invoice is pending."""
    return _pending(calls).filter(~Exists(_earlier()))


def _earlier() -> QuerySet[HandlerDelivery]:
    """Return the earlier calls of the same handler for the same invoice. One that is repeated holds back nothing."""
    same = HandlerDelivery.objects.filter(
        handler=OuterRef("handler"),
        event__invoice_id=OuterRef("event__invoice_id"),
        event_id__lt=OuterRef("event_id"),
        repetitions=0,
    )
    return _pending(same)


def _attempt(key: int, path: str, invoice_id: UUID, *, is_first: bool) -> Turn:
    fields = {"handler": path, "delivery_id": key}
    return Attempt(CALLS, key, invoice_id, f"handler {path}", fields, is_first=is_first).make()


def _call(delivery: HandlerDelivery, note: Note) -> None:
    """Call the handler with its event, and with the invoice as it is now."""
    event = _event_of(delivery)
    note(event_kind=event.kind, event_uuid=event.uuid)
    handler = handlers.find_handler(event.kind, delivery.handler)
    if handler is None:
        raise HandlerMissingError(
            f"no handler for {event.kind} is registered as {delivery.handler}: it was renamed or removed, or its "
            "module is not imported in this process. Bring it back under this path, and try again"
        )
    event.invoice = Invoice.objects.primary().get(pk=event.invoice_id)
    if event.payment_id is not None:
        event.payment = Payment.objects.primary().get(pk=event.payment_id)
    if event.refund_id is not None:
        event.refund = Refund.objects.primary().get(pk=event.refund_id)
    handler(event.invoice, event)


def _event_of(delivery: HandlerDelivery) -> InvoiceEvent:
    """Return the event of a call. It counts as repeated when this call is."""
    event = InvoiceEvent.objects.primary().get(pk=delivery.event_id)
    event.repetitions = delivery.repetitions
    return event


CALLS: Channel[HandlerDelivery] = Channel(
    span="cryptopay.call_handler",
    rows=HandlerDelivery.objects,
    claimable=_in_turn,
    markable=_pending,
    call=_call,
    event_of=_event_of,
    gives_up=True,
)
