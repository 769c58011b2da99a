"""The shop is told: events as signals, and to each durable handler by itself."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ..conf import app_settings
from ..logs import about
from ..models import EventKind, Invoice, InvoiceEvent
from ..models.locking import write_transaction
from ..tracing import Note, span
from .events import SIGNALS, backoff, new_event, write_events
from .handling import call_handlers

logger = logging.getLogger("cryptopay_django")

_PAUSES = (0.05, 0.1, 0.2)
"""How long to wait, in seconds, before each look whether another process has finished with an invoice's events."""


class _Turn(Enum):
    """What became of an event's turn."""

    TAKEN = auto()  # it is delivered, and the next one may follow
    HELD = auto()  # it is in other hands, or one before it is pending
    OVER = auto()  # it is not due, or has failed: nothing follows now


def deliver_events(invoice: Invoice | None = None, *, limit: int = 100, deadline: float | None = None) -> int:
    """Deliver pending events, of one invoice or of all that have some due; return how many signals and calls it took.

    Signals first, then the durable handlers, which depend neither on signals nor on each other. In order for
    each invoice: an event waits until those before it are delivered, so one that keeps failing holds back
    its own invoice and no other. Each event has a transaction of its own, committed with what its receivers
    wrote. `deadline` is on `time.monotonic()`; no new event is begun after it.
    """
    delivered = _send_signals(invoice, limit=limit, deadline=deadline)
    return delivered + call_handlers(invoice, limit=limit, deadline=deadline)


def deliver_written(
    invoice: Invoice, events: Sequence[InvoiceEvent], *, deadline: float | None = None, patient: bool = False
) -> int:
    """Deliver what this process has written and committed just now: as `deliver_events`, without reading it again.

    Receivers get the invoice as it was committed with these events. While another process is at earlier events of
    the invoice, these are left to whoever delivers what is due; somebody `patient`, after whom nobody may come for a
    while, looks again a few times within a third of a second.
    """
    delivered, turn = 0, _Turn.TAKEN
    for event in events:
        if event.next_attempt_at is None:
            continue
        turn = _Turn.OVER if _is_over(deadline) else _deliver_one(event.pk, invoice.pk, event)
        if turn is not _Turn.TAKEN:
            break
        delivered += 1
    for pause in (0.0, *_PAUSES) if patient else (0.0,):
        if turn is not _Turn.HELD or _is_over(deadline):
            break
        time.sleep(pause)
        count, turn = _deliver_invoice(invoice.pk, limit=100, deadline=deadline)
        delivered += count
    return delivered + call_handlers(invoice, deadline=deadline)


def retry_event(event: InvoiceEvent) -> bool:
    """Make a pending event due now, whatever its back-off; return whether it was pending."""
    due = Q(pk=event.pk, delivered_at=None, next_attempt_at__isnull=False)
    return bool(InvoiceEvent.objects.filter(due).update(next_attempt_at=timezone.now()))


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def _send_signals(invoice: Invoice | None, *, limit: int, deadline: float | None) -> int:
    if invoice is not None:
        return _deliver_invoice(invoice.pk, limit=limit, deadline=deadline)[0]
    delivered = 0
    for invoice_id in dict.fromkeys(_due_events().values_list("invoice_id", flat=True)[:limit]):
        if _is_over(deadline):
            break
        delivered += _deliver_invoice(invoice_id, limit=limit, deadline=deadline)[0]
    return delivered


def _due_events() -> QuerySet[InvoiceEvent]:
    """Return the events that can be delivered now, without those that wait behind one that has failed."""
    now = timezone.now()
    failed_before = InvoiceEvent.objects.filter(
        invoice_id=OuterRef("invoice_id"), pk__lt=OuterRef("pk"), next_attempt_at__gt=now
    )
    due = InvoiceEvent.objects.primary().filter(~Exists(failed_before), next_attempt_at__lte=now)
    return due.order_by("next_attempt_at", "pk")


