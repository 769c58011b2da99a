"""Sends events as signals to the receivers of their kind. Handlers: `call_handlers.py`.

One attempt: `attempt.py`. What follows a failure: `retry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, QuerySet
from django.utils import timezone

from ...conf import app_settings
from ...logs import about_event
from ...models import Callback, InvoiceEvent
from ...tracing import Note
from ..accounts import check_deliverable
from .attempt import Attempt, AttemptResult
from .behind_failed import failed_earlier, pending_earlier
from .delivery_kind import DeliveryKind
from .outbox import CUSTOMER_MAIL, SIGNALS, add_handler_deliveries, refresh_about, sender_of
from .unheard import unheard_kinds
from .withholding import is_true, is_true_of


def send_event(
    unheard: frozenset[str], event: InvoiceEvent, *, is_first: bool, is_loaded: bool = False
) -> AttemptResult:
    """Make one attempt to send an event's signal; return what became of it.

    `is_loaded`: the event has all that belongs to it as it was written; otherwise it is read anew.
    """
    kind, loaded = (_loaded_signals(event.kind), event) if is_loaded else (queued_signals(unheard), None)
    fields = about_event(event, event_id=event.pk)
    return Attempt(kind, event.pk, event.named, f"event {event.pk}", fields, is_first=is_first, loaded=loaded).make()


def pending_events(unheard: frozenset[str] | None = None) -> QuerySet[InvoiceEvent]:
    """Return the events that are pending, true, and of a kind that is heard in this process, or not in `unheard`."""
    return _pending(unheard_kinds() if unheard is None else unheard)(InvoiceEvent.objects.primary())


def due_events(unheard: frozenset[str]) -> QuerySet[InvoiceEvent]:
    """Return the events that can be delivered now, without those that wait behind one that has failed."""
    now = timezone.now()
    failed_before = failed_earlier(now, _earlier(_true_and_heard(unheard)(InvoiceEvent.objects.all())))
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
def _first_pending(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    """Return a filter that keeps what `_pending` keeps, without each event behind a pending event of its subject."""
    pending, true_and_heard = _pending(unheard), _true_and_heard(unheard)

    def narrow(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
        before = pending_earlier(_earlier(true_and_heard(InvoiceEvent.objects.all())))
        return pending(events).alias(behind=before).filter(behind=None)

    return narrow


def _earlier(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
    """Keep the earlier events of the same subject, without those that are delivered again: they delay nothing."""
    return events.filter(subject=OuterRef("subject"), pk__lt=OuterRef("pk"), repetitions=0)


_KEYS = ("pk", "subject", "invoice_id", "channel_payment_id", "callback_id", "attempts", "repetitions")


@lru_cache(maxsize=64)
def _keys(unheard: frozenset[str]) -> Callable[[QuerySet[InvoiceEvent]], QuerySet[InvoiceEvent]]:
    pending = _pending(unheard)
    return lambda events: pending(events).order_by("pk").only(*_KEYS)


def _send(event: InvoiceEvent, note: Note) -> None:
    """Send the signal of an event's kind. Receivers get the rows that are attached to the event, as they are there."""
    note(event_kind=event.kind, event_uuid=event.uuid)
    if not isinstance(event.about, Callback):
        check_deliverable(event.about)
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
    """Send the signal. If only handlers hear it, and none was registered when it was written, add their records."""
    is_for_handlers = event.kind in app_settings.REQUIRED_EVENTS and not _has_receiver(event.kind)
    if is_for_handlers and not event.deliveries.exclude(handler=CUSTOMER_MAIL).exists():
        add_handler_deliveries([event])
    if event.invoice_id is None:
        # Read for the few events that are about something else, and past a replica.
        refresh_about(event)
    _send(event, note)


def _has_receiver(kind: str) -> bool:
    return SIGNALS[kind].has_listeners(sender_of(kind))


@lru_cache(maxsize=64)
def queued_signals(unheard: frozenset[str]) -> DeliveryKind[InvoiceEvent]:
    """Describe how a signal is sent whose event is read from the database."""
    return DeliveryKind(
        span="cryptopay.deliver_event",
        rows=InvoiceEvent.objects,
        claimable=_first_pending(unheard),
        markable=_pending(frozenset()),
        call=_send_from_queue,
        event_of=_itself,
        related=("invoice", "payment", "refund"),
    )


@lru_cache(maxsize=64)
def _loaded_signals(kind: str) -> DeliveryKind[InvoiceEvent]:
    """Describe how a signal of this kind is sent whose event is loaded. Only whether and when it is due is read.

    Its claim is stricter than `_first_pending`, and PostgreSQL plans it in a fraction of the time: it is not made
    behind any pending event, even if that is not true or not heard. Then what the subject has is sent from the queue.
    """

    def pending(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
        return events.filter(is_true_of(kind), next_attempt_at__isnull=False)

    def first_pending(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
        before = pending_earlier(_earlier(InvoiceEvent.objects.all()))
        return pending(events).alias(behind=before).filter(behind=None).only("next_attempt_at", "attempts")

    return DeliveryKind(
        span="cryptopay.deliver_event",
        rows=InvoiceEvent.objects,
        claimable=first_pending,
        markable=pending,
        call=_send,
        event_of=_itself,
    )


def _itself(event: InvoiceEvent) -> InvoiceEvent:
    return event
