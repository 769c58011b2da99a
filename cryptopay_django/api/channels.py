"""Serves the channels of a customer. The shop subclasses the views with its customer, currency and permission.

class MyChannels(ChannelsOfOwner):
    permission_classes = [IsAuthenticated]

    def get_owner(self):
        return self.request.user

    def get_receiver_currency(self, owner):
        return "EUR"


class Channels(MyChannels, ChannelsView):
    pass
"""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.urls import NoReverseMatch
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from ..links import API, path_of
from ..models import Channel, ChannelPayment, ChannelStatus
from ..services import create_channel, read_channel_progress, resolve_account
from ..services.accounts import in_force
from ..services.channels.owner_state import (
    ChannelProgress,
    ChannelState,
    Receipt,
    ReceiptState,
    channel_state,
    receipt_state,
)
from ..services.rate_limit_by_use import Use, spend
from . import channel_examples, examples
from .base import ApiView, describe
from .create_invoice import CoinChoiceSerializer, offer_of
from .fields import AmountField
from .public import answer_or_304
from .schema import problems
from .staff_reads import NewestFirst
from .throttling import CreationThrottle, PublicThrottle

MOST = 100
"""The newest channels of an owner are listed, at most this many."""


class AddressSerializer(serializers.Serializer[Any]):
    """Where to send coins. All of it matters: without the tag the coins are lost."""

    address = serializers.CharField()
    destination_tag = serializers.CharField(help_text="Required, unless it is empty.")
    uri = serializers.CharField(help_text="The content of the QR code; it has no amount.")


class ChannelSerializer(serializers.Serializer[Any]):
    """The part of a channel that its customer may see."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=[(str(state), state.name.lower()) for state in ChannelState])
    pay_currency = serializers.CharField()
    network = serializers.CharField()
    receiver_currency = serializers.CharField(help_text="The currency in which payments are credited.")
    payment = AddressSerializer(allow_null=True, help_text="Null if nothing may be sent.")


class ReceiptSerializer(serializers.Serializer[Any]):
    """A payment for its sender. `credited` is the only state that means credited."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=[(str(state), state.name.lower()) for state in ReceiptState])
    txid = serializers.CharField()
    paid_amount = AmountField()
    paid_currency = serializers.CharField()
    credited_amount = AmountField(allow_null=True, help_text="Null until it is credited.")
    credited_currency = serializers.CharField(allow_null=True)
    seen_at = serializers.DateTimeField()


class ChannelStateSerializer(ChannelSerializer):
    """A channel with its newest payments."""

    receipts = ReceiptSerializer(many=True)
    has_more = serializers.BooleanField(help_text="True if older payments are left out.")


class ChannelsSerializer(serializers.Serializer[Any]):
    """The channels of a customer, newest first."""

    channels = ChannelSerializer(many=True)


class ReceiptPageSerializer(serializers.Serializer[Any]):
    """A page of payments."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ReceiptSerializer(many=True)


class NewestSeenFirst(NewestFirst):
    """Payments, the newest first."""

    ordering = ("-seen_at", "-pk")


class ChannelStateView(ApiView):
    """Show a channel and its newest payments to clients that know the channel's id.

    Makes two queries. Send the ETag in If-None-Match: if nothing is new, the answer is a 304 without a body.
    """

    operation = "read_channel_state"
    authentication_classes = []
    permission_classes = []
    throttle_classes = [PublicThrottle]

    @describe(
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)],
        responses={
            200: OpenApiResponse(ChannelStateSerializer, examples=[channel_examples.CHANNEL_STATE]),
            304: OpenApiResponse(description="Nothing new."),
            **problems(404, 429),
        },
    )
    def get(self, request: Request, channel_id: UUID) -> Response:
        progress = read_channel_progress(channel_id)
        if progress is None:
            raise NotFound
        return answer_or_304(request, progress.etag, progress.public)


class ChannelsOfOwner(ApiView):
    """The hooks of all views of a customer's channels."""

    permission_classes = [IsAuthenticated]
    throttle_classes: Any = [PublicThrottle]
    account: str | None = None
    """If it is None, CRYPTOPAY_ACCOUNT_RESOLVER chooses by the owner."""

    def get_owner(self) -> models.Model:
        """Return the owner of the channels, a saved row that belongs to this customer, or raise Http404."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define get_owner()")

    def get_receiver_currency(self, owner: Any) -> str:
        """Return the currency in which payments are credited. The shop chooses it, never the customer."""
        raise ImproperlyConfigured(f"{type(self).__name__} must define get_receiver_currency()")

    def get_channel_options(self, owner: Any) -> dict[str, Any]:
        """Return further arguments of `create_channel`: name, description, customer_id."""
        return {}

    def find(self, channel_id: UUID) -> Channel:
        """Return the owner's channel, or raise NotFound, also for a channel of another customer."""
        found = _channels_of(self.get_owner()).filter(pk=channel_id).first()
        if found is None:
            raise NotFound
        return found


