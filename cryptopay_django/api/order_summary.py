"""Serves the sums of an order to staff: what was paid, is pending, was sent back, and is missing."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from ..conf import account_names, app_settings
from ..exceptions import CurrencyError, InvoiceRequestError
from ..gateway.currencies import check_price_currency
from ..models import Channel, Invoice
from ..models.orders import order_filter, order_types
from ..services import payment_summary
from ..services.invoices.account_coins import coins_for
from . import examples
from .base import describe
from .fields import AmountField, StrictSerializer, TextField
from .schema import problems
from .staff_reads import DeskView, pointer
from .staff_serializers import OrderSerializer

_is_amount = RegexValidator(r"^[0-9]{1,20}(\.[0-9]{1,18})?\Z", message="Write digits and a point, as in 49.90.")


class SummaryQuerySerializer(StrictSerializer):
    """Which order, and what it costs, if that is to be compared."""

    order_type = TextField(max_length=201, help_text='The model, as in "shop.order".')
    order_id = TextField(max_length=64, help_text="Its primary key.")
    due_amount = TextField(
        required=False,
        max_length=40,
        validators=[_is_amount],
        help_text='What the whole order costs: "49.90". Without it, what is missing is not known.',
    )
    currency = TextField(
        required=False,
        max_length=32,
        help_text="Of the price. If omitted, that of the order's invoices and channels; needed if they have several.",
    )

    def validate_currency(self, value: str) -> str:
        """Refuse what no account can have a price in: its sums would all be zero."""
        for account in account_names():
            try:
                check_price_currency(
                    value, coins=coins_for(account, price_currency=value, pay_currency=value, network="")
                )
            except CurrencyError:
                continue
            return value
        raise serializers.ValidationError("There is no such currency.", code="no_currency")


class UnknownValueSerializer(serializers.Serializer[Any]):
    """Money that is in no sum, because its value in the currency of the sums is not known."""

    part = serializers.CharField(help_text="What it is for the order: paid, pending, quarantined, refunded, returned.")
    amount = AmountField(allow_null=True)
    currency = serializers.CharField()


class PaymentSummarySerializer(serializers.Serializer[Any]):
    """What was paid for an order, over all its invoices and channels. All amounts are in `currency`."""

    currency = serializers.CharField(help_text="Empty only for an order without payments and without a price.")
    due_amount = AmountField(allow_null=True, help_text="As it was given.")
    paid_amount = AmountField(help_text="What the gateway has credited, quarantined payments left out.")
    pending_amount = AmountField(help_text="Seen, and neither credited nor sent back.")
    quarantined_amount = AmountField(help_text="Held here for a person. It is not paid.")
    refunded_amount = AmountField(help_text="All that was sent back, or is on its way back.")
    returned_amount = AmountField(help_text="The part of it that had been credited before.")
    kept_amount = AmountField(help_text="Credited and not sent back.")
    remaining_amount = AmountField(allow_null=True, help_text="Still missing; null where that is not known.")
    overpaid_amount = AmountField(allow_null=True, help_text="Kept beyond the price; null where that is not known.")
    is_paid = serializers.BooleanField(help_text="Nothing is missing, as far as that is known.")
    is_paid_twice = serializers.BooleanField(
        help_text="Several invoices are completed, and are more than the price, or the price is not known."
    )
    is_certain = serializers.BooleanField(help_text="The value of all that was credited or returned is known.")
    has_pending = serializers.BooleanField()
    has_quarantined = serializers.BooleanField()
    completed_count = serializers.IntegerField(help_text="Completed invoices, quarantined ones too.")
    unknown = UnknownValueSerializer(many=True)


class OrderSummarySerializer(PaymentSummarySerializer):
    """The sums, and the order that they are of."""

    order = OrderSerializer()


class SummaryView(DeskView):
    """Add up what was paid for an order, over all its invoices and channels."""

    operation = "read_payment_summary"

    @describe(
        parameters=[SummaryQuerySerializer],
        responses={
            200: OpenApiResponse(OrderSummarySerializer, examples=[examples.SUMMARY]),
            **problems(400, 401, 403, 404, 429),
        },
    )
    def get(self, request: Request) -> Response:
        asked = self.read_query(SummaryQuerySerializer)
        order = _find_order(asked["order_type"], asked["order_id"])
        try:
            order_filter(order)
        except ValueError as error:
            raise serializers.ValidationError({"order_type": str(error)}, code="no_order") from error
        try:
            found = payment_summary(order, due_amount=asked.get("due_amount"), currency=asked.get("currency"))
        except InvoiceRequestError as error:
            raise serializers.ValidationError({"currency": str(error)}) from error
        named = {"type": order._meta.label_lower, "id": str(order.pk)}
        return Response({"order": named, **PaymentSummarySerializer(found).data})


def _find_order(label: str, key: str) -> models.Model:
    """Return the shop's order from the primary database; raise ValidationError or NotFound."""
    asked = pointer("order", label, key)
    model = asked["order_content_type"].model_class()
    if model is None or not _is_paid_for(model):
        raise NotFound(
            "No invoice or channel belongs to a row of this model, and CRYPTOPAY_ORDER_SEARCH does not name it.",
            code="no_order_model",
        )
    order: models.Model | None = Invoice(**asked).order
    if order is None:
        raise NotFound
    return order


def _is_paid_for(model: type[models.Model]) -> bool:
    """Return whether rows of a model are orders or owners: nobody may learn which rows of any other model exist."""
    types = order_types(model)
    named = {label.lower() for label in app_settings.ORDER_SEARCH}
    return (
        not named.isdisjoint(f"{kind.app_label}.{kind.model}" for kind in types)
        or Invoice.objects.filter(order_content_type__in=types).exists()
        or Channel.objects.filter(owner_content_type__in=types).exists()
    )
