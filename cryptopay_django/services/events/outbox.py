"""Writes events to the outbox, in the transaction of the change that they describe.

How events are delivered: `deliver.py`.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import models
from django.dispatch import Signal

from ... import handlers, signals
from ...conf import app_settings
from ...logs import about_event, once_committed
from ...models import (
    Callback,
    ChannelPayment,
    EventKind,
    HandlerDelivery,
    Invoice,
    InvoiceEvent,
    Payment,
    Refund,
    Subject,
    subject_of,
)

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
    EventKind.CHANNEL_PAYMENT_CREATED: signals.channel_payment_created,
    EventKind.CHANNEL_PAYMENT_COMPLETED: signals.channel_payment_completed,
    EventKind.CHANNEL_PAYMENT_ON_HOLD: signals.channel_payment_on_hold,
    EventKind.CHANNEL_PAYMENT_REFUNDED: signals.channel_payment_refunded,
    EventKind.CHANNEL_PAYMENT_CANCELLED: signals.channel_payment_cancelled,
    EventKind.CALLBACK_RECEIVED: signals.callback_received,
}

CUSTOMER_MAIL = "cryptopay_django.mails"
"""The `handler` of a delivery record that is not for a handler, but for a mail to the customer."""

MAIL_OF: Mapping[str, str] = {
    EventKind.INVOICE_CREATED: "created",
    EventKind.PAYMENT_DETECTED: "partly_paid",
    EventKind.INVOICE_EXPIRED: "expired",
    EventKind.INVOICE_COMPLETED: "paid",
    EventKind.INVOICE_UNRESOLVED: "review",
    EventKind.INVOICE_SETTLED_SHORT: "review",
    EventKind.REFUND_SUCCEEDED: "refunded",
}
"""The mail that an event may lead to: whether it does is decided when the mail is sent."""

_OTHER_SENDERS: Mapping[str, type[models.Model]] = {
    EventKind.CHANNEL_PAYMENT_CREATED: ChannelPayment,
    EventKind.CHANNEL_PAYMENT_COMPLETED: ChannelPayment,
    EventKind.CHANNEL_PAYMENT_ON_HOLD: ChannelPayment,
    EventKind.CHANNEL_PAYMENT_REFUNDED: ChannelPayment,
    EventKind.CHANNEL_PAYMENT_CANCELLED: ChannelPayment,
    EventKind.CALLBACK_RECEIVED: Callback,
}


def sender_of(kind: str) -> type[models.Model]:
    """Return the `sender` of a kind's signal: the model of what the event is about."""
    return _OTHER_SENDERS.get(kind, Invoice)


class Written(NamedTuple):
    """What this process has written and committed: the row, and its new events."""

    about: Subject
    events: Sequence[InvoiceEvent]


_NAMESPACE = uuid.UUID("6f0f3c3e-5a58-4d0e-9a4b-2f1c7d9be001")

NOTICED = frozenset(
    {
        EventKind.INVOICE_UNRESOLVED,
        EventKind.INVOICE_QUARANTINED,
        EventKind.CHANNEL_PAYMENT_ON_HOLD,
        EventKind.CHANNEL_PAYMENT_QUARANTINED,
        EventKind.RISK_HIGH,
        EventKind.DELIVERY_FAILING,
        EventKind.HANDLER_GIVEN_UP,
        EventKind.HOOK_FAILED,
        EventKind.APPROVAL_REQUESTED,
        EventKind.RESOLUTION_STUCK,
        EventKind.RESOLUTION_ALARM,
    }
)
"""The kinds of events that staff are notified of. How they are notified: `notices.py`."""


def new_event(
    about: Subject,
    kind: EventKind,
    *,
    at: datetime,
    once: str | None = None,
    payment: Payment | None = None,
    refund: Refund | None = None,
    actor: str = "",
    detail: Mapping[str, Any] | None = None,
) -> InvoiceEvent:
    """Return an unsaved event. Its signal is due at once if its kind has one, and its notice if its kind has one.

    `once` names what must not happen twice to one subject: the database refuses a second event with the same name.
    If the gateway's id is known, such an event has the same uuid each time it is written, even after an older backup
    was restored.
    """
    return InvoiceEvent(
        uuid=_uuid_of(about, once),
        subject=subject_of(about),
        invoice=about if isinstance(about, Invoice) else None,
        channel_payment=about if isinstance(about, ChannelPayment) else None,
        callback=about if isinstance(about, Callback) else None,
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


def _uuid_of(about: Subject, once: str | None) -> uuid.UUID:
    """Return the uuid of an event: random, or with `once` the same each time for the same object of the gateway."""
    known = about.subject if isinstance(about, Callback) else about.gateway_id
    if once is None or known is None:
        return uuid.uuid4()
    return uuid.uuid5(_NAMESPACE, f"{about.account} {known} {once}")


def write_events(events: Sequence[InvoiceEvent]) -> None:
    """Write events, and a delivery record for each handler and mail; in the transaction of the change.

    One INSERT an event, one for all records of handlers, and one for those of mails. Locks nothing. Each event is
    logged once it is committed.
    """
    for event in events:
        InvoiceEvent.objects.insert(event)
        level = logging.WARNING if event.kind in NOTICED else logging.INFO
        extra = about_event(event, event_kind=str(event.kind), event_uuid=str(event.uuid))
        once_committed(InvoiceEvent, level, "%s: event %s", event.named, event.kind, extra=extra)
    add_handler_deliveries(events)
    add_mail_deliveries(events)


def add_mail_deliveries(events: Sequence[InvoiceEvent]) -> None:
    """Write a delivery record for each mail that the customers of these invoices get: CRYPTOPAY_CUSTOMER_MAILS."""
    owed = [
        event
        for event in events
        if event.kind in MAIL_OF
        and event.invoice is not None
        and MAIL_OF[event.kind] in app_settings.of(event.invoice.account).CUSTOMER_MAILS
    ]
    if owed:
        HandlerDelivery.objects.bulk_create(
            HandlerDelivery(event=event, handler=CUSTOMER_MAIL, next_attempt_at=event.created_at) for event in owed
        )


def read_about(event: InvoiceEvent) -> Subject | None:
    """Return what an event is about, as the database that is written to has it; None for a pruned callback."""
    if event.invoice_id is not None:
        return Invoice.objects.primary().get(pk=event.invoice_id)
    if event.channel_payment_id is not None:
        return ChannelPayment.objects.primary().select_related("channel").get(pk=event.channel_payment_id)
    return None if event.callback_id is None else Callback.objects.primary().filter(pk=event.callback_id).first()


def refresh_about(event: InvoiceEvent) -> None:
    """Put what an event is about, as it is now, into the event; raise LookupError for a pruned callback."""
    about = read_about(event)
    if isinstance(about, Invoice):
        event.invoice = about
    elif isinstance(about, ChannelPayment):
        event.channel_payment = about
    elif about is not None:
        event.callback = about
    else:
        raise LookupError(f"the callback of event {event.uuid} is pruned")


def add_handler_deliveries(events: Sequence[InvoiceEvent]) -> None:
    """Write a delivery record for each handler that is registered here for each of these events."""
    owed = [(event, path) for event in events for path in handlers.paths_for(event.kind)]
    if owed:
        HandlerDelivery.objects.bulk_create(
            HandlerDelivery(event=event, handler=path, next_attempt_at=event.created_at) for event, path in owed
        )
