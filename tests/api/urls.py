"""A headless shop whose orders are Django's groups, each for what its name says in EUR."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.shortcuts import get_object_or_404
from django.urls import include, path

from cryptopay_django.api import (
    ChannelPaymentsView,
    ChannelsOfOwner,
    ChannelsView,
    ChannelView,
    CreateInvoiceView,
)


class PayGroup(CreateInvoiceView):
    def get_order(self) -> Group:
        return get_object_or_404(Group, pk=self.kwargs["pk"], user=self.request.user)

    def get_price(self, order: Group) -> tuple[Decimal, str]:
        return Decimal(order.name), "EUR"

    def get_invoice_options(self, order: Group) -> dict[str, Any]:
        return {"description": f"Order {order.pk}", "metadata": {"margin": "0.4"}}


class MyChannels(ChannelsOfOwner):
    def get_owner(self) -> Any:
        return self.request.user

    def get_receiver_currency(self, owner: Any) -> str:
        return "EUR"

    def get_channel_options(self, owner: Any) -> dict[str, Any]:
        return {"customer_id": f"customer-{owner.pk}"}


class MyChannelList(MyChannels, ChannelsView):
    pass


class MyChannel(MyChannels, ChannelView):
    pass


class MyPayments(MyChannels, ChannelPaymentsView):
    pass


urlpatterns = [
    path("cryptopay/", include("cryptopay_django.urls")),
    path("cryptopay/api/", include("cryptopay_django.api.urls")),
    path("pay/<int:pk>/", PayGroup.as_view()),
    path("my/channels/", MyChannelList.as_view()),
    path("my/channels/<uuid:channel_id>/", MyChannel.as_view()),
    path("my/channels/<uuid:channel_id>/payments/", MyPayments.as_view()),
    path("half/<int:pk>/", CreateInvoiceView.as_view()),
]
