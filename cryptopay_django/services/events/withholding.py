"""Withholding: an event is delivered only while it is true. This is not stored: the claim of an event checks it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_

from django.db.models import CharField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from ...models import EventKind, Invoice, InvoiceEvent, InvoiceStatus

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


def is_true() -> Q:
    """Return the condition on events that are true now."""
    kind = ExpressionWrapper(OuterRef("kind"), output_field=CharField())
    ended = reduce(or_, (Q(said=kind, status=status) for kind, status in TRUE_WHILE.items()))
    invoice = Invoice.objects.alias(said=kind).filter(ended, pk=OuterRef("invoice_id"), quarantine_reason="")
    return ~Q(kind__in=list(TRUE_WHILE)) | Q(Exists(invoice))


def withheld_events() -> QuerySet[InvoiceEvent]:
    """Return the pending events that are not true now."""
    return InvoiceEvent.objects.primary().filter(~is_true(), next_attempt_at__isnull=False)


def is_withheld(event: InvoiceEvent, invoice: Invoice) -> bool:
    """Tell whether a pending event is withheld, as its invoice is now."""
    needed = TRUE_WHILE.get(event.kind)
    return needed is not None and (bool(invoice.quarantine_reason) or invoice.status != needed)
