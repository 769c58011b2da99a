"""Creates an invoice for an order. The shop subclasses the view with its order, price and permission.

class PayOrder(CreateInvoiceView):
    permission_classes = [IsAuthenticated]

    def get_order(self):
        return get_object_or_404(Order, customer=self.request.user, reference=self.kwargs["reference"])

    def get_price(self, order):
        return order.total, "EUR"
"""

from __future__ import annotations

import contextlib
from typing import Any

from django.urls import NoReverseMatch
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from ..exceptions import CreationUnknownError
from ..links import API, path_of
from ..models import Invoice
from ..services import list_offers, read_progress
from ..services.invoices.coin_offers import Offer
from ..services.invoices.payment_of_order import PaymentOfOrder
from . import examples
from .base import ApiView, describe
from .fields import StrictSerializer, TextField
from .public import InvoiceStateSerializer, public_state
from .schema import problems
from .throttling import CreationThrottle


class CoinChoiceSerializer(StrictSerializer):
    """The customer's choice. A price cannot be sent: an unknown field is refused."""

    currency = TextField(max_length=32, help_text="The coin, as `list_coins` names it.")
    network = TextField(max_length=32, required=False, help_text="May be left out where the coin has one.")


class CreateInvoiceView(PaymentOfOrder, ApiView):
    """Create the invoice for an order in the chosen coin, or return the open one.

    The price comes from `get_price`. A repeated request returns the same invoice. If the order has received money, the
    answer is 200 with the paid invoice.
    """

    operation = "create_invoice"
    permission_classes = [IsAuthenticated]
    throttle_classes = [CreationThrottle]

    @describe(
        request=CoinChoiceSerializer,
        examples=[examples.COIN_CHOICE],
        responses={
            200: OpenApiResponse(InvoiceStateSerializer, description="Money has arrived for this order already."),
            201: OpenApiResponse(InvoiceStateSerializer, examples=[examples.WAITING]),
            **problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        order = self.get_order()
        if under_way := self.get_payment_under_way(order):
            return self.answer(under_way, status=200)
        chosen = self.read(CoinChoiceSerializer, request.data)
        offer = self.find_offer(chosen["currency"], chosen.get("network"), account=self.find_account(order))
        invoice = self.create(order, offer)
        return self.answer(invoice, status=201)

    def find_offer(self, currency: str, network: str | None, *, account: str) -> Offer:
        """Return the account's offer for this coin, or raise ValidationError."""
        return offer_of(currency, network, account=account)

    def answer(self, invoice: Invoice, *, status: int) -> Response:
        """Return the public state of an invoice, and the URL to poll it."""
        progress = read_progress(invoice.pk)
        if progress is None:
            raise CreationUnknownError(f"invoice {invoice.pk} cannot be read yet: does a replica lag behind?")
        response = Response(public_state(progress), status=status)
        with contextlib.suppress(NoReverseMatch):  # the shop may have mounted this view alone
            response["Location"] = path_of("invoice-state", invoice.pk, app=API)
        return response


def offer_of(currency: str, network: str | None, *, account: str) -> Offer:
    """Return the account's offer for this coin, or raise ValidationError."""
    offers = [offer for offer in list_offers(account=account) if offer.currency == currency]
    if not offers:
        raise serializers.ValidationError({"currency": "There is no such coin to pay with."}, code="no_coin")
    named = [offer for offer in offers if network in (None, offer.network)]
    if len(named) != 1:
        names = ", ".join(offer.network for offer in offers)
        raise serializers.ValidationError({"network": f"It must be one of: {names}."}, code="no_network")
    return named[0]
