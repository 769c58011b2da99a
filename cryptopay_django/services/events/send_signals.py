"""Sends events as signals to the receivers of their kind. One attempt: `attempt.py`; handlers: `call_handlers.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ...conf import app_settings
from ...exceptions import DeliveryBusyError
from ...logs import about_event
from ...models import InvoiceEvent
from ...models.locking import write_transaction
from ...tracing import Note
from .attempt import Attempt, Lane, Turn
from .behind_failed import later_than
from .outbox import CUSTOMER_MAIL, SIGNALS, owe_handlers, put_row, sender_of
from .unheard import unheard_kinds
from .withholding import is_true


def send_event(unheard: frozenset[str], event: InvoiceEvent, *, is_first: bool, is_at_hand: bool = False) -> Turn:
    """Make one attempt to send an event's signal; return what became of its turn.

    `is_at_hand`: the event has all that belongs to it as it was written; otherwise it is read anew.
    """
    lane, at_hand = (_at_hand(unheard), event) if is_at_hand else (from_queue(unheard), None)
    fields = about_event(event, event_id=event.pk)
    return Attempt(lane, event.pk, event.named, f"event {event.pk}", fields, is_first=is_first, at_hand=at_hand).make()


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
    failed_before = later_than(now, _earlier(_true_and_heard(unheard)(InvoiceEvent.objects.all())))
    due = _pending(unheard)(InvoiceEvent.objects.primary()).filter(next_attempt_at__lte=now)
    return due.alias(behind=failed_before).filter(behind=None).order_by("next_attempt_at", "pk")


def pending_of(subject: UUID, unheard: frozenset[str]) -> Sequence[InvoiceEvent]:
    """Return a subject's events that are pending, true and heard, in order: keys, attempts and repetitions."""
    return InvoiceEvent.objects.find(_keys(unheard), subject=subject)


# A query is compiled once for each function that narrows it. So these functions are cached: the same set of unheard
# kinds gets the same function.


@lru_cache(maxsize=64)
def _pending(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    """Return a filter that keeps the events that are pending, true, and of a kind that is heard here."""

    true_and_heard = _true_and_heard(unheard)
    return lambda events: true_and_heard(events).filter(next_attempt_at__isnull=False)


def _true_and_heard(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    def narrow(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
        events = events.filter(is_true())
        return events.exclude(kind__in=sorted(unheard)) if unheard else events

    return narrow


@lru_cache(maxsize=64)
def _in_turn(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    """Return a filter like `_pending` that drops, in addition, each event behind a pending event of its subject."""
    pending = _pending(unheard)

    def narrow(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
        return pending(events).filter(~Exists(_earlier(pending(InvoiceEvent.objects.all()))))

    return narrow


def _earlier(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
    """Keep the earlier events of the same subject, without those that are delivered again: they hold back nothing."""
    return events.filter(subject=OuterRef("subject"), pk__lt=OuterRef("pk"), repetitions=0)


_KEYS = ("pk", "subject", "invoice_id", "channel_payment_id", "callback_id", "attempts", "repetitions")


@lru_cache(maxsize=64)
def _keys(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    pending = _pending(unheard)
    return lambda events: pending(events).order_by("pk").only(*_KEYS)


@lru_cache(maxsize=64)
def _few_columns(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    in_turn = _in_turn(unheard)
    return lambda events: in_turn(events).only("next_attempt_at", "attempts")


def _send(event: InvoiceEvent, note: Note) -> None:
    """Send the signal of an event's kind. Receivers get the rows that are attached to the event, as they are there."""
    note(event_kind=event.kind, event_uuid=event.uuid)
    SIGNALS[event.kind].send(sender=sender_of(event.kind), event=event, **_arguments(event))


def _arguments(event: InvoiceEvent) -> dict[str, Any]:
    if event.channel_payment is not None:
        return {"payment": event.channel_payment, "channel": event.channel_payment.channel}
    if event.callback is not None:
        return {"callback": event.callback, "message": event.callback.message}
    arguments: dict[str, Any] = {"invoice": event.invoice}
    if event.payment is not None:
        arguments["payment"] = event.payment
    if event.refund is not None:
        arguments["refund"] = event.refund
    return arguments


def _send_from_queue(event: InvoiceEvent, note: Note) -> None:
    """Send the signal; if only handlers hear it, and there were none when it was written, owe it to them."""
    is_for_handlers = event.kind in app_settings.REQUIRED_EVENTS and not _has_receiver(event.kind)
    if is_for_handlers and not event.deliveries.exclude(handler=CUSTOMER_MAIL).exists():
        owe_handlers([event])
    if event.invoice_id is None:
        # Read for the few events that are about something else, and past a replica.
        put_row(event)
    _send(event, note)


def _has_receiver(kind: str) -> bool:
    return SIGNALS[kind].has_listeners(sender_of(kind))


@lru_cache(maxsize=64)
def from_queue(unheard: frozenset[str]) -> Lane[InvoiceEvent]:
    return Lane(
        span="cryptopay.deliver_event",
        rows=InvoiceEvent.objects,
        claimable=_in_turn(unheard),
        markable=_pending(frozenset()),
        call=_send_from_queue,
        event_of=_itself,
        related=("invoice", "payment", "refund"),
    )


@lru_cache(maxsize=64)
def _at_hand(unheard: frozenset[str]) -> Lane[InvoiceEvent]:
    """For an event that is at hand: whether and when it is due is all that is read."""
    return Lane(
        span="cryptopay.deliver_event",
        rows=InvoiceEvent.objects,
        claimable=_few_columns(unheard),
        markable=_pending(frozenset()),
        call=_send,
        event_of=_itself,
    )


def _itself(event: InvoiceEvent) -> InvoiceEvent:
    return event
