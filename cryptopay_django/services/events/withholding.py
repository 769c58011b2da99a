"""Withholding: an event is delivered only while it is true. This is not stored: the claim of an event checks it."""

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
"""How an invoice ended is delivered only while its status is this one, and it is not held for a person.

A shop acts on these for good: it ships, or closes the order. Every other kind reports what happened at its time, and
stays true: a payment was seen, a person was needed.
"""

PAYMENT_TRUE_WHILE: Mapping[str, str] = {
    EventKind.CHANNEL_PAYMENT_COMPLETED: ChannelPaymentStatus.COMPLETED,
    EventKind.CHANNEL_PAYMENT_REFUNDED: ChannelPaymentStatus.REFUNDED,
    EventKind.CHANNEL_PAYMENT_CANCELLED: ChannelPaymentStatus.CANCELLED,
}
"""The same of a channel payment."""


def is_true() -> Q:
    """Return the condition on events that are true now."""
    invoices = Invoice.objects.filter(pk=OuterRef("invoice_id"))
    payments = ChannelPayment.objects.filter(pk=OuterRef("channel_payment_id"))
    ended = Exists(_as_said(invoices, TRUE_WHILE)), Exists(_as_said(payments, PAYMENT_TRUE_WHILE))
    return ~Q(kind__in=[*TRUE_WHILE, *PAYMENT_TRUE_WHILE]) | Q(ended[0]) | Q(ended[1])


def _as_said(rows: QuerySet[Any], true_while: Mapping[str, str]) -> QuerySet[Any]:
    """Leave the rows that ended as their event says, and are not held for a person."""
    kind = ExpressionWrapper(OuterRef("kind"), output_field=CharField())
    ended = reduce(or_, (Q(said=kind, status=status) for kind, status in true_while.items()))
    found: QuerySet[Any] = rows.alias(said=kind).filter(ended, quarantine_reason="")
    return found


def sendable(calls: QuerySet[HandlerDelivery]) -> QuerySet[HandlerDelivery]:
    """Leave the mails to customers that are pending and true.

    About a quarantined invoice no mail is sent, whatever it says: what is in it may come from somebody else.
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
