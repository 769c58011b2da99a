"""Says what to tell the customer about an order, a top-up or a payment to an address, in one place and in plain words.

Only `payable.status` says "paid", and only the signals set it. What happens before that is told by the
payment panel of the invoice that counts.
"""

from decimal import Decimal
from typing import NamedTuple

from cryptopay_django.models import ChannelPayment, ChannelPaymentStatus, Invoice, InvoiceStatus
from cryptopay_django.services import payment_summary

from .models import Order, Payable, TopUp


class Progress(NamedTuple):
    """The shop's own words; or, where they are empty, the invoice whose panel speaks."""

    state: str
    title: str = ""
    text: str = ""
    invoice: Invoice | None = None
    can_choose: bool = False


PAID = {
    Order: Progress("paid", "Paid, thank you", "The warehouse has your order."),
    TopUp: Progress("paid", "Added to your balance", "Thank you. You can spend it right away."),
}
CLOSED = {
    Payable.Status.REFUNDED: Progress("closed", "Refunded", "We could not keep this payment. Nothing is due."),
    Payable.Status.CANCELLED: Progress("closed", "Cancelled", "No payment arrived. You have been charged nothing."),
}
UNPAID = Progress("open", "Not paid yet", "Choose a coin to pay with.", can_choose=True)


def progress_of(payable: Payable) -> Progress:
    """Return what the customer sees now."""
    if payable.status == Payable.Status.PAID:
        return PAID[type(payable)]
    if payable.status in CLOSED:
        return CLOSED[payable.status]
    invoices = list(payable.invoices.prefetch_related("payments"))
    invoice = most_telling(invoices)
    if invoice is None or invoice.gateway_id is None:
        return UNPAID
    is_untouched = payable.status == Payable.Status.OPEN and not invoice.payments.all()
    return Progress("panel", invoice=invoice, can_choose=is_untouched)


def rest_of(payable: Payable) -> Decimal | None:
    """Return what the customer can pay now to complete an order that was credited with too little, or None."""
    if not isinstance(payable, Order) or payable.status != Payable.Status.ATTENTION:
        return None
    summary = payment_summary(payable, due_amount=payable.kept_amount, currency="EUR")
    is_open = summary.has_pending or summary.has_quarantined or not summary.paid_amount
    return None if is_open else summary.remaining_amount or None


def most_telling(invoices: list[Invoice]) -> Invoice | None:
    """Return the newest that money has come in for and that is not written off, or else the newest."""
    closed = {InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED}
    paid = [invoice for invoice in invoices if invoice.payments.all() and invoice.status not in closed]
    return next(iter(paid or invoices), None)


ARRIVED = {
    ChannelPaymentStatus.PENDING: "on its way",
    ChannelPaymentStatus.ON_HOLD: "being looked at",
    ChannelPaymentStatus.COMPLETED: "added",
    ChannelPaymentStatus.REFUNDED: "sent back",
    ChannelPaymentStatus.CANCELLED: "never confirmed",
}


def words_for(payment: ChannelPayment) -> str:
    """Return how far a payment to an address has come. Why one is held is for staff alone."""
    return ARRIVED[ChannelPaymentStatus.ON_HOLD if payment.quarantine_reason else payment.status]
