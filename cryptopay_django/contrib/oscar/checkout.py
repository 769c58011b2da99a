"""Extends oscar's checkout: the customer chooses a coin, the order is placed unpaid, then it is paid.

class PaymentDetailsView(PayInCoinsMixin, views.PaymentDetailsView):
    pass
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from oscar.core.prices import Price

from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.services import list_offers

from .mails import pay_path, send_not_paid
from .sources import expect_coins, expects_coins
from .views import PayOrder

if TYPE_CHECKING:
    Base = Any
else:
    Base = object


class PayInCoinsMixin(Base):
    """Mixed into `PaymentDetailsView`. Leaves alone an order that is not paid in coins."""

    unpaid_order: Any = None
    """The order that was just placed, if it is paid in coins."""

    def is_paid_in_coins(self, total: Any) -> bool:
        """Return whether the order is paid here, and not by another method of the shop. `total` is an oscar Price."""
        return bool(total.incl_tax)

    def handle_payment_details_submission(self, request: HttpRequest) -> HttpResponse:
        """Take the coin, and show the preview; without coins to choose from, the customer chooses one later."""
        response: HttpResponse
        total = self.build_submission()["order_total"]
        if not self.is_paid_in_coins(total):
            response = super().handle_payment_details_submission(request)
            return response
        try:
            offers = {offer.choice: offer for offer in list_offers(price_currency=total.currency)}
        except CryptopayError:
            offers = {}
        choice = request.POST.get("coin", "")
        if offers and choice not in offers:
            response = self.render_payment_details(request, error=gettext("Please choose one of these coins."))
        else:
            response = self.render_preview(request, cryptopay_offer=offers.get(choice))
        return response

    def save_payment_details(self, order: Any) -> None:
        """Mark the order as one that is to be paid in coins; no other one asks for them."""
        super().save_payment_details(order)
        if self.is_paid_in_coins(total_of(order)):
            expect_coins(order)

    def handle_successful_order(self, order: Any) -> HttpResponse:
        """Send the customer of an unpaid order to its payment instead of the thank-you page.

        The invoice is made when the order is committed, with ATOMIC_REQUESTS too. If that fails, the customer meets
        the choice of coins, which says why.
        """
        self.unpaid_order = order if expects_coins(order) else None
        response: HttpResponse = super().handle_successful_order(order)
        if self.unpaid_order is not None:
            if order.is_anonymous:  # who has just given this address may see the order
                self.request.session["anon_order_email"] = order.guest_email
            transaction.on_commit(lambda: self.start_payment(order, response), robust=True)
        return response

    def get_success_url(self) -> str:
        """Return the page where the order is paid, or oscar's thank-you page."""
        return pay_path(self.unpaid_order) if self.unpaid_order is not None else super().get_success_url()

    def start_payment(self, order: Any, response: HttpResponse) -> None:
        """Make the invoice in the chosen coin, and let the response lead to it."""
        if not self.request.POST.get("coin"):
            return
        answer = PayOrder.as_view()(self.request, pk=order.pk, hash=order.verification_hash())
        if answer.status_code == 302:
            response["Location"] = answer["Location"]
            response.cookies.update(answer.cookies)

    def send_order_placed_email(self, order: Any) -> None:
        """Say that the order is not paid yet. Oscar's confirmation follows when it is."""
        if self.unpaid_order is None:
            super().send_order_placed_email(order)
            return
        context = {**self.get_message_context(order), "pay_path": pay_path(order)}
        transaction.on_commit(lambda: send_not_paid(order, context), robust=True)


def total_of(order: Any) -> Any:
    """Return what an order costs, as the checkout knows it."""
    return Price(order.currency, excl_tax=order.total_excl_tax, incl_tax=order.total_incl_tax)
