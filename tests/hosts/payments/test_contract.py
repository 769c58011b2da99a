"""The contract of an adapter, played on django-payments: through its form, its statuses and its refund()."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.test import TransactionTestCase
from payments import PaymentStatus
from shop.models import Payment

from cryptopay_django.contrib.payments.refunds import RefundAddressNeededError
from cryptopay_django.models import Invoice
from cryptopay_django.services import name_refund_address
from cryptopay_django.testing.adapters import AdapterContract


class ContractTests(AdapterContract, TransactionTestCase):
    def place_order(self) -> Payment:
        self.client.post("/", {"variant": "coins"})
        return Payment.objects.latest("pk")

    def begin_payment(self, order: Payment) -> Invoice:
        page = self.client.get(f"/orders/{order.pk}/pay/")
        paid_at = self.client.post(page["Location"], {"coin": "BTC/bitcoin"})
        assert "/cryptopay/checkout/" in paid_at["Location"]
        return Invoice.objects.for_order(order)[0]

    def state_of(self, order: Payment) -> str:
        payment = Payment.objects.get(pk=order.pk)
        figures = self.figures_of(payment)
        if payment.status == PaymentStatus.CONFIRMED:
            is_whole = payment.captured_amount == Decimal(figures["settled_amount"])
            return self.PAID if is_whole else self.PARTLY_REFUNDED
        closed = {PaymentStatus.REFUNDED: self.REFUNDED, PaymentStatus.REJECTED: self.CANCELLED}
        return closed.get(payment.status) or (self.ATTENTION if payment.message else self.OPEN)

    def paid_of(self, order: Payment) -> Decimal:
        payment = Payment.objects.get(pk=order.pk)
        return payment.captured_amount + self.refunded_of(order)

    def refunded_of(self, order: Payment) -> Decimal:
        return Decimal(self.figures_of(Payment.objects.get(pk=order.pk))["refunded_amount"])

    def figures_of(self, payment: Payment) -> dict[str, Any]:
        return getattr(payment.attrs, "cryptopay", {"settled_amount": "0", "refunded_amount": "0"})

    def fulfilments_of(self, order: Payment) -> int:
        return order.shipments.count()

    def refund_from_host(self, order: Payment, amount: Decimal) -> None:
        payment = Payment.objects.get(pk=order.pk)
        try:
            payment.refund(amount)
        except RefundAddressNeededError as error:
            token = error.url.rstrip("/").rpartition("/")[2]
            address, tag = self.customer_address(Invoice.objects.for_order(order)[0])
            name_refund_address(token, address=address, tag=tag)
            payment.refund(amount)

    def raise_price(self, order: Payment) -> None:
        Payment.objects.filter(pk=order.pk).update(total=self.price + 1)
