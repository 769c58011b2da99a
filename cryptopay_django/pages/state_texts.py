"""Defines the texts for the customer in each state: a title and the next step. They never say "paid" too early.

`services/invoices/customer_state.py` decides the state, `payment_panel.py` the buttons, and `panel.html` draws them.
After the expiry no state is payable, so the page has no QR code, wallet link, countdown or address to copy:

    state               when                              what the page offers, beside "Back to the shop"
    expired             nothing has arrived               "I have sent it"; a new payment at today's rate. The amount
                                                          and the address stay as text, to compare
    elsewhere           another invoice of it was paid    "Go to that payment"
    underpaid           a part has arrived                "Name an address for a refund", with the setting
                                                          CRYPTOPAY_ASK_REFUND_ADDRESS, if it is unresolved
    late                the gateway calls it paid late    the same
    seen, confirmed     all was seen, or confirmed        nothing: it goes on as before the expiry
    cancelled           the gateway has closed it unpaid  "I have sent it" asks the shop; a new payment

A new payment needs a URL: CRYPTOPAY_NEW_INVOICE_URL, the payment link's, or the invoice's `unsuccess_redirect_url`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..fields import EXACT
from ..models import Invoice, Refund, RefundStatus
from ..services.invoices.customer_state import Progress, State
from .formats import isolated, plain


class Message(NamedTuple):
    """`tone` selects the colour and the symbol: "wait", "good", "care" (in review) or "closed"."""

    tone: str
    title: Promise
    text: Promise


_MESSAGES = {
    State.PREPARING: Message(
        "wait",
        _("Preparing your payment"),
        _("You have not paid yet, and you do not have to do anything. This page shows how to pay in a moment."),
    ),
    State.WAITING: Message(
        "wait",
        _("Waiting for your payment"),
        _(
            "Send exactly this amount in one transfer. It appears here by itself. From an exchange, this can take "
            "some minutes."
        ),
    ),
    State.PARTLY_PAID: Message(
        "care",
        _("Part paid. Send only the rest: %(rest)s"),
        _(
            "%(paid)s of %(whole)s has arrived and is safe. Please send the rest, exactly as below, before the time "
            "is up. Otherwise the shop takes care of this part."
        ),
    ),
    State.SEEN: Message(
        "wait",
        _("Payment seen"),
        _(
            "Your payment is on its way, and the network is confirming it. The shop is informed automatically: you "
            "may close this page."
        ),
    ),
    State.CONFIRMED: Message(
        "wait",
        _("Payment confirmed by the network"),
        _("It is now being credited, which takes a moment. You may close this page."),
    ),
    State.COMPLETED: Message("good", _("Paid"), _("Thank you. Your payment is complete.")),
    State.EXPIRED: Message(
        "closed",
        _("The time to pay is over"),
        _("Please do not send anything to this address any more. Have you already sent the payment?"),
    ),
    State.ELSEWHERE: Message(
        "care",
        _("A payment has already arrived"),
        _("Please do not send anything here. Your payment came in on another page, for example in another coin."),
    ),
    State.UNDERPAID: Message(
        "care",
        _("Too little has arrived"),
        _(
            "%(paid)s of %(whole)s has arrived. Your money is safe. Please do not send more: the time for it is over. "
            "The shop decides whether to use this payment or to send it back."
        ),
    ),
    State.OVERPAID: Message(
        "care",
        _("Too much has arrived"),
        _(
            "%(paid)s has arrived. That is %(more)s too much. Your money is safe, and you do not have to pay anything "
            "more. The shop takes care of the difference."
        ),
    ),
    State.LATE: Message(
        "care",
        _("Your payment arrived late"),
        _(
            "It arrived after the time was over. It is not lost: please do not pay again. The shop decides whether to "
            "use it at today’s rate or to send it back."
        ),
    ),
    State.HELD: Message(
        "care",
        _("Your payment is being checked"),
        _(
            "It has arrived and is with the payment service, which checks some payments before it passes them on. The "
            "check can take a few days. You do not have to do anything: please do not pay again."
        ),
    ),
    State.REVIEW: Message(
        "care",
        _("We are checking your payment"),
        _(
            "We have received your payment and are checking it. You do not have to do anything: please do not pay "
            "again."
        ),
    ),
    State.REFUNDED: Message(
        "closed",
        _("This payment was not used"),
        _(
            "Your payment was not used for the order. The shop sends the money back. If you do not have it yet, ask "
            "the shop when and where to."
        ),
    ),
    State.CANCELLED: Message(
        "closed",
        _("This payment was closed"),
        _("No confirmed payment arrived in time. Have you already sent one? Then please do not pay again."),
    ),
    State.UNAVAILABLE: Message(
        "closed",
        _("This cannot be paid any more"),
        _(
            "This payment page is out of date. Please do not send anything. Have you already sent? Then write to us, "
            "and do not pay again."
        ),
    ),
}  # fmt: skip

_UNPAID_REVIEW = Message(
    "care",
    _("We are checking this payment"),
    _("Please do not send anything yet. A person has to check this payment first."),
)

_SENT_BACK = _("Your payment was not used for the order. Below you see what is sent back to you.")

STEPS = {
    State.WAITING: 0, State.PARTLY_PAID: 0, State.SEEN: 1, State.CONFIRMED: 2, State.COMPLETED: 3,
}  # fmt: skip
"""How many of the four steps are done in the states that go straight on."""

STEP_NAMES = (_("Waiting"), _("Seen"), _("Confirmed"), _("Paid"))


def sent_back(refund: Refund) -> str:
    """Return whether the coins of a refund have left, in the active language."""
    return gettext("Sent back") if refund.status == RefundStatus.SUCCEEDED else gettext("Being sent back")


def expired_message() -> tuple[str, str]:
    """Return the title and text of an expired invoice: the page of a payable one shows them when its time is up."""
    message = _MESSAGES[State.EXPIRED]
    return str(message.title), str(message.text)


def message_for(progress: Progress, *, is_sent_back: bool = False) -> tuple[str, str, str]:
    """Return the tone, title and text of a state, in the active language. `is_sent_back`: a refund is shown below."""
    message = _MESSAGES[progress.state]
    if progress.state is State.REFUNDED and is_sent_back:
        message = message._replace(text=_SENT_BACK)
    if progress.state is State.REVIEW and not progress.has_payment:
        message = _UNPAID_REVIEW
    amounts = _amounts(progress.invoice)
    return message.tone, str(message.title) % amounts, str(message.text) % amounts


def _amounts(invoice: Invoice) -> dict[str, str]:
    """Return the amounts in the coin that the texts name: what arrived, was asked for, is missing or is too much."""
    paid, whole = invoice.paid_amount, invoice.pay_amount
    if whole is None:
        return {}
    rest = EXACT.subtract(whole, paid)
    amounts = {"paid": paid, "whole": whole, "rest": max(rest, Decimal(0)), "more": max(-rest, Decimal(0))}
    return {name: isolated(f"{plain(amount)}\u00a0{invoice.pay_currency}") for name, amount in amounts.items()}
