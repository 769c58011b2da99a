"""Books every event that can change what is on record for an order of django-salesman."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from salesman.orders.models import BaseOrder

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


@receiver(_EVENTS, dispatch_uid="cryptopay_django.contrib.salesman")
def book_event(sender: object, *, invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Bring the order of an invoice up to date. Invoices of anything else are left alone."""
    if isinstance(invoice.order, BaseOrder):
        book(invoice.order, event)