class ChannelsView(ChannelsOfOwner):
    """List the customer's channels. Create one for a coin, or return the existing one.

    A repeated request, also after a time-out, returns the same channel.
    """

    def get_throttles(self) -> list[BaseThrottle]:
        return [CreationThrottle()] if self.request.method == "POST" else super().get_throttles()

    @describe(
        operation_id="list_own_channels",
        responses={
            200: OpenApiResponse(ChannelsSerializer, examples=[channel_examples.CHANNELS]),
            **problems(401, 403, 404, 429),
        },
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        rows = _channels_of(self.get_owner())[:MOST]
        return Response({"channels": [_without_receipts(row) for row in rows]})

    @describe(
        operation_id="create_channel",
        request=CoinChoiceSerializer,
        examples=[examples.COIN_CHOICE],
        responses={
            200: OpenApiResponse(ChannelSerializer, description="The channel exists already."),
            201: OpenApiResponse(ChannelSerializer, examples=[channel_examples.CHANNEL]),
            **problems(400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        owner = self.get_owner()
        currency = self.get_receiver_currency(owner)
        chosen = self.read(CoinChoiceSerializer, request.data)
        wanted = {"pay_currency": chosen["currency"], "receiver_currency": currency}
        account = self.account or resolve_account(owner, wanted)
        offer = offer_of(chosen["currency"], chosen.get("network"), account=account)
        wanted["network"] = offer.network
        standing = _channels_of(owner).filter(
            in_force(), status=ChannelStatus.ENABLED, account=account, gateway_id__isnull=False, **wanted
        )
        is_new = not standing.exists()
        if is_new:
            spend(account, Use.CREATIONS)
        made = create_channel(owner, account=account, **wanted, **self.get_channel_options(owner))
        response = Response(_without_receipts(made), status=201 if is_new else 200)
        with contextlib.suppress(NoReverseMatch):  # the shop may have mounted this view alone
            response["Location"] = path_of("channel-state", made.pk, app=API)
        return response


class ChannelView(ChannelsOfOwner):
    """Show one of the customer's channels with its newest payments."""

    operation = "read_own_channel"

    @describe(
        responses={
            200: OpenApiResponse(ChannelStateSerializer, examples=[channel_examples.CHANNEL_STATE]),
            **problems(401, 403, 404, 429),
        },
    )
    def get(self, request: Request, channel_id: UUID, *args: Any, **kwargs: Any) -> Response:
        progress = read_channel_progress(self.find(channel_id).pk)
        if progress is None:
            raise NotFound
        return Response(progress.public)


class ChannelPaymentsView(ChannelsOfOwner):
    """List all payments on one of the customer's channels, the newest first, in pages."""

    operation = "list_own_channel_payments"

    @describe(
        responses={
            200: OpenApiResponse(ReceiptPageSerializer, examples=[channel_examples.RECEIPTS]),
            **problems(401, 403, 404, 429),
        },
    )
    def get(self, request: Request, channel_id: UUID, *args: Any, **kwargs: Any) -> Response:
        rows = ChannelPayment.objects.filter(channel=self.find(channel_id))
        pagination = NewestSeenFirst()
        page = pagination.paginate_queryset(rows, request, view=self) or []
        return pagination.get_paginated_response([Receipt(row, receipt_state(row)).public for row in page])


def _channels_of(owner: models.Model) -> models.QuerySet[Channel]:
    """Return an owner's channels from the primary database: a replica may lag behind a new one."""
    return Channel.objects.for_owner(owner).using(Channel.objects.primary().db)


def _without_receipts(channel: Channel) -> dict[str, Any]:
    public = ChannelProgress(channel, channel_state(channel), (), is_cut=False).public
    return {name: value for name, value in public.items() if name not in ("receipts", "has_more")}
