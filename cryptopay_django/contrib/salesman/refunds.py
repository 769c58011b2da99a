"""Sends back what an order of django-salesman was paid by one invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from salesman.orders.models import BaseOrder, BaseOrderPayment

from ...exceptions import CryptopayError
from ...models import Invoice, ResolutionStatus
from ...services import check_returnable, left_to_refund, named_refund_address, refund_invoice
from .books import book, in_cents, invoices_of, note

if TYPE_CHECKING:
    from .payment import CryptopayPayment

ACTOR = "django-salesman"


class _NotSentError(Exception):
    """Nothing is on its way to the customer, as far as is known. The message is for staff."""


def send_back(method: CryptopayPayment, payment: BaseOrderPayment) -> bool:
    """Send back all that is left of a payment; return whether it is on its way. If not, a note on the order says why.

    Payments over negative amounts are refunds themselves: for them there is nothing to do.
    """
    order = payment.order
    if payment.amount > 0:
        try:
            _send(method, order, payment.transaction_id)
        except (CryptopayError, _NotSentError) as error:
            note(order, f"not refunded: {error}")
            return False
        book(order)
    return True


def _send(method: CryptopayPayment, order: BaseOrder, transaction_id: str) -> None:
    invoices = {str(one.pk): one for one in invoices_of(order)}
    invoice = invoices.get(transaction_id)
    if invoice is None:
        raise _NotSentError(f"payment {transaction_id} has no invoice")
    check_returnable(invoice)
    left = in_cents(left_to_refund(invoice))
    if not left:
        return  # all of it is on its way, or has arrived
    place = method.get_refund_address(order, invoice) or _named(invoice)
    if place is None:
        raise _NotSentError(
            f"it is not known where the coins go. Open invoice {invoice.custom_id} in the admin, send the customer "
            "the link of “Ask for an address…”, and refund again when it is answered"
        )
    done = refund_invoice(invoice, actor=ACTOR, reason=f"refund of order {order.ref}", amount=left, **place)
    if done.awaits_approval:
        raise _NotSentError(f"the refund of invoice {invoice.custom_id} waits for a second person in the admin")
    if done.status != ResolutionStatus.SUCCEEDED:
        raise _NotSentError(
            f"the refund of invoice {invoice.custom_id} is {done.status}: {done.error or 'see the admin'}. It is "
            "booked as soon as the gateway shows it"
        )


def _named(invoice: Invoice) -> dict[str, Any] | None:
    """Return the address that the customer has named, as `refund_invoice` takes it."""
    named = named_refund_address(invoice)
    if named is None:
        return None
    return {"address": named.address, "tag": named.destination_tag or None, "without_tag": named.without_tag}
