"""Books every event that can change what a payment of django-payments is worth."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from payments.models import BasePayment

from ... import signals
from ...models import Invoice, InvoiceEvent
from .books import book

_EVENTS = [
    signals.invoice_completed,
    signals.invoice_settled_short,
    signals.invoice_unresolved,
    signals.invoice_refunded,
    signals.invoice_cancelled,
    signals.invoice_quarantined,
    signals.refund_created,
    signals.refund_succeeded,
    signals.refund_failed,
]


@receiver(_EVENTS, dispatch_uid="cryptopay_django.contrib.payments")
def book_event(sender: object, *, invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Bring the payment of an invoice up to date. Invoices of anything else are left alone."""
    if isinstance(invoice.order, BasePayment):
        book(invoice.order, event)
