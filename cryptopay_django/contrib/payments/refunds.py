"""Sends back what a confirmed payment of django-payments was paid, whole or in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from django.utils import timezone
from payments import PaymentError
from payments.core import get_base_url
from payments.models import BasePayment

from ...exceptions import CryptopayError
from ...models import Invoice, RefundLink
from ...services import left_to_refund, make_refund_link, named_refund_address, refund_invoice
from ..common import outcome_of
from .books import BOOKED, book, in_cents, invoices_of

if TYPE_CHECKING:
    from .provider import CryptopayProvider

ACTOR = "django-payments"


class RefundAddressNeededError(PaymentError):
    """The customer has not said where the coins go. Nothing was sent.

    `url` is the page where the customer can say it; it is in no message or log, because whoever has it can answer. It
    is empty if an earlier link still waits for an answer.
    """

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message, code="refund_address_needed")
        self.url = url


@dataclass(frozen=True, slots=True)
class _Part:
    """What of one invoice is sent back, and where to."""

    invoice: Invoice
    amount: Decimal
    place: dict[str, Any]


def send_back(provider: CryptopayProvider, payment: BasePayment, amount: Decimal | None) -> Decimal:
    """Send back an amount in the payment's currency, or all that is left, and return it.

    1. Read what is left; an amount of several invoices is taken from the newest first.
    2. Find out where the coins go, before anything is sent.
    3. Send, and book each part at once. What of it arrives, or fails, is booked when the gateway says so. If a
       receiver of the shop fails, the rest is sent all the same. PaymentError says so; the event books it later.
    4. Leave `payment` as BasePayment.refund() expects it, which then subtracts the amount and saves every field.
    """
    parts = _parts_of(provider, payment, amount)
    sent, failure = Decimal(0), None
    for part in parts:
        try:
            _send(part)
        except (CryptopayError, PaymentError) as error:
            _try_to_book(payment)
            done = f"{sent:f} {payment.currency} were sent back, the rest was not: " if sent else ""
            raise PaymentError(f"{done}{error}") from error
        sent += part.amount
        failure = _try_to_book(payment)
    if failure is not None:
        raise PaymentError(
            f"{sent:f} {payment.currency} were sent back. They are not on record yet, and will be: do not refund them "
            f"again. A receiver of the shop has failed: {failure!r}"
        ) from failure
    payment.refresh_from_db(fields=[*BOOKED, "transaction_id"])
    payment.captured_amount += sent
    return sent


def _try_to_book(payment: BasePayment) -> Exception | None:
    try:
        book(payment)
    except Exception as error:  # noqa: BLE001  whatever a receiver of the shop raises
        return error
    return None


def _parts_of(provider: CryptopayProvider, payment: BasePayment, amount: Decimal | None) -> Sequence[_Part]:
    paid = [one for one in invoices_of(payment) if one.price_currency == payment.currency]
    left = {one: in_cents(left_to_refund(one)) for one in paid}
    total = sum(left.values(), Decimal(0))
    wanted = total if amount is None else amount
    if not isinstance(wanted, Decimal | int) or not 0 < wanted <= total:
        raise PaymentError(f"up to {total:f} {payment.currency} can be refunded, not {wanted}: nothing was sent")
    shares, rest = {}, Decimal(wanted)
    for invoice, most in left.items():
        if share := min(most, rest):
            shares[invoice] = share
            rest -= share
    return [_Part(invoice, share, _place(provider, payment, invoice)) for invoice, share in shares.items()]


def _send(part: _Part) -> None:
    """Refund a part; raise CryptopayError, or PaymentError if it is not known yet that the gateway has accepted it."""
    done = refund_invoice(part.invoice, actor=ACTOR, reason="refund of the payment", amount=part.amount, **part.place)
    if problem := outcome_of(done):
        raise PaymentError(f"the refund of invoice {part.invoice.custom_id} {problem}")


def _place(provider: CryptopayProvider, payment: BasePayment, invoice: Invoice) -> dict[str, Any]:
    """Return where the coins of an invoice go; raise RefundAddressNeededError, with a link for the customer."""
    if place := provider.get_refund_address(payment, invoice):
        return place
    if named := named_refund_address(invoice):
        return {"address": named.address, "tag": named.destination_tag or None, "without_tag": named.without_tag}
    links = RefundLink.objects.primary().filter(
        invoice=invoice, used_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )
    if links.exists():
        raise RefundAddressNeededError(
            f"the customer of invoice {invoice.custom_id} has not said yet where the coins go: refund again then, or "
            "make a new link in the admin. Nothing was sent"
        )
    try:
        made = make_refund_link(invoice, actor=ACTOR)
    except CryptopayError as error:
        raise PaymentError(str(error)) from error
    raise RefundAddressNeededError(
        f"it is not known where the coins of invoice {invoice.custom_id} go, and nothing was sent. Send the customer "
        "the `url` of this error, or a new link from the admin, and refund again when it is answered",
        urljoin(get_base_url(), made.path),
    )
