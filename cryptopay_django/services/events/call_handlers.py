"""Calls durable handlers. An event has one call for each handler, which is retried until it succeeds or is given up.

The records are written with the events (`write_events` in `outbox.py`). A handler that fails holds back its own
later calls for the same subject, and nothing else: no other handler, signal or subject. One attempt: `attempt.py`.
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
from ...logs import about_event
from ...models import HandlerDelivery, InvoiceEvent, Payment, Refund
from ...models.locking import write_transaction
from ...tracing import Note
from .attempt import Attempt, Lane, Turn
from .behind_failed import later_than
from .outbox import CUSTOMER_MAIL, put_row
from .withholding import is_true, sendable

OVERDUE_AFTER = timedelta(minutes=10)
"""How long a call may be due before it counts as overdue: it seems that no process makes calls."""


_KEYS = (
    *("handler", "attempts", "repetitions"),
    *("event__subject", "event__invoice_id", "event__channel_payment_id", "event__callback_id"),
)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """How many calls of handlers were given up, fail and are tried again, or are due and not made."""

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
            if not is_over() and _attempt(call, is_first=is_first) is Turn.TAKEN:
                called += 1
            elif not call.repetitions:
                break
    return called


def retry_delivery(delivery: HandlerDelivery) -> bool:
    """Make a call due now, whatever its back-off, even if it was given up; return whether it was not made yet.

    One that was given up gets all its attempts again. It may now come after later events of its invoice. Raises
    DeliveryBusyError while an attempt is running.
    """
    now = timezone.now()
    with write_transaction(HandlerDelivery):
        if not HandlerDelivery.objects.primary().filter(pk=delivery.pk, delivered_at=None).exists():
            return False
        owed = HandlerDelivery.objects.lock(pk=delivery.pk, skip_locked=True)
        # A mail is sent without a lock: its attempt has begun, and keeps others away for a while.
        is_sent_now = owed is not None and owed.handler == CUSTOMER_MAIL and owed.begun_at is not None
        if owed is None or (is_sent_now and owed.next_attempt_at is not None and owed.next_attempt_at > now):
            raise DeliveryBusyError(f"{delivery.handler} is being called at this moment: look again later")
        anew: dict[str, Any] = (
            {"given_up_at": None, "attempts": 0, "begun_at": None} if owed.given_up_at is not None else {}
        )
        return owed.delivered_at is None and HandlerDelivery.objects.change(owed, **anew, next_attempt_at=now)


def count_undelivered(now: datetime) -> Undelivered:
    """Count the calls that handlers have not had, and mails that customers have not, by what is the matter.

    Four queries.
    """
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
    failed_before = later_than(now, _true(_earlier()))
    due = pending_calls().filter(next_attempt_at__lte=now).alias(behind=failed_before)
    return due.filter(behind=None).order_by("next_attempt_at", "pk")


def _pending(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    """Keep the calls that are pending and whose event is true."""
    return _true(calls).filter(next_attempt_at__isnull=False)


def _true(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    return calls.filter(Exists(InvoiceEvent.objects.filter(is_true(), pk=OuterRef("event_id"))))


def _in_turn(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    """Like `_pending`, but drop each call behind a pending call of the same handler for the same subject."""
    return _pending(calls).filter(~Exists(_pending(_earlier())))


def _earlier() -> QuerySet[HandlerDelivery]:
    """Return the earlier calls of the same handler for the same subject. One that is repeated holds back nothing."""
    return HandlerDelivery.objects.filter(
        handler=OuterRef("handler"),
        event__subject=OuterRef("event__subject"),
        event_id__lt=OuterRef("event_id"),
        repetitions=0,
    )


def _attempt(call: HandlerDelivery, *, is_first: bool) -> Turn:
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
    put_row(event)
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


CALLS: Lane[HandlerDelivery] = Lane(
    span="cryptopay.call_handler",
    rows=HandlerDelivery.objects,
    claimable=_in_turn,
    markable=_pending,
    call=_call,
    event_of=_event_of,
    gives_up=True,
)
