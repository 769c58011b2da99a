"""The payment method for SALESMAN_PAYMENT_METHODS, and the page on which customers choose a coin."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from salesman.basket.models import BaseBasket
from salesman.checkout.payment import PaymentError, PaymentMethod
from salesman.core.utils import get_salesman_model
from salesman.orders.models import BaseOrder, BaseOrderPayment

from ...adapters import PayOrderView, invoices_of
from ...exceptions import CryptopayError, SendBackError
from ...models import Invoice
from ...services import check_returnable, left_to_refund
from .books import METHOD, due_amount, note, orders


class PayOrder(PayOrderView):
    """Let the customer choose a coin for an order. The URL has the order's token, so that guests can use it."""

    method: CryptopayPayment = None  # type: ignore[assignment]  # given to as_view()

    def find_order(self) -> BaseOrder:
        self.take_coin_of(self.method)
        return get_object_or_404(get_salesman_model("Order"), token=self.kwargs["token"])

    def get_closed_url(self, order: BaseOrder) -> str:
        try:
            self.method.validate_order(order, self.request)
        except ValidationError:  # paid, cancelled or refunded
            return self.method.get_return_url(order, self.request)
        return ""

    def get_price(self, order: BaseOrder) -> tuple[Decimal, str]:
        return due_amount(order), self.method.get_currency(order)

    def get_invoice_options(self, order: BaseOrder) -> dict[str, Any]:
        options = self.method.get_invoice_options(order, self.request)
        return {**options, "metadata": {**options.get("metadata", {}), METHOD: self.method.identifier}}


class CryptopayPayment(PaymentMethod):
    """Takes payments in coins, for baskets and for orders. A shop subclasses it, and names its currency.

    Without `pay_currency` the customer chooses the coin. Statuses that the shop does not have, and steps that it does
    not allow, are left out.
    """

    identifier = "cryptopay"
    label = "Cryptopay"

    currency = ""
    """The currency of all prices, such as "EUR"; or override `get_currency`."""

    account: str | None = None
    pay_currency: str | None = None
    network: str | None = None

    return_url = ""
    """Where customers go after the payment, with {ref} and {token} of the order; empty for the order in the API."""

    paid_status = "PROCESSING"
    attention_status = "HOLD"
    failed_status = "FAILED"

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # Salesman offers a method for baskets or orders only if its own class, not a parent, defines these.
        for name in ("basket_payment", "order_payment"):
            if name not in vars(cls):
                setattr(cls, name, getattr(cls, name))

    def __init__(self) -> None:
        if not self.currency and type(self).get_currency is CryptopayPayment.get_currency:
            raise ImproperlyConfigured(f'{type(self).__name__} must name the currency of its prices: currency = "EUR"')

    # What a shop may override.

    def get_currency(self, order: BaseOrder) -> str:
        """Return the currency of an order's price."""
        return self.currency

    def get_return_url(self, order: BaseOrder, request: HttpRequest) -> str:
        """Return where the customer goes after the payment, as an absolute URL."""
        if self.return_url:
            return self.return_url.format(ref=order.ref, token=order.token)
        page = reverse("salesman-order-detail", args=[order.ref])
        return request.build_absolute_uri(f"{page}?{urlencode({'token': order.token})}")

    def get_invoice_options(self, order: BaseOrder, request: HttpRequest) -> dict[str, Any]:
        """Return further arguments of `create_invoice`."""
        return {
            "name": order.ref,
            "payer_email": order.email,
            "success_redirect_url": self.get_return_url(order, request),
            "unsuccess_redirect_url": self.get_pay_url(order, request),
        }

    def get_refund_address(self, order: BaseOrder, invoice: Invoice) -> dict[str, Any] | None:
        """Return `address` and, where it needs one, `tag`, if the shop knows where the customer wants the coins."""
        return None

    def get_pay_url(self, order: BaseOrder, request: HttpRequest) -> str:
        """Return the URL of the page where the customer pays, also after an invoice has expired."""
        return request.build_absolute_uri(reverse(self._url_name, args=[order.token]))

    # What salesman calls.

    def get_urls(self) -> list[URLPattern]:
        view = login_not_required(PayOrder.as_view(method=self))
        return [path("<str:token>/", view, name=self._url_name)]

    def basket_payment(self, basket: BaseBasket, request: HttpRequest) -> str:
        """Make an order of the basket, and return the URL of its payment page. The gateway is not called yet.

        Locks the basket. Raises PaymentError if it has become an order meanwhile: the button was pressed twice.
        """
        with transaction.atomic():
            if type(basket)._default_manager.select_for_update().filter(pk=basket.pk).first() is None:
                raise PaymentError(_("Your basket is empty."))
            order = get_salesman_model("Order").objects.create_from_basket(basket, request)
            basket.delete()
        return self.get_pay_url(order, request)

    def order_payment(self, order: BaseOrder, request: HttpRequest) -> str:
        """Return the URL of an order's payment page."""
        return self.get_pay_url(order, request)

    def refund_payment(self, payment: BaseOrderPayment) -> bool:
        """Send back all that is left of a payment; return whether it is on its way. If not, a note says why.

        Payments over negative amounts are refunds themselves: for them there is nothing to do.
        """
        order = payment.order
        invoice = next((one for one in invoices_of(order) if str(one.pk) == payment.transaction_id), None)
        try:
            if payment.amount > 0:
                self._send_back(order, invoice)
        except CryptopayError as error:
            sent = isinstance(error, SendBackError) and error.sent_amount > 0
            note(order, f"{error}" if sent else f"not refunded: {error}")
            return sent
        return True

    def _send_back(self, order: BaseOrder, invoice: Invoice | None) -> None:
        if invoice is None:
            raise SendBackError("the payment has no invoice")
        check_returnable(invoice)
        if left_to_refund(invoice):  # else all of it is on its way, or has arrived
            orders.send_back(order, invoices=[invoice], reason=f"refund of order {order.ref}")

    @property
    def _url_name(self) -> str:
        return f"salesman-{self.identifier}-pay"
