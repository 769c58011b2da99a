"""What happens in the shop when money arrives, or does not. The one place where orders become paid.

Each receiver runs in a transaction whose commit also marks the event as delivered: what it writes to the database
happens exactly once for an event, and there is nothing to guard against. A receiver that raises is called again later.
The invoice itself is not held back by it.

What is done outside of the database stands in `cryptopay_handlers.py`.
"""

from decimal import Decimal
from typing import Any

from django.dispatch import receiver

from cryptopay_django.models import Invoice, InvoiceEvent, InvoiceStatus
from cryptopay_django.signals import (
    invoice_cancelled,
    invoice_completed,
    invoice_quarantined,
    invoice_refunded,
    invoice_settled_short,
    invoice_unresolved,
)

from .models import LedgerEntry, Order, Payable, TopUp

Status = Payable.Status
UNPAID = [Status.OPEN, Status.ATTENTION, Status.REFUNDED, Status.CANCELLED]


@receiver(invoice_completed, dispatch_uid="shop.pay_order")
def pay_order(invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Mark the order paid, once. The warehouse is asked by a handler, with the key that is kept here."""
    order = invoice.order
    if not isinstance(order, Order):
        return
    if order.move(Status.PAID, only_from=UNPAID, paid_by=invoice, shipment_key=event.uuid):
        spare = invoice.settled_amount - order.amount
    else:
        # Paid before, by another invoice or from the balance. The money came all the same.
        spare = invoice.settled_amount
    credit(order, invoice, spare, note=f"Paid too much for order {order.reference}")


@receiver(invoice_completed, dispatch_uid="shop.credit_top_up")
@receiver(invoice_settled_short, dispatch_uid="shop.credit_short_top_up")
def credit_top_up(invoice: Invoice, **kwargs: Any) -> None:
    """Add what was credited to us, which can be more or less than what the customer had in mind."""
    top_up = invoice.order
    if isinstance(top_up, TopUp):
        credit(top_up, invoice, invoice.settled_amount, note=f"Top-up {top_up.reference}")
        top_up.move(Status.PAID, only_from=UNPAID, paid_by=invoice)


@receiver(invoice_settled_short, dispatch_uid="shop.hold_short_order")
@receiver(invoice_unresolved, dispatch_uid="shop.hold_unresolved")
@receiver(invoice_quarantined, dispatch_uid="shop.hold_quarantined")
def hold_for_staff(invoice: Invoice, **kwargs: Any) -> None:
    """Something came, but not what was asked for. Staff decide in the admin; nothing is shipped yet."""
    if isinstance(invoice.order, Payable):
        invoice.order.move(Status.ATTENTION, only_from=[Status.OPEN, Status.CANCELLED])


@receiver(invoice_refunded, dispatch_uid="shop.close_refunded")
def close_refunded(invoice: Invoice, **kwargs: Any) -> None:
    close(invoice, Status.REFUNDED)


@receiver(invoice_cancelled, dispatch_uid="shop.close_cancelled")
def close_cancelled(invoice: Invoice, **kwargs: Any) -> None:
    close(invoice, Status.CANCELLED)


def close(invoice: Invoice, status: str) -> None:
    """Close what was never paid. A paid order stays paid, whatever an older invoice of it comes to."""
    payable = invoice.order
    if not isinstance(payable, Payable):
        return
    others = payable.invoices.exclude(pk=invoice.pk)
    if others.filter(status__in=[InvoiceStatus.NEW, InvoiceStatus.UNRESOLVED]).exists():
        return
    payable.move(status, only_from=[Status.OPEN, Status.ATTENTION])


def credit(payable: Payable, invoice: Invoice, amount: Decimal, *, note: str) -> None:
    """Add to the customer's balance, at most once for an invoice."""
    if amount > 0:
        LedgerEntry.objects.get_or_create(
            invoice=invoice, defaults={"customer": payable.customer, "amount": amount, "note": note}
        )
