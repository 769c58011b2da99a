"""Calls durable handlers. An event has one call for each handler, which is retried until it succeeds or is given up.

The records are written with the events (`write_events` in `outbox.py`). A handler that fails delays its own later
calls for the same subject, and nothing else: no other handler, signal or subject. One attempt: `attempt.py`. What
follows a failure: `retry.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from ... import handlers
from ...exceptions import HandlerMissingError
from ...logs import about_event
from ...models import Callback, HandlerDelivery, InvoiceEvent, Payment, Refund
from ...tracing import Note
from ..accounts import check_deliverable
from .attempt import Attempt, AttemptResult
from .behind_failed import failed_earlier, pending_earlier
from .delivery_kind import DeliveryKind
from .outbox import CUSTOMER_MAIL, refresh_about
from .withholding import is_true, sendable

OVERDUE_AFTER = timedelta(minutes=10)
"""How long a call may be due before it counts as overdue: it seems that no process makes calls."""


_KEYS = (
    *("handler", "attempts", "repetitions"),
    *("event__subject", "event__invoice_id", "event__channel_payment_id", "event__callback_id"),
)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The numbers of calls that were given up, that have failed and are retried, and that are due and not made."""

    dead: int
    failing: int
    overdue: int


def call_due(subject: UUID, written: Container[int], *, limit: int, is_over: Callable[[], bool]) -> int:
    """Make the calls of handlers that are due for a subject; return how many succeeded.

    The calls of one handler are made in order: a call waits for the handler's earlier calls, except those that were
    given up. Each call has a transaction of its own, which is committed with what the handler wrote. `written` are the
    keys of events that this process has just written: their calls are first attempts.
    """
    due = due_calls().filter(event__subject=subject)
    called = 0
    for path in dict.fromkeys(due.values_list("handler", flat=True)[:limit]):
        pending = pending_calls().filter(handler=path, event__subject=subject).order_by("event_id")
        for call in pending.select_related("event").only(*_KEYS)[:limit]:
            is_first = call.event_id in written and not call.attempts
            if not is_over() and _attempt(call, is_first=is_first) is AttemptResult.DELIVERED:
                called += 1
            elif not call.repetitions:
                break
    return called


def count_undelivered(now: datetime) -> Undelivered:
    """Count the undelivered calls of handlers and mails to customers, by their state. Makes four queries."""
    due = HandlerDelivery.objects.filter(next_attempt_at__lte=now - OVERDUE_AFTER)
    overdue = _pending(due.exclude(handler=CUSTOMER_MAIL)).count() + sendable(due).count()
    return Undelivered(dead=dead_calls().count(), failing=failing_calls().count(), overdue=overdue)


def dead_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that were given up."""
    return HandlerDelivery.objects.filter(given_up_at__isnull=False)


def failing_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that have failed and are tried again."""
    return HandlerDelivery.objects.filter(next_attempt_at__isnull=False, attempts__gt=0)


def pending_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls of handlers that are pending and whose event is true. Mails: `send_mails.py`."""
    return _pending(HandlerDelivery.objects.primary()).exclude(handler=CUSTOMER_MAIL)


def due_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that can be made now, without those that wait behind one that has failed."""
    now = timezone.now()
    failed_before = failed_earlier(now, _true(_earlier()))
    due = pending_calls().filter(next_attempt_at__lte=now).alias(behind=failed_before)
    return due.filter(behind=None).order_by("next_attempt_at", "pk")


def _pending(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    """Keep the calls that are pending and whose event is true."""
    return _true(calls).filter(next_attempt_at__isnull=False)


def _true(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    return calls.filter(Exists(InvoiceEvent.objects.filter(is_true(), pk=OuterRef("event_id"))))


def _first_pending(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    """Keep what `_pending` keeps, without each call behind a pending call of the same handler for the same subject."""
    return _pending(calls).alias(behind=pending_earlier(_true(_earlier()))).filter(behind=None)


def _earlier() -> QuerySet[HandlerDelivery]:
    """Return the earlier calls of the same handler for the same subject. One that is repeated delays nothing."""
    return HandlerDelivery.objects.filter(
        handler=OuterRef("handler"),
        event__subject=OuterRef("event__subject"),
        event_id__lt=OuterRef("event_id"),
        repetitions=0,
    )


def _attempt(call: HandlerDelivery, *, is_first: bool) -> AttemptResult:
    fields = about_event(call.event, handler=call.handler, delivery_id=call.pk)
    return Attempt(CALLS, call.pk, call.event.named, f"handler {call.handler}", fields, is_first=is_first).make()


def _call(delivery: HandlerDelivery, note: Note) -> None:
    """Call the handler with its event, and with what that is about as it is now."""
    event = _event_of(delivery)
    note(event_kind=event.kind, event_uuid=event.uuid)
    handler = handlers.find_handler(event.kind, delivery.handler)
    if handler is None:
        raise HandlerMissingError(
            f"no handler for {event.kind} is registered as {delivery.handler}: it was renamed or removed, or its "
            "module is not imported in this process. Bring it back under this path, and try again"
        )
    refresh_about(event)
    if not isinstance(event.about, Callback):
        check_deliverable(event.about)
    if event.payment_id is not None:
        event.payment = Payment.objects.primary().get(pk=event.payment_id)
    if event.refund_id is not None:
        event.refund = Refund.objects.primary().get(pk=event.refund_id)
    handler(event.about, event)


def _event_of(delivery: HandlerDelivery) -> InvoiceEvent:
    """Return the event of a call. It counts as repeated when this call is."""
    event = InvoiceEvent.objects.primary().get(pk=delivery.event_id)
    event.repetitions = delivery.repetitions
    return event


CALLS: DeliveryKind[HandlerDelivery] = DeliveryKind(
    span="cryptopay.call_handler",
    rows=HandlerDelivery.objects,
    claimable=_first_pending,
    markable=_pending,
    call=_call,
    event_of=_event_of,
    gives_up=True,
)
