"""Makes the invoice of a payment of pretix, in the coin that the customer chose at the checkout.

Each `OrderPayment` has its own invoices, because pretix makes another one when the customer begins to pay anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from django_scopes import scopes_disabled
from pretix.base.models import Order, OrderPayment
from pretix.base.payment import PaymentException
from pretix.multidomain.urlreverse import eventreverse_absolute

from cryptopay_django.exceptions import CryptopayError, OtherEnvironmentError
from cryptopay_django.models import Invoice
from cryptopay_django.pages import ChooseCoinView
from cryptopay_django.services import find_offer, read_progress, refresh_invoice

from .accounts import account_name

IDENTIFIER = "cryptopay"


class PaymentOfTickets(ChooseCoinView):
    """What is paid by an invoice: an `OrderPayment`. Used without a request, for its rules and its explanations."""

    def get_price(self, order: OrderPayment) -> tuple[Decimal, str]:
        """Return the amount of the payment, which pretix has computed."""
        return order.amount, order.order.event.currency

    def get_invoice_options(self, order: OrderPayment) -> dict[str, Any]:
        """Return what the gateway shows of the order. The customer's e-mail address stays here."""
        url = order_url(order.order)
        return {
            "account": account_of(order),
            "name": str(order.order.event.name)[:100],
            "description": order.full_id,
            "success_redirect_url": url,
            "unsuccess_redirect_url": url,
        }


def begin_payment(payment: OrderPayment, choice: str) -> Invoice:
    """Return the invoice over a payment, in a coin such as "BTC/bitcoin". The payment is pending from now on.

    Raises PaymentException with a text for the customer. Commits; must not be called inside a transaction.
    """
    tickets = PaymentOfTickets()
    try:
        if any(_invoices_with_money(payment)):
            raise PaymentException(_("An earlier payment is still being checked. Please try again when that is done."))
        offer = find_offer(choice, account=account_of(payment))
        if offer is None:
            raise PaymentException(_("Please choose one of these coins."))
        invoice = tickets.create(payment, offer)
    except CryptopayError as error:
        raise PaymentException(tickets.explain(error, payment)) from error
    except ImproperlyConfigured as error:
        raise PaymentException(_("Payments are not possible at the moment. Please ask the shop.")) from error
    OrderPayment.objects.filter(pk=payment.pk, state=OrderPayment.PAYMENT_STATE_CREATED).update(
        state=OrderPayment.PAYMENT_STATE_PENDING
    )
    payment.refresh_from_db()
    return invoice


def account_of(payment: OrderPayment) -> str:
    """Return the name of the account for a payment: of its event, and for real money or the test mode."""
    return account_name(payment.order.event, testmode=payment.order.testmode)


def invoice_of(payment: OrderPayment) -> Invoice | None:
    """Return the newest invoice of a payment, or None."""
    return Invoice.objects.for_order(payment).first()


def has_money(payment: OrderPayment) -> bool:
    """Return whether a transaction for this payment was seen that has not been sent back."""
    return any(_has_money(invoice) for invoice in Invoice.objects.for_order(payment))


def order_url(order: Order, page: str = "presale:event.order") -> str:
    """Return the URL of a page that the customer has of an order."""
    url: str = eventreverse_absolute(order.event, page, {"order": order.code, "secret": order.secret})
    return url


def new_invoice_url(invoice: Invoice) -> str:
    """Return the URL where the customer chooses anew how to pay: the setting CRYPTOPAY_NEW_INVOICE_URL."""
    with scopes_disabled():
        payment = invoice.order
        unpaid = (Order.STATUS_PENDING, Order.STATUS_EXPIRED)
        if not isinstance(payment, OrderPayment) or payment.order.status not in unpaid:
            return ""
        return order_url(payment.order, "presale:event.order.pay.change")


def _invoices_with_money(payment: OrderPayment) -> Iterator[Invoice]:
    """Yield invoices of the order's other payments that have received money which is not booked yet.

    Asks the gateway first about those that have expired: their last callback may still be on its way.
    """
    for other in payment.order.payments.filter(provider=IDENTIFIER).exclude(pk=payment.pk):
        for invoice in Invoice.objects.for_order(other):
            found = _refreshed(invoice)
            if not found.is_final and _has_money(found):
                yield found


def _refreshed(invoice: Invoice) -> Invoice:
    """Return an invoice as the gateway has it now, or as it is on record if nobody can be asked about it any more."""
    if invoice.is_final or invoice.gateway_id is None:
        return invoice
    try:
        return refresh_invoice(invoice)
    except (OtherEnvironmentError, ImproperlyConfigured):
        return invoice


def _has_money(invoice: Invoice) -> bool:
    progress = read_progress(invoice.pk)
    return progress is not None and progress.has_payment and progress.invoice.status not in ("refunded", "cancelled")
