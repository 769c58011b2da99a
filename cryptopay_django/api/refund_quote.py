"""Serves the quote for a refund of a completed invoice. `refund_invoice` in `staff_actions.py` commits it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ..permissions import Act
from ..services import FeeBearer, RefundQuote, quote_refund
from . import examples
from .base import describe
from .fields import AmountField, FlagField, StrictSerializer, TextField
from .schema import problems
from .staff_actions import REFUSALS, ActView


class ReturnSerializer(StrictSerializer):
    """The amount to send back of a completed invoice, and the address."""

    amount = TextField(required=False, max_length=64, help_text='As text: "49.90". All that is left, if omitted.')
    currency = TextField(
        required=False, max_length=32, help_text="Of the amount: the price currency (default), or the coin."
    )
    address = TextField(max_length=256, help_text="The customer's; checked for the network.")
    tag = TextField(required=False, max_length=64, help_text="As in `refund_invoice`.")
    without_tag = FlagField(default=False, help_text="The address needs no tag: a wallet of the customer's own.")
    network_fee_borne_by = serializers.ChoiceField(
        choices=[(FeeBearer.MERCHANT.value, "on top"), (FeeBearer.CUSTOMER.value, "out of the coins that arrive")],
        default=FeeBearer.MERCHANT.value,
    )


class RefundQuoteSerializer(serializers.Serializer[Any]):
    """A quote to refund a completed invoice, valid for 30 seconds. The rate is the price of one coin."""

    invoice_id = serializers.UUIDField()
    invoice_version = serializers.IntegerField()
    amount = AmountField(help_text="What was asked for.")
    currency = serializers.CharField()
    value_amount = AmountField(help_text="What that returns of the price, at the rate of the order.")
    price_currency = serializers.CharField()
    received_amount = AmountField(help_text="What arrives, in the pay currency.")
    pay_currency = serializers.CharField()
    address = serializers.CharField(help_text="With its tag.")
    network = serializers.CharField()
    network_fee_borne_by = serializers.CharField()
    network_fee_amount = AmountField(allow_null=True, help_text="In the pay currency.")
    network_fee_level = serializers.CharField(allow_null=True)
    fee_amount = AmountField(allow_null=True, help_text="The gateway's; the merchant bears it.")
    fee_currency = serializers.CharField(allow_null=True)
    charged_amount = AmountField(help_text="Taken from the merchant's account, with every fee in it.")
    charged_currency = serializers.CharField()
    balance_amount = AmountField(allow_null=True, help_text="Of that account, if it could be read.")
    exchange_rate = AmountField(allow_null=True)
    left_value_amount = AmountField(help_text="What is left to refund, before this one, in the price currency.")
    left_amount = AmountField(allow_null=True, help_text="The same in the coin, if known.")
    expires_at = serializers.DateTimeField()
    quote = serializers.SerializerMethodField(help_text="Signed. Send it back unchanged to refund exactly this.")

    def get_quote(self, quote: RefundQuote) -> str:
        """Return the signed quote."""
        return quote.seal()


class ReturnQuoteView(ActView):
    """Quote a refund of a completed invoice. Sends nothing. The quote is valid for 30 seconds."""

    operation = "quote_refund"
    acts = (Act.REFUND_TO_ADDRESS,)

    @describe(
        request=ReturnSerializer,
        examples=[examples.RETURN],
        responses={
            200: OpenApiResponse(RefundQuoteSerializer, examples=[examples.REFUND_QUOTE]),
            **problems(*REFUSALS),
        },
    )
    def post(self, request: Request, invoice_id: UUID) -> Response:
        asked = self.read(ReturnSerializer, request.data)
        return Response(RefundQuoteSerializer(quote_refund(self.find(invoice_id), **asked)).data)
