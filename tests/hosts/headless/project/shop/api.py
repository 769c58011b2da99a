"""The shop's own API, for the customer who is logged in."""

from uuid import UUID

import segno
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cryptopay_django.api import CreateInvoiceView
from cryptopay_django.models import Invoice
from cryptopay_django.services import read_progress

from .models import PRICES, Order


class OrderSerializer(serializers.ModelSerializer):
    """An order. The customer chooses product and quantity; the price is the shop's."""

    quantity = serializers.IntegerField(min_value=1, max_value=9)
    invoice = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = ["reference", "product", "quantity", "amount", "status", "paid_amount", "refunded_amount", "invoice"]
        read_only_fields = ["reference", "amount", "status", "paid_amount", "refunded_amount"]

    def get_invoice(self, order: Order) -> UUID | None:
        """Return the id of the newest invoice: the page reads its state."""
        return Invoice.objects.for_order(order).values_list("pk", flat=True).first()


class Products(APIView):
    """List what is sold."""

    permission_classes = [AllowAny]

    def get(self, request: Request) -> Response:
        return Response([{"name": name, "price": f"{price:f}"} for name, price in PRICES.items()])


class Orders(generics.ListCreateAPIView):
    """List the customer's orders, and place one."""

    serializer_class = OrderSerializer

    def get_queryset(self) -> models.QuerySet[Order]:
        return self.request.user.orders.all()

    def perform_create(self, serializer: OrderSerializer) -> None:
        amount = PRICES[serializer.validated_data["product"]] * serializer.validated_data["quantity"]
        serializer.save(customer=self.request.user, amount=amount)


class ShowOrder(generics.RetrieveAPIView):
    """Show an order of the customer."""

    serializer_class = OrderSerializer
    lookup_field = "reference"

    def get_queryset(self) -> models.QuerySet[Order]:
        return self.request.user.orders.all()


class PayOrder(CreateInvoiceView):
    """Create the invoice of an order in the chosen coin. `CreateInvoiceView` does all but these two."""

    def get_order(self) -> Order:
        open_orders = self.request.user.orders.exclude(status=Order.Status.CANCELLED)
        return get_object_or_404(open_orders, reference=self.kwargs["reference"])

    def get_price(self, order: Order) -> tuple:
        return order.amount, "EUR"


def qr_code(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Return the QR code of an invoice that waits for its payment, as SVG."""
    progress = read_progress(invoice_id)
    if progress is None or progress.state != "waiting" or not progress.invoice.uri:
        return HttpResponse(status=404)
    svg = segno.make(progress.invoice.uri, error="m").svg_inline(scale=4, border=4, light="#fff", omitsize=True)
    return HttpResponse(
        svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1), content_type="image/svg+xml"
    )
