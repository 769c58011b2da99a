"""Serves the public endpoints: the coins, and the state of an invoice by its random id. Changes nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ..conf import app_settings
from ..exceptions import InvoiceRequestError
from ..gateway.currencies import check_amount, check_price_currency
from ..services import list_offers, read_progress
from ..services.invoices.customer_state import Progress, State
from . import examples
from .base import ApiView, describe
from .fields import AmountField, StrictSerializer, TextField
from .schema import problems
from .throttling import PublicThrottle


class PriceQuerySerializer(StrictSerializer):
    """A price to convert: amount and currency, or neither."""

    price_amount = TextField(required=False, max_length=64, help_text='As text: "49.90".')
    price_currency = TextField(required=False, max_length=32, help_text="Such as EUR, or a coin.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) == 1:
            raise serializers.ValidationError("Give price_amount and price_currency, or neither.", code="incomplete")
        if attrs:
            coins, currency = app_settings.coins, attrs["price_currency"]
            try:
                check_price_currency(currency, coins=coins)
                attrs["price_amount"] = check_amount(attrs["price_amount"], currency, coins=coins)
            except InvoiceRequestError as error:
                raise serializers.ValidationError(str(error), code="invalid_price") from error
        return attrs


class CoinSerializer(serializers.Serializer[Any]):
    """One coin on one network."""

    currency = serializers.CharField()
    network = serializers.CharField()
    coin_name = serializers.CharField()
    network_name = serializers.CharField()
    precision = serializers.IntegerField(help_text="Decimal places of the coin on this network.")
    amount = AmountField(
        allow_null=True, help_text="About what the price is in the coin; the invoice has the binding amount."
    )


class CoinsSerializer(serializers.Serializer[Any]):
    """The coins to pay with, in the order to show them."""

    coins = CoinSerializer(many=True)


class PaymentInstructionsSerializer(serializers.Serializer[Any]):
    """The amount and the address to send to.

    Show all of it: on another network, or without the tag, the coins are lost.
    """

    address = serializers.CharField()
    destination_tag = serializers.CharField(help_text="Empty where none is needed; else it is required.")
    amount = AmountField(help_text="What is still to be sent, exactly.")
    currency = serializers.CharField()
    network = serializers.CharField()
    uri = serializers.CharField(help_text="What a QR code encodes; empty when only a rest is due.")


class InvoiceStateSerializer(serializers.Serializer[Any]):
    """The public state of an invoice. Only `completed` means paid."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=[(str(state), state.name.lower()) for state in State])
    is_final = serializers.BooleanField()
    price_amount = AmountField()
    price_currency = serializers.CharField()
    pay_amount = AmountField(allow_null=True)
    pay_currency = serializers.CharField()
    paid_amount = AmountField()
    due_amount = AmountField(allow_null=True)
    network = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    seconds_left = serializers.IntegerField(allow_null=True)
    payment = PaymentInstructionsSerializer(allow_null=True, help_text="Null where nothing may be sent (any more).")


def public_state(progress: Progress) -> dict[str, Any]:
    """Return the public state, and where to pay while the customer may pay."""
    return {**progress.public, "payment": _instructions(progress)}


def _instructions(progress: Progress) -> dict[str, Any] | None:
    invoice, due = progress.invoice, progress.due_amount
    if due is None:
        return None
    return {
        "address": invoice.address,
        "destination_tag": invoice.destination_tag,
        "amount": f"{due:f}",
        "currency": invoice.pay_currency,
        "network": invoice.network,
        # The gateway's uri contains the full amount, which is too much after a partial payment.
        "uri": invoice.uri if progress.state is State.WAITING else "",
    }


class CoinsView(ApiView):
    """List the coins and networks, and the approximate amount of a price in each.

    The list is cached. The amounts are approximate and not binding: the shop sets the price of an invoice.
    """

    operation = "list_coins"
    authentication_classes = []
    permission_classes = []
    throttle_classes = [PublicThrottle]
    cache_control = "public, max-age=30"
    account: str | None = None
    """Without one, CRYPTOPAY_ACCOUNT_RESOLVER chooses by the price alone: there is no order here."""

    @describe(
        parameters=[PriceQuerySerializer],
        responses={200: OpenApiResponse(CoinsSerializer, examples=[examples.COINS]), **problems(400, 429, 502, 503)},
    )
    def get(self, request: Request) -> Response:
        price: dict[str, Any] = self.read_query(PriceQuerySerializer)
        offers = list_offers(**price, account=self.account)
        return Response({"coins": [CoinSerializer(offer).data for offer in offers]})


class InvoiceStateView(ApiView):
    """Return the progress of a payment to clients that know the invoice's id.

    Makes one query. Send the ETag in If-None-Match to get a 304 without a body if nothing has changed.
    """

    operation = "read_invoice_state"
    authentication_classes = []
    permission_classes = []
    throttle_classes = [PublicThrottle]

    @describe(
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)],
        responses={
            200: OpenApiResponse(InvoiceStateSerializer, examples=[examples.WAITING, examples.COMPLETED]),
            304: OpenApiResponse(description="Nothing new."),
            **problems(404, 429),
        },
    )
    def get(self, request: Request, invoice_id: UUID) -> Response:
        progress = read_progress(invoice_id)
        if progress is None:
            raise NotFound
        return answer_or_304(request, progress.etag, public_state(progress))


def answer_or_304(request: Request, etag: str, body: dict[str, Any]) -> Response:
    """Return a public state, or 304 if the client has it."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    is_known = etag in known or etag.removeprefix("W/") in known
    response = Response(status=304) if is_known else Response(body)
    response["ETag"] = etag
    return response
