"""What to tell the customer about a payment, in one place and in plain words.

Only `payable.status` says "paid", and only the signals set it. Before that, the newest invoice is read
for what is under way.
"""

from typing import NamedTuple

from cryptopay_django.models import Invoice, InvoiceStatus

from .checkout import is_open
from .models import Order, Payable, TopUp


class Progress(NamedTuple):
    """`state` picks the colour; `pay` is an invoice to pay now; `choose` offers the choice of a coin."""

    state: str
    title: str
    text: str
    pay: Invoice | None = None
    choose: bool = False

    @property
    def is_moving(self) -> bool:
        """Is there something to watch for?"""
        return self.state in {"waiting", "seen", "attention"}


PAID = {
    Order: Progress("paid", "Paid, thank you", "The warehouse has your order."),
    TopUp: Progress("paid", "Added to your balance", "Thank you. You can spend it right away."),
}
CLOSED = {
    Payable.Status.REFUNDED: Progress("closed", "Refunded", "We could not keep this payment. Nothing is due."),
    Payable.Status.CANCELLED: Progress("closed", "Cancelled", "No payment arrived. You have been charged nothing."),
}
HELD = {
    "underpaid": "Less arrived than was due. Please do not send more: we will write to you about it.",
    "overpaid": "More arrived than was due. You need not do anything: we are sorting it out.",
    "paid_late": "It arrived after the quoted rate had run out. We are sorting it out.",
    "illicit_resource": "The payment service is checking this payment. It can take a few days.",
}


def progress_of(payable: Payable) -> Progress:
    """Return what the customer sees now."""
    if payable.status == Payable.Status.PAID:
        return PAID[type(payable)]
    if payable.status in CLOSED:
        return CLOSED[payable.status]
    invoice = most_telling(list(payable.invoices.prefetch_related("payments")))
    if invoice is None or invoice.gateway_id is None:
        return Progress("open", "Not paid yet", "Choose a coin to pay with.", choose=True)
    is_held = payable.status == Payable.Status.ATTENTION or invoice.quarantine_reason
    if is_held or invoice.status == InvoiceStatus.UNRESOLVED:
        text = HELD.get(invoice.status_context, "Our staff are looking at it, and will write to you.")
        return Progress("attention", "We have your payment, and a question", text)
    return under_way(invoice)


def most_telling(invoices: list[Invoice]) -> Invoice | None:
    """Return the newest that money has come in for and that is not written off, or else the newest."""
    closed = {InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED}
    paid = [invoice for invoice in invoices if invoice.payments.all() and invoice.status not in closed]
    return next(iter(paid or invoices), None)


def under_way(invoice: Invoice) -> Progress:
    """Tell how far an invoice has come that nobody has to look at."""
    if invoice.status == InvoiceStatus.COMPLETED:
        return Progress("seen", "Payment complete", "We are updating your order.")
    has_payment = bool(invoice.payments.all())
    missing = (invoice.pay_amount or 0) - invoice.paid_amount
    if is_open(invoice) and missing > 0:
        amount = f"{missing.normalize():f} {invoice.pay_currency}"
        if has_payment:
            return Progress("waiting", "A part has arrived", f"Send {amount} more to the same address.", pay=invoice)
        return Progress("waiting", "Waiting for your payment", f"Send exactly {amount}.", pay=invoice, choose=True)
    if has_payment:
        return Progress("seen", "Payment seen", "Waiting for the network to confirm it. You can close this page.")
    text = "If you have sent the coins, wait: we will see them. If not, choose a coin for a new quote."
    return Progress("open", "The quoted rate has run out", text, choose=True)
