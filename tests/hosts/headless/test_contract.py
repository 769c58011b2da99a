"""The contract of adapters, on the headless shop: every request is one that its page sends, by a token of allauth."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Permission, User
from django.test import TransactionTestCase, override_settings
from shop.models import Order

from cryptopay_django.models import Invoice
from cryptopay_django.testing.adapters import AdapterContract

PASSWORD = "a-long-word-for-ada"


# Many customers sign up here in a minute.
@override_settings(ACCOUNT_RATE_LIMITS=False)
class HeadlessContract(AdapterContract, TransactionTestCase):
    price = Decimal("33.00")
    part = Decimal("13.00")

    def place_order(self) -> Order:
        session = self.request("POST", "/_allauth/app/v1/auth/signup", email=self.new_mail(), password=PASSWORD)
        self.token = session["meta"]["session_token"]
        made = self.request("POST", "/api/orders/", token=self.token, product="mug", quantity=2)
        return Order.objects.get(reference=made["reference"])

    def begin_payment(self, order: Order) -> Invoice:
        url = f"/api/orders/{order.reference}/pay/"
        state = self.request("POST", url, token=self.token, currency="BTC", network="bitcoin")
        assert state["payment"]["address"]
        return Invoice.objects.get(pk=state["id"])

    def state_of(self, order: Order) -> str:
        order.refresh_from_db()
        if order.status == "paid" and order.refunded_amount:
            return self.REFUNDED if order.refunded_amount >= order.paid_amount else self.PARTLY_REFUNDED
        return {"open": self.OPEN, "attention": self.ATTENTION, "paid": self.PAID, "cancelled": self.CANCELLED}[
            order.status
        ]

    def paid_of(self, order: Order) -> Decimal:
        return Order.objects.get(pk=order.pk).paid_amount

    def refunded_of(self, order: Order) -> Decimal:
        return Order.objects.get(pk=order.pk).refunded_amount

    def fulfilments_of(self, order: Order) -> int:
        return order.parcels.count()

    def refund_from_host(self, order: Order, amount: Decimal) -> None:
        """Refund as a back office of the shop's own does: by the staff endpoints, with a token like a customer's."""
        invoice = Invoice.objects.for_order(order).get()
        address, _ = self.customer_address(invoice)
        desk, token = f"/cryptopay/api/desk/invoices/{invoice.pk}", self.staff_token()
        version = self.request("GET", f"{desk}/", token=token)["version"]
        quote = self.request("POST", f"{desk}/refund-quote/", token=token, amount=f"{amount}", address=address)
        self.request(
            "POST", f"{desk}/refund/", token=token, quote=quote["quote"], expected_version=version, reason="came back"
        )

    def staff_token(self) -> str:
        ben = User.objects.create_user(f"ben {uuid4()}", self.new_mail(), PASSWORD)
        may = ["view_invoice", "refund_invoice_to_address"]
        ben.user_permissions.set(Permission.objects.filter(codename__in=may))
        session = self.request("POST", "/_allauth/app/v1/auth/login", email=ben.email, password=PASSWORD)
        return session["meta"]["session_token"]

    def new_mail(self) -> str:
        return f"{uuid4().hex[:12]}@shop.example"

    def raise_price(self, order: Order) -> None:
        Order.objects.filter(pk=order.pk).update(amount=self.price + 1)

    def request(self, method: str, url: str, *, token: str = "", **body: Any) -> Any:
        headers = {"X-Session-Token": token} if token else {}
        data = {"data": body, "content_type": "application/json"} if method == "POST" else {}
        answer = getattr(self.client, method.lower())(url, headers=headers, **data)
        assert answer.status_code in (200, 201), answer.content
        return answer.json()

    def test_another_customer_can_neither_see_nor_pay_an_order(self) -> None:
        order = self.place_order()
        self.place_order()

        seen = self.client.get(f"/api/orders/{order.reference}/", headers={"X-Session-Token": self.token})
        paid = self.client.post(
            f"/api/orders/{order.reference}/pay/",
            {"currency": "BTC"},
            content_type="application/json",
            headers={"X-Session-Token": self.token},
        )

        assert (seen.status_code, paid.status_code) == (404, 404)

    def test_a_paid_order_cannot_be_paid_again(self) -> None:
        order, first = self.paid()
        for coin in ("BTC", "LTC"):
            self.client.post(
                f"/api/orders/{order.reference}/pay/",
                {"currency": coin},
                content_type="application/json",
                headers={"X-Session-Token": self.token},
            )
        assert list(self.invoices_of(order)) == [first]

    def test_a_price_in_the_body_is_not_the_customers_to_choose(self) -> None:
        self.place_order()

        made = self.request("POST", "/api/orders/", token=self.token, product="mug", quantity=1, amount="0.01")

        assert made["amount"] == "16.50"
