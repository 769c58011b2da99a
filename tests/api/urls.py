"""A headless shop whose orders are Django's groups, each for what its name says in EUR."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.shortcuts import get_object_or_404
from django.urls import include, path

from cryptopay_django.api import CreateInvoiceView


class PayGroup(CreateInvoiceView):
    def get_order(self) -> Group:
        return get_object_or_404(Group, pk=self.kwargs["pk"], user=self.request.user)

    def get_price(self, order: Group) -> tuple[Decimal, str]:
        return Decimal(order.name), "EUR"

    def get_invoice_options(self, order: Group) -> dict[str, Any]:
        return {"description": f"Order {order.pk}", "metadata": {"margin": "0.4"}}


urlpatterns = [
    path("cryptopay/", include("cryptopay_django.urls")),
    path("cryptopay/api/", include("cryptopay_django.api.urls")),
    path("pay/<int:pk>/", PayGroup.as_view()),
    path("half/<int:pk>/", CreateInvoiceView.as_view()),
]
