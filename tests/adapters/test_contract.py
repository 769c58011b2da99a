"""The contract of adapters, on the smallest host: what the shared parts say is enough to keep it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.test import RequestFactory, TransactionTestCase

from cryptopay_django.models import Invoice
from cryptopay_django.testing.adapters import AdapterContract

from .host import Orders, PayHere


class SmallestHost(AdapterContract, TransactionTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.orders = Orders().follow()
        self.addCleanup(self.orders.stop)

    def place_order(self) -> Group:
        return self.orders.place(price=self.price, currency=self.currency)

    def begin_payment(self, order: Group) -> Invoice:
        request = RequestFactory().post("/pay/", {"coin": "BTC/bitcoin"})
        answer = PayHere.as_view(orders=self.orders)(request, pk=order.pk)
        assert answer.status_code == 302, answer.content
        return Invoice.objects.for_order(order)[0]

    def state_of(self, order: Group) -> str:
        return str(self.orders.known[order.pk].state)

    def paid_of(self, order: Group) -> Decimal:
        return self.orders.known[order.pk].paid

    def refunded_of(self, order: Group) -> Decimal:
        return self.orders.known[order.pk].refunded

    def fulfilments_of(self, order: Group) -> int:
        known = self.orders.known[order.pk]
        assert known.parcels == bool(known.paid_now), "the event that pays the order is not the one that fulfils it"
        return known.parcels

    def refund_from_host(self, order: Group, amount: Decimal) -> None:
        (invoice,) = self.invoices_of(order)
        self.orders.known[order.pk].knows_addresses = True
        self.orders.send_back(order, amount, invoices=[invoice], reason="came back")

    def raise_price(self, order: Any) -> None:
        self.orders.known[order.pk].price += 1
