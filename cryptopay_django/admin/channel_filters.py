"""Filters the lists of channels and of the payments on them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Channel, ChannelPayment, ChannelPaymentContext, ChannelPaymentStatus, ChannelStatus
from ..models.channel_payment import quarantined_payments
from ..permissions import Act, may
from . import filters


class ChannelStatusFilter(filters.StatusFilter):
    """Enabled, or disabled."""

    statuses = ChannelStatus


class ReceiverFilter(filters.FoldedFilter):
    """The currency that payments are credited in."""

    title = gettext_lazy("credited in")
    parameter_name = "receiver"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        return filters.all_currencies()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Channel]) -> QuerySet[Channel]:
        return queryset.filter(receiver_currency=self.value()) if self.value() else queryset


class WaitingPaymentFilter(admin.SimpleListFilter):
    """The payments that the user's permissions can bring forward."""

    title = gettext_lazy("what waits")
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        return [("me", _("waits for me"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChannelPayment]) -> QuerySet[ChannelPayment]:
        if self.value() != "me":
            return queryset
        return queryset.filter(quarantined_payments() if may(request.user, Act.RELEASE_PAYMENT) else Q(pk__in=[]))


class PaymentStatusFilter(filters.StatusFilter):
    """The gateway's status."""

    statuses = ChannelPaymentStatus


class OnHoldFilter(admin.SimpleListFilter):
    """The reason why the gateway holds a payment."""

    title = gettext_lazy("why on hold")
    parameter_name = "context"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        return list(ChannelPaymentContext.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChannelPayment]) -> QuerySet[ChannelPayment]:
        if self.value() not in ChannelPaymentContext:
            return queryset
        return queryset.filter(status=ChannelPaymentStatus.ON_HOLD, status_context=self.value())


class PaidCoinFilter(filters.CoinFilter):
    """The coin that was paid."""

    column = "paid_currency"


class SeenFilter(filters.PeriodFilter):
    """The time when it was first seen."""

    title = gettext_lazy("seen")
    parameter_name = column = "seen_at"


class ChannelFilter(admin.SimpleListFilter):
    """The payments of one channel: where its page leads. Not offered to choose from."""

    title = gettext_lazy("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        try:
            key = UUID(request.GET.get("channel", ""))
        except ValueError:
            return []
        return [(str(channel.pk), str(channel)) for channel in Channel.objects.filter(pk=key)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChannelPayment]) -> QuerySet[ChannelPayment]:
        key = self.value()
        return queryset.filter(channel_id=key) if key else queryset
