"""The contract of an adapter, played on django-salesman: its basket, checkout, orders and statuses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.test import TransactionTestCase
from salesman.core.utils import get_salesman_model
from shop.models import Product, Shipment

from cryptopay_django.models import Invoice
from cryptopay_django.testing.adapters import AdapterContract

Order = get_salesman_model("Order")


class ContractTests(AdapterContract, TransactionTestCase):
    def place_order(self) -> Any:
        mug = Product.objects.create(name="Mug", price=Decimal("50.00"))
        line = {"product_type": "shop.Product", "product_id": mug.pk, "quantity": 2}
        self.client.post("/api/basket/", line, content_type="application/json")
        buyer = {"email": "ada@example.org", "shipping_address": "1 Quay", "billing_address": "1 Quay"}
        answer = self.client.post("/api/checkout/", {**buyer, "payment_method": "coins"})
        token = answer.json()["url"].rstrip("/").rpartition("/")[2]
        return Order.objects.get(token=token)

    def begin_payment(self, order: Any) -> Invoice:
        pay = f"/api/orders/{order.ref}/pay/?token={order.token}"
        page = self.client.post(pay, {"payment_method": "coins"}).json()["url"]
        answer = self.client.post(page, {"coin": "BTC/bitcoin"})
        assert "/cryptopay/checkout/" in answer["Location"]
        return Invoice.objects.for_order(order)[0]

    def state_of(self, order: Any) -> str:
        order = Order.objects.get(pk=order.pk)
        states = {"CREATED": self.OPEN, "HOLD": self.ATTENTION, "FAILED": self.CANCELLED, "REFUNDED": self.REFUNDED}
        if order.status == "PROCESSING" and self.refunded_of(order):
            return self.PARTLY_REFUNDED
        return states.get(order.status, self.PAID)

    def paid_of(self, order: Any) -> Decimal:
        return sum((one.amount for one in order.payments.filter(amount__gt=0)), Decimal(0))

    def refunded_of(self, order: Any) -> Decimal:
        return -sum((one.amount for one in order.payments.filter(amount__lt=0)), Decimal(0))

    def fulfilments_of(self, order: Any) -> int:
        return Shipment.objects.filter(order_ref=order.ref).count()
