"""Serves the page where a customer chooses a coin, before the invoice exists. A shop subclasses the view.

`coin_panel.py` builds the list of coins. The payment page that follows is in `payment_page.py`.

class PayOrder(LoginRequiredMixin, ChooseCoinView):
    def get_order(self):
        return get_object_or_404(Order, customer=self.request.user, reference=self.kwargs["reference"])

    def get_price(self, order):
        return order.amount, "EUR"
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.views.generic import View

from ..atomic_requests import non_atomic_requests
from ..exceptions import (
    AccountMissingError,
    CreationUnknownError,
    CryptopayError,
    GatewayOutageError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayValidationError,
    InvoiceRequestError,
    MissingUnknownError,
    NothingMissingError,
    PriceSealError,
)
from ..links import path_of
from ..models import Invoice
from ..services.invoices.coin_offers import Offer, list_offers
from ..services.invoices.payment_of_order import PaymentOfOrder
from .coin_panel import COOKIE, FIELD, choice_context, remembered
from .formats import money
from .languages import page_language
from .payment_panel import support_of

logger = logging.getLogger("cryptopay_django")

_A_YEAR = 365 * 86_400

_LONGEST_WAIT = 60

# The first that fits.
_EXPLANATIONS = (
    (
        (GatewayRateLimitError, GatewayOutageError, CreationUnknownError),
        gettext_lazy("The payment service does not answer. Nothing was charged: please try again in a moment."),
    ),
    (PriceSealError, gettext_lazy("A person has to check this payment first. Please ask the shop.")),
    (NothingMissingError, gettext_lazy("This is already paid. Nothing is missing.")),
    (
        MissingUnknownError,
        gettext_lazy("An earlier payment is still being checked. Please try again when that is done."),
    ),
    (
        (GatewayValidationError, InvoiceRequestError),
        gettext_lazy("This cannot be paid in the coin that you chose. Please choose another one."),
    ),
    (
        (GatewayRefusedError, AccountMissingError),
        gettext_lazy("Payments are not possible at the moment. Please ask the shop."),
    ),
)


class ChooseCoinView(PaymentOfOrder, View):
    """Offer the account's coins, create the invoice in the chosen one, and redirect to its page.

    The price comes from `get_price`, never from the browser. If the order has received money, redirect to the paid
    invoice.
    """

    template_name = "cryptopay_django/choose_coin.html"

    pay_currency: str | None = None
    """Offer this coin only. If it has one network, or `network` names one, the customer goes on without a choice."""

    network: str | None = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view, outside of ATOMIC_REQUESTS: an invoice is committed before the gateway is called."""
        return non_atomic_requests(super().as_view(**initkwargs))

    def get_success_url(self, invoice: Invoice) -> str:
        """Return the URL where the customer pays."""
        return path_of("checkout", invoice.pk)

    def get_offers(
        self, order: Any, *, price_amount: Decimal | None = None, price_currency: str | None = None
    ) -> list[Offer]:
        """Return the coins to choose from; with a price, also about how much of each. Raises GatewayError."""
        offers = list_offers(
            price_amount=price_amount, price_currency=price_currency, account=self.find_account(order)
        )
        wanted = [offer for offer in offers if self.pay_currency in (None, offer.currency)]
        return [offer for offer in wanted if self.network in (None, offer.network)]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        order = self.get_order()
        if under_way := self.get_payment_under_way(order):
            return HttpResponseRedirect(self.get_success_url(under_way))
        if self.pay_currency is not None:
            with suppress(CryptopayError):  # `show` says what is wrong
                offers = self.get_offers(order)
                if len(offers) == 1:
                    return self.pay_with(order, offers[0].choice)
        return self.show(order)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        order = self.get_order()
        if under_way := self.get_payment_under_way(order):
            return HttpResponseRedirect(self.get_success_url(under_way))
        return self.pay_with(order, request.POST.get(FIELD, ""))

    def pay_with(self, order: Any, choice: str) -> HttpResponse:
        """Create the invoice in the chosen coin and redirect to its page; show the choice again if that fails."""
        try:
            offers = {offer.choice: offer for offer in self.get_offers(order)}
            if choice not in offers:
                with page_language():
                    problem = gettext("Please choose one of these coins.")
                return self.show(order, problem=problem, status=400)
            invoice = self.create(order, offers[choice])
        except CryptopayError as error:
            response = self.show(order, problem=self.explain(error, order), status=503)
            if (wait := _wait(error)) is not None:
                response["Retry-After"] = str(wait)
            return response
        response = HttpResponseRedirect(self.get_success_url(invoice))
        self.remember(response, choice)
        return response

    def remember(self, response: HttpResponse, choice: str) -> None:
        """Keep the chosen coin in a cookie, for the next choice of this customer."""
        secure = self.request.is_secure()
        response.set_cookie(COOKIE, choice, max_age=_A_YEAR, httponly=True, samesite="Lax", secure=secure)

    @page_language()
    def explain(self, error: CryptopayError, order: Any) -> str:
        """Return the text for the customer if no invoice could be created. Write the error to the log."""
        name = f"{order._meta.label} {order.pk}"
        logger.warning("no invoice could be created for %s: %s: %s", name, type(error).__name__, error, exc_info=error)
        wait = _wait(error)
        if wait is not None:
            busy = ngettext(
                "The payment service is busy. Nothing was charged: please try again in %(seconds)d second.",
                "The payment service is busy. Nothing was charged: please try again in %(seconds)d seconds.",
                wait,
            )
            return busy % {"seconds": wait}
        unknown = gettext("The payment could not be started. Nothing was charged: please try again in a moment.")
        return next((str(text) for kinds, text in _EXPLANATIONS if isinstance(error, kinds)), unknown)

    def show(self, order: Any, *, problem: str = "", status: int = 200) -> HttpResponse:
        """Render the choice. If the coins cannot be listed, show a message, not an error page."""
        (amount, currency), account = self.exact_price(order), ""
        try:
            account = self.find_account(order)
            amount, currency = self.get_amount(order)
            offers = self.get_offers(order, price_amount=amount, price_currency=currency)
        except CryptopayError as error:
            offers, status = [], 503
            problem = problem or self.explain(error, order)
        chosen = self.request.POST.get(FIELD) or remembered(self.request)
        with page_language():
            context = {
                "order": order,
                "price": money(amount, currency),
                "problem": problem,
                "place": None,
                "is_unknown": False,
                **support_of(account),
                **choice_context(offers, chosen=chosen),
            }
            return render(self.request, self.template_name, context, status=status)


def _wait(error: CryptopayError) -> int | None:
    """Return after how many seconds there is room for a call again, in tens; None if it is not about that."""
    if not isinstance(error, GatewayRateLimitError) or error.retry_after is None:
        return None
    return min(max(1, math.ceil(error.retry_after / 10)) * 10, _LONGEST_WAIT)