def _deliver_invoice(invoice_id: UUID, *, limit: int, deadline: float | None) -> tuple[int, _Turn]:
    """Deliver an invoice's pending events in order, up to the first that is not due, fails, or is in other hands.

    Return how many that were, and what became of the turn of the last one looked at.
    """
    delivered = 0
    for event in InvoiceEvent.objects.find(_pending, invoice_id=invoice_id)[:limit]:
        turn = _Turn.OVER if _is_over(deadline) else _deliver_one(event.pk, invoice_id)
        if turn is not _Turn.TAKEN:
            return delivered, turn
        delivered += 1
    return delivered, _Turn.TAKEN


def _pending(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
    return events.filter(next_attempt_at__isnull=False).order_by("pk").only("pk")


def _in_turn(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
    """Leave out an event while an earlier one of its invoice is pending."""
    earlier = InvoiceEvent.objects.filter(
        invoice_id=OuterRef("invoice_id"), pk__lt=OuterRef("pk"), next_attempt_at__isnull=False
    )
    return events.filter(~Exists(earlier))


def _lock(event_id: int) -> InvoiceEvent | None:
    return InvoiceEvent.objects.lock(_in_turn, pk=event_id, skip_locked=True, related=("invoice", "payment"))


def _lock_written(event_id: int) -> InvoiceEvent | None:
    """Lock an event that is at hand: whether and when it is due is all that may have changed."""
    return InvoiceEvent.objects.lock(_is_in_turn, pk=event_id, skip_locked=True)


def _is_in_turn(events: QuerySet[InvoiceEvent]) -> QuerySet[InvoiceEvent]:
    return _in_turn(events).only("next_attempt_at")


def _deliver_one(event_id: int, invoice_id: UUID, written: InvoiceEvent | None = None) -> _Turn:
    """Send one event's signal in one transaction; return what became of its turn.

    1. Lock the event, so that nobody else delivers it; another holder goes on with this invoice. Nor is it
       its turn while an earlier one is pending.
    2. Send the signal: what receivers write belongs to this transaction.
    3. Mark it delivered and commit. If a receiver raises, all of it is rolled back, and the failure
       is written down by itself.
    """
    try:
        with span("cryptopay.deliver_event", invoice_id=invoice_id) as note, write_transaction(InvoiceEvent):
            locked = _lock_written(event_id) if written else _lock(event_id)
            if locked is None:
                note(outcome="in other hands, or not its turn")
                return _Turn.HELD
            if locked.next_attempt_at is None:
                note(outcome="delivered already")
                return _Turn.TAKEN
            if locked.next_attempt_at > timezone.now():
                note(outcome="not due")
                return _Turn.OVER
            event = written or locked
            _send(event, note)
            InvoiceEvent.objects.change(event, delivered_at=timezone.now(), next_attempt_at=None)
            note(outcome="delivered")
    except Exception:
        # Whatever a receiver raises, the event must stay pending and the state must stand.
        logger.exception(
            "invoice %s: a receiver of event %s failed; it will be tried again",
            invoice_id,
            event_id,
            extra=about(invoice_id, event_id=event_id),
        )
        _note_failure(event_id, traceback.format_exc())
        return _Turn.OVER
    logger.debug("invoice %s: event %s delivered", invoice_id, event_id, extra=about(invoice_id, event_id=event_id))
    return _Turn.TAKEN


def _send(event: InvoiceEvent, note: Note) -> None:
    """Send the signal of an event's kind. Receivers see the invoice that is with it."""
    note(event_kind=event.kind, event_uuid=event.uuid)
    arguments: dict[str, Any] = {"invoice": event.invoice, "event": event}
    if event.payment is not None:
        arguments["payment"] = event.payment
    SIGNALS[event.kind].send(sender=Invoice, **arguments)


def _note_failure(event_id: int, error: str) -> None:
    with write_transaction(InvoiceEvent):
        event = InvoiceEvent.objects.lock(pk=event_id)
        if event is None or event.next_attempt_at is None:
            return
        event.attempts += 1
        event.last_error = error.replace("\x00", "\\0")[-20_000:]
        event.next_attempt_at = timezone.now() + backoff(event.attempts)
        event.save(update_fields=["attempts", "last_error", "next_attempt_at"])
        if event.attempts == app_settings.NOTICE_FAILED_DELIVERIES:
            detail = {"event": event.kind, "attempts": event.attempts}
            write_events([new_event(event.invoice, EventKind.DELIVERY_FAILING, at=timezone.now(), detail=detail)])
