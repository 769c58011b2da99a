"""What payments do to orders. The app imports this module when Django starts.

Each receiver runs once for an event, inside the transaction that marks it as delivered. The lock makes two events of
one order wait for each other.
"""

from django.dispatch import receiver

from cryptopay_django.models import Invoice
from cryptopay_django.services import payment_summary
from cryptopay_django.signals import (
    invoice_cancelled,
    invoice_completed,
    invoice_quarantined,
    invoice_refunded,
    invoice_settled_short,
    invoice_unresolved,
    refund_created,
    refund_failed,
    refund_succeeded,
)

from .models import Order, Parcel

Status = Order.Status


def lock_order(invoice: Invoice) -> Order | None:
    """Return the order of an invoice, locked; None for an invoice of anything else."""
    if not isinstance(invoice.order, Order):
        return None
    return Order.objects.select_for_update().get(pk=invoice.order.pk)


@receiver(invoice_completed)
def mark_paid(invoice, **kwargs):
    """Pay the order by its first completed invoice. A second one is only booked, below."""
    order = lock_order(invoice)
    if order and order.status != Status.PAID:
        order.status = Status.PAID
        order.save(update_fields=["status"])
        Parcel.objects.create(order=order)


@receiver([invoice_unresolved, invoice_settled_short, invoice_quarantined])
def ask_staff(invoice, **kwargs):
    """Let staff look: something came, but not what was asked for."""
    order = lock_order(invoice)
    if order and order.status in (Status.OPEN, Status.CANCELLED):
        order.status = Status.ATTENTION
        order.save(update_fields=["status"])


@receiver([invoice_cancelled, invoice_refunded])
def close(invoice, **kwargs):
    """Cancel an order that was never paid, unless another invoice of it can still be paid, or waits for staff."""
    order = lock_order(invoice)
    if order is None or order.status == Status.PAID:
        return
    if not Invoice.objects.for_order(order).exclude(status__in=["cancelled", "refunded"]).exists():
        order.status = Status.CANCELLED
        order.save(update_fields=["status"])


@receiver([invoice_completed, invoice_settled_short, refund_created, refund_succeeded, refund_failed])
def book(invoice, **kwargs):
    """Add up what was paid and refunded, anew each time: nothing counts twice, and what fails counts no longer."""
    order = lock_order(invoice)
    if order:
        summary = payment_summary(order, currency="EUR")
        order.paid_amount, order.refunded_amount = summary.paid_amount, summary.returned_amount
        order.save(update_fields=["paid_amount", "refunded_amount"])
