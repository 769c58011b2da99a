"""Withholds events that are not true now. Nothing is stored for this: each query that claims an event checks it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import CharField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from ...models import (
    Callback,
    ChannelPayment,
    ChannelPaymentStatus,
    EventKind,
    HandlerDelivery,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    Subject,
)
from .outbox import CUSTOMER_MAIL

TRUE_WHILE: Mapping[str, str] = {
    EventKind.INVOICE_COMPLETED: InvoiceStatus.COMPLETED,
    EventKind.INVOICE_SETTLED_SHORT: InvoiceStatus.COMPLETED,
    EventKind.INVOICE_REFUNDED: InvoiceStatus.REFUNDED,
    EventKind.INVOICE_CANCELLED: InvoiceStatus.CANCELLED,
}
"""The events that report how an invoice ended, with the status that makes each true.

Such an event is delivered only while the invoice has this status and is not in quarantine. A shop acts on it for good:
the shop ships, or closes the order. Events of all other kinds report what happened at one time, and stay true: a
payment was seen, a person was needed.
"""

PAYMENT_TRUE_WHILE: Mapping[str, str] = {
    EventKind.CHANNEL_PAYMENT_COMPLETED: ChannelPaymentStatus.COMPLETED,
    EventKind.CHANNEL_PAYMENT_REFUNDED: ChannelPaymentStatus.REFUNDED,
    EventKind.CHANNEL_PAYMENT_CANCELLED: ChannelPaymentStatus.CANCELLED,
}
"""The same for channel payments."""


def is_true_of(kind: str) -> Q:
    """Return the condition on events of this kind that are true now: a part of `is_true`, which is planned faster."""
    if kind in TRUE_WHILE:
        invoices = Invoice.objects.filter(pk=OuterRef("invoice_id"), status=TRUE_WHILE[kind], quarantine_reason="")
        return Q(Exists(invoices))
    if kind in PAYMENT_TRUE_WHILE:
        payments = ChannelPayment.objects.filter(pk=OuterRef("channel_payment_id"), quarantine_reason="")
        return Q(Exists(payments.filter(status=PAYMENT_TRUE_WHILE[kind])))
    return Q()


def is_true() -> Q:
    """Return the condition on events that are true now."""
    invoices = Invoice.objects.filter(pk=OuterRef("invoice_id"))
    payments = ChannelPayment.objects.filter(pk=OuterRef("channel_payment_id"))
    ended = Exists(_as_said(invoices, TRUE_WHILE)), Exists(_as_said(payments, PAYMENT_TRUE_WHILE))
    return ~Q(kind__in=[*TRUE_WHILE, *PAYMENT_TRUE_WHILE]) | Q(ended[0]) | Q(ended[1])


def _as_said(rows: QuerySet[Any], true_while: Mapping[str, str]) -> QuerySet[Any]:
    """Keep the rows that ended as their event says, and are not in quarantine."""
    kind = ExpressionWrapper(OuterRef("kind"), output_field=CharField())
    ended = reduce(or_, (Q(said=kind, status=status) for kind, status in true_while.items()))
    found: QuerySet[Any] = rows.alias(said=kind).filter(ended, quarantine_reason="")
    return found


def sendable(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    """Keep the mails to customers that are pending and true.

    No mail about a quarantined invoice is sent, whatever its event: the invoice's data may come from somebody else.
    """
    free = Exists(Invoice.objects.filter(pk=OuterRef("invoice_id"), quarantine_reason=""))
    event = InvoiceEvent.objects.filter(is_true(), free, pk=OuterRef("event_id"))
    return calls.filter(Exists(event), handler=CUSTOMER_MAIL, next_attempt_at__isnull=False)


def withheld_events() -> QuerySet[InvoiceEvent]:
    """Return the pending events that are not true now."""
    return InvoiceEvent.objects.primary().filter(~is_true(), next_attempt_at__isnull=False)


def is_withheld(event: InvoiceEvent, about: Subject) -> bool:
    """Tell whether a pending event is withheld, as what it is about is now."""
    needed = TRUE_WHILE.get(event.kind) or PAYMENT_TRUE_WHILE.get(event.kind)
    if needed is None or isinstance(about, Callback):
        return False
    return bool(about.quarantine_reason) or about.status != needed
