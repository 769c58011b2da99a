"""What to tell the customer about an order, in one place and in plain words.

Only `payable.status` says "paid", and only the signals set it. What happens before that is told by the
payment panel of the invoice that counts.
"""

from typing import NamedTuple

from cryptopay_django.models import Invoice, InvoiceStatus

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


def most_telling(invoices: list[Invoice]) -> Invoice | None:
    """Return the newest that money has come in for and that is not written off, or else the newest."""
    closed = {InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED}
    paid = [invoice for invoice in invoices if invoice.payments.all() and invoice.status not in closed]
    return next(iter(paid or invoices), None)
