"""The outbox: events are written with the change that they describe. `backoff` is the pause before each retry.

How they are delivered: `delivery.py`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.dispatch import Signal

from ... import handlers, signals
from ...logs import about, once_committed
from ...models import EventKind, HandlerDelivery, Invoice, InvoiceEvent, Payment, Refund

SIGNALS: Mapping[str, Signal] = {
    EventKind.INVOICE_CREATED: signals.invoice_created,
    EventKind.PAYMENT_DETECTED: signals.payment_detected,
    EventKind.PAYMENT_CONFIRMED: signals.payment_confirmed,
    EventKind.INVOICE_COMPLETED: signals.invoice_completed,
    EventKind.INVOICE_SETTLED_SHORT: signals.invoice_settled_short,
    EventKind.INVOICE_UNRESOLVED: signals.invoice_unresolved,
    EventKind.INVOICE_REFUNDED: signals.invoice_refunded,
    EventKind.INVOICE_CANCELLED: signals.invoice_cancelled,
    EventKind.INVOICE_QUARANTINED: signals.invoice_quarantined,
    EventKind.REFUND_CREATED: signals.refund_created,
    EventKind.REFUND_SUCCEEDED: signals.refund_succeeded,
    EventKind.REFUND_FAILED: signals.refund_failed,
}


_NAMESPACE = uuid.UUID("6f0f3c3e-5a58-4d0e-9a4b-2f1c7d9be001")

NOTICED = frozenset(
    {
        EventKind.INVOICE_UNRESOLVED,
        EventKind.INVOICE_QUARANTINED,
        EventKind.RISK_HIGH,
        EventKind.DELIVERY_FAILING,
        EventKind.HANDLER_GIVEN_UP,
        EventKind.HOOK_FAILED,
        EventKind.RESOLUTION_STUCK,
        EventKind.RESOLUTION_ALARM,
    }
)
"""Of what the teams are told; how stands in `notices.py`."""


def new_event(
    invoice: Invoice,
    kind: EventKind,
    *,
    at: datetime,
    once: str | None = None,
    payment: Payment | None = None,
    refund: Refund | None = None,
    actor: str = "",
    detail: Mapping[str, Any] | None = None,
) -> InvoiceEvent:
    """Return an unsaved event, due at once if its kind is a signal's, or one that teams are told of.

    `once` names what must not happen twice to this invoice; the database refuses a second one. Such an event
    has the same uuid whenever it is written, also after an older backup was restored.
    """
    return InvoiceEvent(
        uuid=_uuid_of(invoice, once),
        invoice=invoice,
        payment=payment,
        refund=refund,
        kind=kind,
        once=once,
        actor=actor,
        detail=dict(detail or {}),
        created_at=at,
        next_attempt_at=at if kind in SIGNALS else None,
        notice_due_at=at if kind in NOTICED else None,
    )


def _uuid_of(invoice: Invoice, once: str | None) -> uuid.UUID:
    if once is None or invoice.gateway_id is None:
        return uuid.uuid4()
    return uuid.uuid5(_NAMESPACE, f"{invoice.account} {invoice.gateway_id} {once}")


def write_events(events: Sequence[InvoiceEvent]) -> None:
    """Write events, and a delivery record for each handler of each; in the transaction of the change they tell of.

    One INSERT an event, and one for all records. Locks nothing. The log tells of each when it is committed.
    """
    for event in events:
        InvoiceEvent.objects.insert(event)
        level = logging.WARNING if event.kind in NOTICED else logging.INFO
        extra = about(event.invoice, event_kind=str(event.kind), event_uuid=str(event.uuid))
        once_committed(InvoiceEvent, level, "invoice %s: event %s", event.invoice_id, event.kind, extra=extra)
    owe_handlers(events)


def owe_handlers(events: Sequence[InvoiceEvent]) -> None:
    """Write a delivery record for each handler that is registered here for each of these events."""
    owed = [(event, path) for event in events for path in handlers.paths_for(event.kind)]
    if owed:
        HandlerDelivery.objects.bulk_create(
            HandlerDelivery(event=event, handler=path, next_attempt_at=event.created_at) for event, path in owed
        )


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after so many failures: 10 s, doubling, an hour at most."""
    return timedelta(seconds=min(10 * 2 ** min(attempts - 1, 10), 3600))
