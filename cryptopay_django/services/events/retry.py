"""Decides what follows a failed attempt: a retry after a pause, or none. Makes a row due at once if a person asks.

- The pause grows from 10 seconds to an hour: `services/backoff.py`.
- A signal is retried without end. A call of a handler or a mail is given up after CRYPTOPAY_HANDLER_ATTEMPTS failures.
- Staff are notified once when CRYPTOPAY_NOTICE_FAILED_DELIVERIES attempts have failed, and when a row is given up.
- A retry is an attempt like any other (`attempt.py`). The first process that looks for due work makes it:
  `services/worker/due_work.py`. An event that is not true now waits: `withholding.py`.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from ...conf import app_settings
from ...exceptions import DeliveryBusyError
from ...fields import storable_text
from ...models import EventKind, HandlerDelivery, InvoiceEvent
from ...models.locking import write_transaction
from ..backoff import backoff
from .delivery_kind import DeliveryKind, R
from .outbox import CUSTOMER_MAIL, new_event, read_about, write_events

_LONGEST_ERROR = 20_000


def schedule_retry(kind: DeliveryKind[R], row: R, attempts: int, error: str) -> None:
    """Store a failure in a locked row. Make the row due after its back-off, or give it up after the last attempt.

    `attempts` is the number of failures, this one included.
    """
    if not give_up_if_last(kind, row, attempts, error):
        due = timezone.now() + backoff(attempts)
        kind.rows.change(row, attempts=attempts, begun_at=None, next_attempt_at=due)


def give_up_if_last(kind: DeliveryKind[R], row: R, attempts: int, error: str) -> bool:
    """Store a failure in a locked row, notify staff if it is time; give the row up if that was the last attempt.

    Returns whether it was. If not, the caller makes the row due again.
    """
    is_last = kind.gives_up and attempts >= app_settings.HANDLER_ATTEMPTS
    now = timezone.now()
    values: dict[str, Any] = {"last_error": storable_text(error)[-_LONGEST_ERROR:]}
    if is_last:
        values |= {"attempts": attempts, "begun_at": None, "given_up_at": now, "next_attempt_at": None}
    kind.rows.change(row, **values)
    if is_last or attempts == app_settings.NOTICE_FAILED_DELIVERIES:
        event_kind = EventKind.HANDLER_GIVEN_UP if is_last else EventKind.DELIVERY_FAILING
        report(kind, row, event_kind, attempts=attempts)
    return is_last


def report(kind: DeliveryKind[R], row: R, event_kind: EventKind, **more: Any) -> None:
    """Write into the timeline what staff are notified of."""
    event = kind.event_of(row)
    detail = {"event": event.kind, **more}
    if isinstance(row, HandlerDelivery):
        detail["handler"] = row.handler
    about = read_about(event)
    if about is not None:
        write_events([new_event(about, event_kind, at=timezone.now(), detail=detail)])


def retry_event(event: InvoiceEvent) -> bool:
    """Make a pending event due now, even before its back-off is over. Deliver nothing. Return whether it was pending.

    The caller delivers it (`deliver_events`), or the next process that looks for due work. Commits. Raises
    DeliveryBusyError while an attempt is running.
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


def retry_delivery(delivery: HandlerDelivery) -> bool:
    """Make a call of a handler, or a mail, due now, even if it was given up; call nothing.

    Returns False if it was made already. One that was given up gets all its attempts again, and may now come after
    later events of its invoice. Commits. Raises DeliveryBusyError while an attempt is running.
    """
    now = timezone.now()
    with write_transaction(HandlerDelivery):
        if not HandlerDelivery.objects.primary().filter(pk=delivery.pk, delivered_at=None).exists():
            return False
        locked = HandlerDelivery.objects.lock(pk=delivery.pk, skip_locked=True)
        # A mail is sent without a lock: its attempt has begun, and keeps others away for a while.
        is_sent_now = locked is not None and locked.handler == CUSTOMER_MAIL and locked.begun_at is not None
        if locked is None or (is_sent_now and locked.next_attempt_at is not None and locked.next_attempt_at > now):
            raise DeliveryBusyError(f"{delivery.handler} is being called at this moment: look again later")
        anew: dict[str, Any] = (
            {"given_up_at": None, "attempts": 0, "begun_at": None} if locked.given_up_at is not None else {}
        )
        return locked.delivered_at is None and HandlerDelivery.objects.change(locked, **anew, next_attempt_at=now)
