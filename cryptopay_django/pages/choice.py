"""The page where a customer chooses a coin, before the invoice exists. A shop subclasses it.

class PayOrder(LoginRequiredMixin, ChooseCoinView):
    def get_order(self):
        return get_object_or_404(Order, customer=self.request.user, reference=self.kwargs["reference"])

    def get_price(self, order):
        return order.amount, "EUR"
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.generic import View

from ..exceptions import (
    CreationUnknownError,
    CryptopayError,
    GatewayOutageError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayValidationError,
    InvoiceRequestError,
    PriceSealError,
)
from ..links import path_of
from ..models import Invoice
from ..services.invoices.offers import list_offers
from ..services.invoices.payment_of_order import PaymentOfOrder
from .coins import COOKIE, FIELD, choice_context, remembered
from .names import money

logger = logging.getLogger("cryptopay_django")

_A_YEAR = 365 * 86_400


class ChooseCoinView(PaymentOfOrder, View):
    """Offer the account's coins; make the invoice in the one that is chosen, and go to its page.

    The price is what `get_price` says, whatever the browser sends. An order for which money has arrived
    is not offered again: the customer is sent to the invoice that was paid.
    """

    template_name = "cryptopay_django/choose_coin.html"

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view, outside of ATOMIC_REQUESTS: an invoice is on record before the gateway is called."""
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def get_success_url(self, invoice: Invoice) -> str:
        """Return where the customer pays."""
        return path_of("checkout", invoice.pk)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        order = self.get_order()
        if under_way := self.get_payment_under_way(order):
            return HttpResponseRedirect(self.get_success_url(under_way))
        return self.show(order)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        order = self.get_order()
        if under_way := self.get_payment_under_way(order):
            return HttpResponseRedirect(self.get_success_url(under_way))
        choice = request.POST.get(FIELD, "")
        try:
            offers = {offer.choice: offer for offer in list_offers(account=self.find_account(order))}
            if choice not in offers:
                return self.show(order, problem=gettext("Please choose one of these coins."), status=400)
            invoice = self.create(order, offers[choice])
        except CryptopayError as error:
            return self.show(order, problem=self.explain(error, order), status=503)
        response = HttpResponseRedirect(self.get_success_url(invoice))
        response.set_cookie(
            COOKIE, choice, max_age=_A_YEAR, httponly=True, samesite="Lax", secure=request.is_secure()
        )  # fmt: skip
        return response

    def explain(self, error: CryptopayError, order: Any) -> str:
        """Return the text for the customer when there is no invoice. What went wrong goes into the log."""
        name = f"{order._meta.label} {order.pk}"
        logger.warning("no invoice for %s: %s: %s", name, type(error).__name__, error, exc_info=error)
        if isinstance(error, GatewayRateLimitError | GatewayOutageError | CreationUnknownError):
            return gettext("The payment service does not answer. Nothing was charged: please try again in a moment.")
        if isinstance(error, PriceSealError):
            return gettext("This payment has to be looked at by a person first. Please ask the shop.")
        if isinstance(error, GatewayValidationError | InvoiceRequestError):
            return gettext("This cannot be paid in the coin that you chose. Please choose another one.")
        if isinstance(error, GatewayRefusedError):
            return gettext("Payments are not possible at the moment. Please ask the shop.")
        return gettext("The payment could not be started. Nothing was charged: please try again in a moment.")

    def show(self, order: Any, *, problem: str = "", status: int = 200) -> HttpResponse:
        """Render the choice. Coins that cannot be listed are a problem to report, not an error page."""
        amount, currency = self.get_price(order)
        try:
            account = self.find_account(order)
            offers = list_offers(price_amount=amount, price_currency=currency, account=account)
        except CryptopayError as error:
            offers, status = [], 503
            problem = problem or self.explain(error, order)
        chosen = self.request.POST.get(FIELD) or remembered(self.request)
        context = {
            "order": order,
            "price": money(amount, currency),
            "problem": problem,
            **choice_context(offers, chosen=chosen),
        }
        return render(self.request, self.template_name, context, status=status)
