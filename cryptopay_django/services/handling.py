"""Durable handlers: each is called for its events by itself, until it succeeds or is given up.

The records are written with the events (`events.write_events`). A handler that fails holds back its own
later calls for the same invoice, and nothing else: no other handler, signal or invoice.
"""

from __future__ import annotations

import logging
import time
import traceback
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from .. import handlers
from ..conf import app_settings
from ..exceptions import HandlerMissingError
from ..logs import about
from ..models import EventKind, HandlerDelivery, Invoice, InvoiceEvent, Payment
from ..models.locking import write_transaction
from ..tracing import Note, span
from .events import backoff, new_event, write_events

logger = logging.getLogger("cryptopay_django")

OVERDUE_AFTER = timedelta(minutes=10)
"""How long a call may be due before nobody seems to make it."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """How many calls of handlers were given up, fail and are tried again, or are due and not made."""

    dead: int
    failing: int
    overdue: int


def call_handlers(invoice: Invoice | None = None, *, limit: int = 100, deadline: float | None = None) -> int:
    """Make the calls of handlers that are due, of one invoice or of all; return how many succeeded.

    In order for each handler and invoice: a call waits for the earlier ones, unless they were given up.
    Each has a transaction of its own, committed with what the handler wrote. `deadline` is on
    `time.monotonic()`; no new call is begun after it. Any number of processes may run this side by side.
    Calls owed to handlers that are not there any more come up when all invoices are asked for.
    """
    if invoice is not None and not handlers.is_any_registered():
        return 0
    due = _due_deliveries()
    if invoice is not None:
        due = due.filter(event__invoice_id=invoice.pk)
    called = 0
    for invoice_id, path in dict.fromkeys(due.values_list("event__invoice_id", "handler")[:limit]):
        if deadline is not None and time.monotonic() >= deadline:
            break
        called += _call_in_order(invoice_id, path, limit=limit, deadline=deadline)
    return called


def retry_delivery(delivery: HandlerDelivery) -> bool:
    """Make a call due now, whatever its back-off, and also if it was given up; return whether it was not made yet.

    One that was given up gets all its attempts again. It may now come after later events of its invoice.
    """
    now = timezone.now()
    owed = HandlerDelivery.objects.filter(pk=delivery.pk, delivered_at=None)
    dead = owed.filter(given_up_at__isnull=False)
    return bool(
        dead.update(given_up_at=None, attempts=0, next_attempt_at=now)
        or owed.filter(given_up_at=None).update(next_attempt_at=now)
    )


def count_undelivered(now: datetime) -> Undelivered:
    """Count what handlers have not been told, by what is the matter with it. Three queries."""
    overdue = HandlerDelivery.objects.filter(next_attempt_at__lte=now - OVERDUE_AFTER)
    return Undelivered(dead=dead_calls().count(), failing=failing_calls().count(), overdue=overdue.count())


def dead_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that were given up."""
    return HandlerDelivery.objects.filter(given_up_at__isnull=False)


def failing_calls() -> QuerySet[HandlerDelivery]:
    """Return the calls that have failed and are tried again."""
    return HandlerDelivery.objects.filter(next_attempt_at__isnull=False, attempts__gt=0)


def _due_deliveries() -> QuerySet[HandlerDelivery]:
    """Return the calls that can be made now, without those that wait behind one that has failed."""
    now = timezone.now()
    failed_before = HandlerDelivery.objects.filter(
        handler=OuterRef("handler"),
        event__invoice_id=OuterRef("event__invoice_id"),
        event_id__lt=OuterRef("event_id"),
        next_attempt_at__gt=now,
    )
    due = HandlerDelivery.objects.primary().filter(~Exists(failed_before), next_attempt_at__lte=now)
    return due.order_by("next_attempt_at", "pk")


def _call_in_order(invoice_id: UUID, path: str, *, limit: int, deadline: float | None) -> int:
    """Make a handler's calls for an invoice in order, up to the first that is not due, fails, or is in other hands."""
    called = 0
    pending = HandlerDelivery.objects.primary().filter(
        handler=path, event__invoice_id=invoice_id, next_attempt_at__isnull=False
    )
    for delivery_id in pending.order_by("event_id").values_list("pk", flat=True)[:limit]:
        if (deadline is not None and time.monotonic() >= deadline) or not _call_one(delivery_id, path, invoice_id):
            break
        called += 1
    return called


def _call_one(delivery_id: int, path: str, invoice_id: UUID) -> bool:
    """Make one call in one transaction; return whether the next one may follow.

    1. Lock the record, so that nobody else makes the call; another holder goes on with this handler and invoice.
    2. Call: what the handler writes belongs to this transaction.
    3. Mark it delivered and commit. If it raises, all of it is rolled back, and the failure is noted by itself.
    """
    extra = about(invoice_id, handler=path, delivery_id=delivery_id)
    try:
        with (
            span("cryptopay.call_handler", invoice_id=invoice_id, handler=path) as note,
            write_transaction(HandlerDelivery),
        ):
            delivery = HandlerDelivery.objects.lock(pk=delivery_id, skip_locked=True)
            if delivery is None or (
                delivery.next_attempt_at is not None and delivery.next_attempt_at > timezone.now()
            ):
                note(outcome="not now")
                return False
            if delivery.next_attempt_at is None:
                note(outcome="delivered already")
                return True
            _call(delivery, note)
            delivery.delivered_at, delivery.next_attempt_at = timezone.now(), None
            delivery.save(update_fields=["delivered_at", "next_attempt_at"])
            note(outcome="delivered")
    except Exception:
        # Whatever a handler raises, its record must stay and the state must stand.
        logger.exception("invoice %s: handler %s failed", invoice_id, path, extra=extra)
        _note_failure(delivery_id, traceback.format_exc())
        return False
    logger.debug("invoice %s: handler %s was called", invoice_id, path, extra=extra)
    return True


def _call(delivery: HandlerDelivery, note: Note) -> None:
    """Call the handler with its event, and with the invoice as it is now."""
    event = InvoiceEvent.objects.primary().get(pk=delivery.event_id)
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
    handler(event.invoice, event)


def _note_failure(delivery_id: int, error: str) -> None:
    """Write a failure down; give the call up after CRYPTOPAY_HANDLER_ATTEMPTS. The teams are told early, and then."""
    now = timezone.now()
    with write_transaction(HandlerDelivery):
        delivery = HandlerDelivery.objects.lock(pk=delivery_id)
        if delivery is None or delivery.next_attempt_at is None:
            return
        delivery.attempts += 1
        is_last = delivery.attempts >= app_settings.HANDLER_ATTEMPTS
        delivery.last_error = error.replace("\x00", "\\0")[-20_000:]
        delivery.given_up_at = now if is_last else None
        delivery.next_attempt_at = None if is_last else now + backoff(delivery.attempts)
        delivery.save(update_fields=["attempts", "last_error", "given_up_at", "next_attempt_at"])
        if is_last or delivery.attempts == app_settings.NOTICE_FAILED_DELIVERIES:
            event = InvoiceEvent.objects.primary().select_related("invoice").get(pk=delivery.event_id)
            kind = EventKind.HANDLER_GIVEN_UP if is_last else EventKind.DELIVERY_FAILING
            detail = {"event": event.kind, "handler": delivery.handler, "attempts": delivery.attempts}
            write_events([new_event(event.invoice, kind, at=now, detail=detail)])
