"""Reads the data of a receipt: what was paid for an invoice, what it settled, and what was sent back."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ...models import Invoice, InvoiceStatus, Payment, Refund
from .customer_state import read_progress, refunds_to_customer


@dataclass(frozen=True, slots=True)
class Receipt:
    """An invoice that has ended with money, its transactions and its refunds to the customer, oldest first."""

    invoice: Invoice
    payments: tuple[Payment, ...]
    refunds: tuple[Refund, ...]

    @property
    def is_paid(self) -> bool:
        """True if the order was paid, also if it was refunded later."""
        return bool(self.invoice.status == InvoiceStatus.COMPLETED)


def read_receipt(invoice_id: UUID) -> Receipt | None:
    """Return the receipt of an invoice; None if there is no such invoice, or nothing to confirm to the customer yet.

    There is one as soon as the payment page says that the invoice is paid or refunded. Four queries.
    """
    progress = read_progress(invoice_id)
    if progress is None or not progress.has_receipt:
        return None
    invoice = Invoice.objects.primary().get(pk=invoice_id)
    payments = Payment.objects.primary().filter(invoice=invoice).order_by("detected_at", "pk")
    return Receipt(invoice, tuple(payments), tuple(refunds_to_customer(invoice)))
