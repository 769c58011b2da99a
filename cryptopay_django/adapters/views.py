"""Serves the page where customers choose a coin for an order of the host, and start again after expiry."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from ..pages import ChooseCoinView
from .adapter import OrderAdapter


class PayOrderView(ChooseCoinView):
    """Lets the customer choose a coin, or go on at once in the only one. Asks for what is missing of the price.

    When an invoice has expired, another one is made here. An order that is not to be paid leads back to the host.
    """

    only_missing = True
    order: Any = None

    orders: OrderAdapter | None = None
    """The adapter whose `get_price` says what an order costs; or override `get_price` here."""

    def find_order(self) -> Any:
        """Return the order of the URL, which belongs to this customer, or raise Http404."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define find_order()")

    def get_closed_url(self, order: Any) -> str:
        """Return where the customer of an order goes that is not to be paid any more; empty if it is."""
        return ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find the order, and redirect if it is closed."""
        self.order = self.find_order()
        if closed := self.get_closed_url(self.order):
            return HttpResponseRedirect(closed)
        return super().dispatch(request, *args, **kwargs)

    def get_order(self) -> Any:
        """Return the order that was found."""
        return self.order

    def get_price(self, order: Any) -> tuple[Decimal | int | str, str]:
        """Return what the order costs, as the adapter says it."""
        return super().get_price(order) if self.orders is None else self.orders.get_price(order)

    def take_coin_of(self, method: Any) -> None:
        """Use the account and the coin of a payment method: its `account`, `pay_currency` and `network`."""
        self.account, self.pay_currency, self.network = method.account, method.pay_currency, method.network
