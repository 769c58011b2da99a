"""Says what a shop catches if it is not known where the coins of a refund go: `payment.refund()` raises it."""

from __future__ import annotations

from urllib.parse import urljoin

from django.utils import timezone
from payments import PaymentError
from payments.core import get_base_url

from ...models import Invoice, RefundLink
from ...services import make_refund_link


class RefundAddressNeededError(PaymentError):
    """The customer has not said where the coins go. Nothing was sent.

    `url` is the page where the customer can say it; it is in no message or log, because whoever has it can answer. It
    is empty if an earlier link still waits for an answer.
    """

    def __init__(self, message: str, url: str = "") -> None:
        super().__init__(message, code="refund_address_needed")
        self.url = url


def ask_customer(invoice: Invoice, *, actor: str) -> RefundAddressNeededError:
    """Make a link on which the customer says where the coins go; return the error that has it."""
    waiting = RefundLink.objects.primary().filter(
        invoice=invoice, used_at=None, revoked_at=None, expires_at__gt=timezone.now()
    )
    if waiting.exists():
        return RefundAddressNeededError(
            f"the customer of invoice {invoice.custom_id} has not said yet where the coins go: refund again then, or "
            "make a new link in the admin. Nothing was sent"
        )
    made = make_refund_link(invoice, actor=actor)
    return RefundAddressNeededError(
        f"it is not known where the coins of invoice {invoice.custom_id} go, and nothing was sent. Send the customer "
        "the `url` of this error, or a new link from the admin, and refund again when it is answered",
        urljoin(get_base_url(), made.path),
    )
