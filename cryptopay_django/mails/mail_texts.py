"""Defines the texts of mails in the active language: a title, what it means, and the facts as lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext

from ..explorers import explorer_url
from ..models import Invoice, Refund
from ..pages.formats import isolated, moment, money, network_name, plain, tag_name
from ..pages.receipt import Row, rows_of
from ..pages.state_texts import message_for
from .choose_mail import Facts


def title_and_text(facts: Facts) -> tuple[str, str]:
    """Return the title, which is also the subject, and the text below it."""
    invoice = facts.invoice
    match facts.kind:
        case "created":
            return (
                gettext("Your payment of %(price)s") % {"price": isolated(_price(invoice))},
                gettext(
                    "Everything is ready. The page shows the exact amount, the address and a QR code for your wallet. "
                    "Please pay before the time below: until then the rate is fixed for you."
                ),
            )
        case "partly_paid":
            amounts = {
                "paid": isolated(_coins(invoice.paid_amount, invoice.pay_currency)),
                "whole": isolated(_coins(invoice.pay_amount, invoice.pay_currency)),
            }
            text = gettext(
                "%(paid)s of %(whole)s has arrived and is safe. Please send the rest before the time below. Otherwise "
                "the shop takes care of this part. The page shows the exact amount and a QR code for it."
            )
            return gettext("A part has arrived"), text % amounts
        case "expired":
            return (
                gettext("The time to pay is over"),
                gettext(
                    "No payment has arrived in time. Please do not send anything to the old address any more. If you "
                    "have already sent it, press “%(button)s” on the page: it is not lost. Otherwise you can start "
                    "again."
                ) % {"button": gettext("I have sent it")},
            )  # fmt: skip
        case "paid":
            return gettext("Your payment is complete"), gettext("Thank you. Your receipt is below.")
        case "refunded":
            return (
                gettext("Your refund was sent"),
                gettext("The coins are on their way to the address below. Your wallet shows them once the network has "
                        "confirmed them."),
            )  # fmt: skip
        case _:
            return message_for(facts.progress)[1:]


def lines_of(facts: Facts) -> Iterator[Row]:
    """Yield the facts of a mail, one a line."""
    invoice = facts.invoice
    if facts.receipt is not None:
        yield from rows_of(facts.receipt)
        return
    if invoice.description:
        yield Row(gettext("Payment for"), " ".join(invoice.description.split()))
    yield Row(gettext("Price"), _price(invoice), is_code=True)
    if facts.kind == "created":
        yield Row(gettext("To be sent"), _coins(invoice.pay_amount, invoice.pay_currency), is_code=True)
        if invoice.network:
            yield Row(gettext("Network"), network_name(invoice.network, invoice.pay_currency))
    elif facts.kind != "expired" and invoice.paid_amount:
        yield Row(gettext("Received"), _coins(invoice.paid_amount, invoice.pay_currency), is_code=True)
    if facts.kind == "partly_paid":
        yield Row(gettext("Still to be sent"), _coins(facts.progress.due_amount, invoice.pay_currency), is_code=True)
    if facts.kind in ("created", "partly_paid") and invoice.expires_at is not None:
        yield Row(gettext("Pay before"), _moment(invoice.expires_at))
    if facts.refund is not None:
        yield from _refund(invoice, facts.refund)


def _refund(invoice: Invoice, refund: Refund) -> Iterator[Row]:
    yield Row(gettext("Sent back"), _coins(refund.amount, refund.currency), is_code=True)
    if refund.received_amount is not None and refund.received_amount != refund.amount:
        yield Row(gettext("Arrives, after fees"), _coins(refund.received_amount, refund.currency), is_code=True)
    yield Row(gettext("To the address"), refund.address, is_code=True)
    if refund.destination_tag:
        yield Row(tag_name(refund.network), refund.destination_tag, is_code=True)
    if refund.network:
        yield Row(gettext("Network"), network_name(refund.network, refund.currency))
    if refund.txid:
        url = explorer_url(refund.txid, network=refund.network, environment=invoice.environment)
        yield Row(gettext("Transaction"), refund.txid, url, is_code=True)


def _price(invoice: Invoice) -> str:
    return money(invoice.price_amount, invoice.price_currency)


def _coins(amount: object, currency: str) -> str:
    return f"{plain(amount)}\u00a0{currency}"  # type: ignore[arg-type]


def _moment(time: datetime) -> str:
    return f"{moment(time, 'DATETIME_FORMAT')} {timezone.localtime(time):%Z}".strip()
