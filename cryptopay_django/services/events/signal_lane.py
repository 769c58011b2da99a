"""Signals: each event is sent to the receivers of its kind. One attempt: `attempt.py`; handlers: `handler_lane.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ...conf import app_settings
from ...exceptions import DeliveryBusyError
from ...models import Invoice, InvoiceEvent
from ...models.locking import write_transaction
from ...tracing import Note
from .attempt import Attempt, Channel, Turn
from .outbox import SIGNALS, owe_handlers
from .unheard import unheard_kinds
from .withholding import is_true


def send_event(
    unheard: frozenset[str], key: int, invoice_id: UUID, *, is_first: bool, at_hand: InvoiceEvent | None = None
) -> Turn:
    """Make one attempt to send an event's signal; return what became of its turn."""
    channel, fields = _at_hand(unheard) if at_hand else from_queue(unheard), {"event_id": key}
    return Attempt(channel, key, invoice_id, f"event {key}", fields, is_first=is_first, at_hand=at_hand).make()


def retry_event(event: InvoiceEvent) -> bool:
    """Make a pending event due now, whatever its back-off; return whether it was pending.

    Raises DeliveryBusyError while an attempt is running.
    """
    with write_transaction(InvoiceEvent):
        pending = InvoiceEvent.objects.primary().filter(pk=event.pk, next_attempt_at__isnull=False)
        if not pending.exists():
            return False
        locked = InvoiceEvent.objects.lock(pk=event.pk, skip_locked=True)
        if locked is None:
            raise DeliveryBusyError(f"event {event.uuid} is being delivered at this moment: look again later")
        return locked.next_attempt_at is not None and InvoiceEvent.objects.change(
            locked, next_attempt_at=timezone.now()
        )


def pending_events(unheard: frozenset[str] | None = None) -> QuerySet[InvoiceEvent]:
    """Return the events that are pending, true, and of a kind that is heard in this process, or not in `unheard`."""
    return _pending(unheard_kinds() if unheard is None else unheard)(InvoiceEvent.objects.primary())


def due_events(unheard: frozenset[str]) -> QuerySet[InvoiceEvent]:
    """Return the events that can be delivered now, without those that wait behind one that has failed."""
    now = timezone.now()
    pending = _pending(unheard)
    failed_before = _earlier(pending(InvoiceEvent.objects.all())).filter(next_attempt_at__gt=now)
    due = pending(InvoiceEvent.objects.primary()).filter(~Exists(failed_before), next_attempt_at__lte=now)
    return due.order_by("next_attempt_at", "pk")


def pending_of(invoice_id: UUID, unheard: frozenset[str]) -> Sequence[InvoiceEvent]:
    """Return an invoice's events that are pending, true and heard, in order: keys, attempts and repetitions."""
    return InvoiceEvent.objects.find(_keys(unheard), invoice_id=invoice_id)


# A query is compiled once for each function that narrows it: for each set of unheard kinds this is the same one.


@lru_cache(maxsize=64)
def _pending(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    """Return what leaves events that are pending and true, and of a kind that is heard here."""

    def narrow(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
        events = events.filter(is_true(), next_attempt_at__isnull=False)
        return events.exclude(kind__in=sorted(unheard)) if unheard else events

    return narrow


@lru_cache(maxsize=64)
def _in_turn(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    """Return what leaves out an event, besides, while an earlier one of its invoice is pending."""
    pending = _pending(unheard)

    def narrow(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
        return pending(events).filter(~Exists(_earlier(pending(InvoiceEvent.objects.all()))))

    return narrow


def _earlier(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
    """Leave the earlier events of the same invoice. One that is delivered again holds back nothing."""
    return events.filter(invoice_id=OuterRef("invoice_id"), pk__lt=OuterRef("pk"), repetitions=0)


@lru_cache(maxsize=64)
def _keys(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    pending = _pending(unheard)
    return lambda events: pending(events).order_by("pk").only("pk", "attempts", "repetitions")


@lru_cache(maxsize=64)
def _few_columns(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    in_turn = _in_turn(unheard)
    return lambda events: in_turn(events).only("next_attempt_at", "attempts")


def _send(event: InvoiceEvent, note: Note) -> None:
    """Send the signal of an event's kind. Receivers see the invoice that is with it."""
    note(event_kind=event.kind, event_uuid=event.uuid)
    arguments: dict[str, Any] = {"invoice": event.invoice, "event": event}
    if event.payment is not None:
        arguments["payment"] = event.payment
    if event.refund is not None:
        arguments["refund"] = event.refund
    SIGNALS[event.kind].send(sender=Invoice, **arguments)


def _send_from_queue(event: InvoiceEvent, note: Note) -> None:
    """Send the signal; if only handlers hear it, and there were none when it was written, owe it to them."""
    is_for_handlers = event.kind in app_settings.REQUIRED_EVENTS and not SIGNALS[event.kind].has_listeners(Invoice)
    if is_for_handlers and not event.deliveries.exists():
        owe_handlers([event])
    _send(event, note)


@lru_cache(maxsize=64)
def from_queue(unheard: frozenset[str]) -> Channel[InvoiceEvent]:
    return Channel(
        span="cryptopay.deliver_event",
        rows=InvoiceEvent.objects,
        claimable=_in_turn(unheard),
        markable=_pending(frozenset()),
        call=_send_from_queue,
        event_of=_itself,
        related=("invoice", "payment", "refund"),
    )


@lru_cache(maxsize=64)
def _at_hand(unheard: frozenset[str]) -> Channel[InvoiceEvent]:
    """For an event that is at hand: whether and when it is due is all that is read."""
    return Channel(
        span="cryptopay.deliver_event",
        rows=InvoiceEvent.objects,
        claimable=_few_columns(unheard),
        markable=_pending(frozenset()),
        call=_send,
        event_of=_itself,
    )


def _itself(event: InvoiceEvent) -> InvoiceEvent:
    return event
