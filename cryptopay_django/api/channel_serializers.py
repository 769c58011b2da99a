"""Serializes channels and the payments on them for staff, and filters their lists."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ..models import Channel, ChannelPaymentStatus, ChannelStatus, RiskLevel
from .fields import AmountField, MomentField, StrictSerializer, TextField
from .staff_serializers import OrderSerializer, pointer_of


class PageQuerySerializer(StrictSerializer):
    """The filters of both lists. Each uses an index."""

    is_quarantined = serializers.BooleanField(
        required=False, help_text="True: quarantined ones only. False: the others only."
    )
    account = TextField(required=False, max_length=32)
    environment = TextField(required=False, max_length=255)
    gateway_id = serializers.UUIDField(required=False)
    txid = TextField(required=False, max_length=256)
    limit = serializers.IntegerField(required=False, min_value=1, max_value=200, help_text="Rows; 50 by default.")
    cursor = TextField(required=False, max_length=500, help_text="From `next` or `previous` of another page.")


class ChannelQuerySerializer(PageQuerySerializer):
    """The filters of the list of channels."""

    status = serializers.ChoiceField(choices=ChannelStatus.choices, required=False)
    pay_currency = TextField(required=False, max_length=32)
    receiver_currency = TextField(required=False, max_length=32)
    custom_id = TextField(required=False, max_length=128)
    address = TextField(required=False, max_length=256)
    owner_type = TextField(required=False, max_length=201, help_text='With owner_id: the model, as in "auth.user".')
    owner_id = TextField(required=False, max_length=64)
    created_from = MomentField(required=False)
    created_before = MomentField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("owner_type" in attrs) != ("owner_id" in attrs):
            raise serializers.ValidationError("Give owner_type and owner_id, or neither.", code="incomplete")
        return attrs


class ChannelPaymentQuerySerializer(PageQuerySerializer):
    """The filters of the list of payments on channels."""

    status = serializers.ChoiceField(choices=ChannelPaymentStatus.choices, required=False)
    status_context = TextField(
        required=False, max_length=32, help_text="The reason of the hold; finds only payments on hold."
    )
    channel_id = serializers.UUIDField(required=False)
    risk_level = serializers.ChoiceField(choices=RiskLevel.choices, required=False)
    seen_from = MomentField(required=False)
    seen_before = MomentField(required=False)


class ChannelRowSerializer(serializers.Serializer[Any]):
    """A channel."""

    id = serializers.UUIDField()
    account = serializers.CharField()
    environment = serializers.CharField(help_text="The gateway of the channel: sandbox, production, or a host.")
    custom_id = serializers.CharField(help_text="The id of the channel at the gateway; all its payments have it too.")
    gateway_id = serializers.UUIDField(allow_null=True)
    owner = serializers.SerializerMethodField()
    status = serializers.CharField(help_text="enabled or disabled.")
    quarantine_reason = serializers.CharField(help_text="Why it is quarantined; empty if it is not.")
    name = serializers.CharField()
    pay_currency = serializers.CharField()
    network = serializers.CharField()
    receiver_currency = serializers.CharField()
    address = serializers.CharField()
    destination_tag = serializers.CharField()
    version = serializers.IntegerField(help_text="Send it back as `expected_version`.")
    created_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True, help_text="When its last payment was detected.")

    @extend_schema_field(OrderSerializer(allow_null=True))
    def get_owner(self, channel: Channel) -> dict[str, str] | None:
        """Name the owner without loading it."""
        return pointer_of(channel, "owner")


class ChannelPaymentRowSerializer(serializers.Serializer[Any]):
    """A payment on a channel."""

    id = serializers.UUIDField()
    channel_id = serializers.UUIDField()
    account = serializers.CharField()
    environment = serializers.CharField()
    gateway_id = serializers.UUIDField()
    txid = serializers.CharField()
    status = serializers.CharField(help_text="pending, on_hold, completed, refunded or cancelled.")
    status_context = serializers.CharField(help_text="Why it is on hold.")
    quarantine_reason = serializers.CharField(help_text="Why it is quarantined; empty if it is not.")
    contradicted = serializers.DictField(help_text="What the gateway reports differently. A release accepts it.")
    paid_amount = AmountField()
    paid_currency = serializers.CharField()
    received_amount = AmountField(help_text="What the gateway has credited.")
    received_currency = serializers.CharField()
    credited_amount = AmountField(
        help_text="The amount that the shop may credit: zero unless completed and not quarantined."
    )
    fee_amount = AmountField(allow_null=True)
    fee_currency = serializers.CharField()
    exchange_rate = AmountField(allow_null=True)
    risk_score = AmountField(allow_null=True)
    risk_level = serializers.CharField()
    version = serializers.IntegerField(help_text="Send it back as `expected_version`.")
    seen_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class ChannelPageSerializer(serializers.Serializer[Any]):
    """A page of channels."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ChannelRowSerializer(many=True)


class ChannelPaymentPageSerializer(serializers.Serializer[Any]):
    """A page of payments on channels."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ChannelPaymentRowSerializer(many=True)
