"""Serves the staff views of channels: lists, one channel, one payment with its timeline, enable, disable, release."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from ..conf import account_names
from ..models import Channel, ChannelPayment, ChannelPaymentStatus
from ..permissions import Act
from ..services import disable_channel, enable_channel, release_channel_payment
from ..services.resolution.people import person_of
from . import channel_examples
from .base import describe
from .channel_serializers import (
    ChannelPageSerializer,
    ChannelPaymentPageSerializer,
    ChannelPaymentQuerySerializer,
    ChannelPaymentRowSerializer,
    ChannelQuerySerializer,
    ChannelRowSerializer,
)
from .channels import NewestSeenFirst
from .schema import problems
from .staff_actions import ActSerializer, ActView
from .staff_reads import DeskView, NewestFirst, pointer
from .staff_serializers import TimelineSerializer, timeline_of

logger = logging.getLogger("cryptopay_django")

_ACTS = (400, 401, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504)


_PLAIN = {
    "status": "status",
    "account": "account",
    "environment": "environment",
    "pay_currency": "pay_currency",
    "receiver_currency": "receiver_currency",
    "custom_id": "custom_id",
    "gateway_id": "gateway_id",
    "address": "address",
    "channel_id": "channel_id",
    "risk_level": "risk_level",
    "created_from": "created_at__gte",
    "created_before": "created_at__lt",
    "seen_from": "seen_at__gte",
    "seen_before": "seen_at__lt",
}


def _narrowed(rows: QuerySet[Any], wanted: dict[str, Any]) -> QuerySet[Any]:
    rows = rows.filter(**{lookup: wanted[name] for name, lookup in _PLAIN.items() if name in wanted})
    if "is_quarantined" in wanted:
        rows = rows.exclude(quarantine_reason="") if wanted["is_quarantined"] else rows.filter(quarantine_reason="")
    if "account" not in wanted and not {"custom_id", "gateway_id"}.isdisjoint(wanted):
        # With the account in front, as in the unique constraints that serve these look-ups.
        rows = rows.filter(account__in=account_names())
    return rows


class ChannelListView(DeskView):
    """List channels, the newest first, in pages."""

    operation = "list_channels"
    model = Channel

    @describe(
        parameters=[ChannelQuerySerializer],
        responses={
            200: OpenApiResponse(ChannelPageSerializer, examples=[channel_examples.CHANNEL_ROWS]),
            **problems(400, 401, 403, 404, 429),
        },
    )
    def get(self, request: Request) -> Response:
        wanted = self.read_query(ChannelQuerySerializer)
        found = _narrowed(Channel.objects.all(), wanted)
        if "txid" in wanted:
            paid = ChannelPayment.objects.filter(txid=wanted["txid"])
            found = found.filter(pk__in=paid.values("channel_id"))
        if "owner_type" in wanted:
            found = found.filter(**pointer("owner", wanted["owner_type"], wanted["owner_id"]))
        pagination = NewestFirst()
        page = pagination.paginate_queryset(found, request, view=self) or []
        return pagination.get_paginated_response(ChannelRowSerializer(page, many=True).data)


class ChannelDetailView(DeskView):
    """Return a channel."""

    operation = "read_channel"
    model = Channel

    @describe(responses={200: ChannelRowSerializer, **problems(401, 403, 404, 429)})
    def get(self, request: Request, channel_id: UUID) -> Response:
        return Response(ChannelRowSerializer(self.find(channel_id)).data)


class PaymentListView(DeskView):
    """List payments on channels, the newest first, in pages."""

    operation = "list_channel_payments"
    model = ChannelPayment

    @describe(
        parameters=[ChannelPaymentQuerySerializer],
        responses={
            200: OpenApiResponse(ChannelPaymentPageSerializer, examples=[channel_examples.CHANNEL_PAYMENTS]),
            **problems(400, 401, 403, 404, 429),
        },
    )
    def get(self, request: Request) -> Response:
        wanted = self.read_query(ChannelPaymentQuerySerializer)
        more = Q()
        if "status_context" in wanted:
            more &= Q(status=ChannelPaymentStatus.ON_HOLD, status_context=wanted["status_context"])
        if "txid" in wanted:
            more &= Q(txid=wanted["txid"])
        pagination = NewestSeenFirst()
        found = _narrowed(ChannelPayment.objects.filter(more), wanted)
        page = pagination.paginate_queryset(found, request, view=self) or []
        return pagination.get_paginated_response(ChannelPaymentRowSerializer(page, many=True).data)


class PaymentDetailView(DeskView):
    """Return a payment on a channel."""

    operation = "read_channel_payment"
    model = ChannelPayment

    @describe(responses={200: ChannelPaymentRowSerializer, **problems(401, 403, 404, 429)})
    def get(self, request: Request, payment_id: UUID) -> Response:
        return Response(ChannelPaymentRowSerializer(self.find(payment_id)).data)


class PaymentTimelineView(DeskView):
    """Return callbacks, events and actions of staff of a payment on a channel."""

    operation = "read_channel_payment_timeline"
    model = ChannelPayment

    @describe(responses={200: TimelineSerializer, **problems(401, 403, 404, 429)})
    def get(self, request: Request, payment_id: UUID) -> Response:
        return Response(TimelineSerializer(timeline_of(self.find(payment_id))).data)


class PaymentReleaseView(ActView):
    """End the quarantine of a payment, and accept what the gateway reports. Makes no call."""

    operation = "release_channel_payment"
    model = ChannelPayment
    acts = (Act.RELEASE_PAYMENT,)

    @describe(
        request=ActSerializer,
        examples=[channel_examples.RELEASE_PAYMENT],
        responses={200: ChannelPaymentRowSerializer, **problems(400, 401, 403, 404, 409, 413, 415, 429)},
    )
    def post(self, request: Request, payment_id: UUID) -> Response:
        asked = self.read(ActSerializer, request.data)
        released = release_channel_payment(
            self.find(payment_id),
            actor=self.actor,
            reason=asked["reason"],
            expected_version=asked["expected_version"],
        )
        return Response(ChannelPaymentRowSerializer(released).data)


class SwitchView(ActView):
    """A view that enables or disables a channel at the gateway."""

    model = Channel
    acts = (Act.SWITCH_CHANNEL,)

    def switch(self, request: Request, channel_id: UUID, verb: Callable[..., Channel]) -> Response:
        """Change a channel that is still as the person saw it. The log says who did it and why."""
        asked = self.read(ActSerializer, request.data)
        done = verb(self.find(channel_id), actor=self.actor, expected_version=asked["expected_version"])
        extra = {"channel_id": str(done.pk), "account": done.account, "actor": person_of(self.actor).name}
        logger.info("channel %s is %s: %s", done.pk, done.status, asked["reason"], extra=extra)
        return Response(ChannelRowSerializer(done).data)


class EnableView(SwitchView):
    """Enable a channel: its customer sees the address again, and payments are credited."""

    operation = "enable_channel"

    @describe(
        request=ActSerializer,
        examples=[channel_examples.SWITCH],
        responses={200: ChannelRowSerializer, **problems(*_ACTS)},
    )
    def post(self, request: Request, channel_id: UUID) -> Response:
        return self.switch(request, channel_id, enable_channel)


class DisableView(SwitchView):
    """Disable a channel: the gateway holds what still arrives."""

    operation = "disable_channel"

    @describe(
        request=ActSerializer,
        examples=[channel_examples.SWITCH],
        responses={200: ChannelRowSerializer, **problems(*_ACTS)},
    )
    def post(self, request: Request, channel_id: UUID) -> Response:
        return self.switch(request, channel_id, disable_channel)
