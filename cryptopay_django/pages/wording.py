"""The texts for the customer in each state: a title, and the next step. Never "paid" too early, no blame."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..services.invoices.progress import Progress, State
from .names import plain


class Message(NamedTuple):
    """`tone` picks colour and symbol: "wait", "good", "care" (somebody looks at it) or "closed"."""

    tone: str
    title: Promise
    text: Promise


_MESSAGES = {
    State.PREPARING: Message(
        "wait",
        _("Preparing your payment"),
        _("We are asking the payment service for an address. This page goes on by itself."),
    ),
    State.WAITING: Message(
        "wait",
        _("Waiting for your payment"),
        _("Send exactly this amount in one transfer. This page will notice it by itself."),
    ),
    State.PARTLY_PAID: Message(
        "wait",
        _("A part has arrived"),
        _("%(paid)s of %(whole)s has arrived. Please send the rest, exactly as below, before the time is up."),
    ),
    State.SEEN: Message(
        "wait",
        _("Payment seen"),
        _("Your payment is on its way, and the network is confirming it. You may close this page."),
    ),
    State.CONFIRMED: Message(
        "wait",
        _("Payment confirmed by the network"),
        _("It is now being credited, which takes a moment. You may close this page."),
    ),
    State.COMPLETED: Message("good", _("Paid"), _("Thank you. Your payment is complete.")),
    State.EXPIRED: Message(
        "closed",
        _("The quoted rate has run out"),
        _("Please do not send anything to this address any more. Have you already sent the payment?"),
    ),
    State.UNDERPAID: Message(
        "care",
        _("Less has arrived than was due"),
        _(
            "%(paid)s of %(whole)s has arrived. Your money is safe. Please do not send more: we will settle this "
            "with you."
        ),
    ),
    State.OVERPAID: Message(
        "care",
        _("More has arrived than was due"),
        _("Your money is safe, and there is nothing for you to do: we will settle the difference with you."),
    ),
    State.LATE: Message(
        "care",
        _("Your payment arrived late"),
        _(
            "It arrived after the quoted rate had run out. It is not lost, and there is nothing for you to do: "
            "we are sorting it out."
        ),
    ),
    State.HELD: Message(
        "care",
        _("Your payment is being checked"),
        _(
            "It has arrived. The payment service checks some payments before it passes them on, which can take a "
            "few days. There is nothing for you to do."
        ),
    ),
    State.REVIEW: Message(
        "care",
        _("We are looking at your payment"),
        _(
            "We have received your payment and are looking at it. There is nothing for you to do: we will get "
            "back to you."
        ),
    ),
    State.REFUNDED: Message(
        "closed",
        _("This payment was not used"),
        _("It did not pay for your order. If you have not got your money back yet, ask us."),
    ),
    State.CANCELLED: Message(
        "closed",
        _("This payment was closed"),
        _("No confirmed payment has arrived in time. If you have sent one all the same, ask us."),
    ),
    State.UNAVAILABLE: Message(
        "closed",
        _("This cannot be paid any more"),
        _("Please do not send anything: the shop has changed its payment account. Start the payment anew, or ask us."),
    ),
}  # fmt: skip

_UNPAID_REVIEW = Message(
    "care",
    _("We are looking at this payment"),
    _("Please do not send anything yet: something about it has to be checked by a person first."),
)

STEPS = {
    State.WAITING: 0, State.PARTLY_PAID: 0, State.SEEN: 1, State.CONFIRMED: 2, State.COMPLETED: 3,
}  # fmt: skip
"""How many of the four steps are done in the states that go straight on."""

STEP_NAMES = (_("Waiting"), _("Seen"), _("Confirmed"), _("Paid"))


def message_for(progress: Progress) -> tuple[str, str, str]:
    """Return tone, title and text for a state, in the language that is active."""
    message = _MESSAGES[progress.state]
    if progress.state is State.REVIEW and not progress.has_payment:
        message = _UNPAID_REVIEW
    invoice = progress.invoice
    amounts = {}
    if invoice.pay_amount is not None:
        amounts = {
            "paid": f"{plain(invoice.paid_amount)} {invoice.pay_currency}",
            "whole": f"{plain(invoice.pay_amount)} {invoice.pay_currency}",
        }
    return message.tone, str(message.title), str(message.text) % amounts
