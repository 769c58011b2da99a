"""What the tests of the payment method share: orders of the shop, and how far they have come."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.cache import cache
from django.test import Client
from salesman.checkout.payment import payment_methods_pool
from salesman.core.utils import get_salesman_model
from shop.models import Product

from cryptopay_django.models import Invoice
from cryptopay_django.services import process_overdue

COIN = {"coin": "BTC/bitcoin"}
BUYER = {"email": "ada@example.org", "shipping_address": "1 Quay", "billing_address": "1 Quay"}


@pytest.fixture(autouse=True)
def _forget():
    """What another test's gateway did not list is not remembered."""
    cache.clear()


@pytest.fixture
def order(transactional_db, cryptopay_sandbox):
    """Check a basket out as a guest, and return the order."""

    def order(method="coins"):
        cryptopay_sandbox.deposit("EUR", "1000")
        guest = Client()
        mug = Product.objects.create(name="Mug", price=Decimal("50.00"))
        line = {"product_type": "shop.Product", "product_id": mug.pk, "quantity": 2}
        assert guest.post("/api/basket/", line, content_type="application/json").status_code == 201
        url = guest.post("/api/checkout/", {**BUYER, "payment_method": method}).json()["url"]
        assert guest.get("/api/basket/").json()["items"] == []
        return get_salesman_model("Order").objects.get(token=url.rstrip("/").rpartition("/")[2])

    return order


@pytest.fixture
def invoice_of(client):
    """Choose a coin for an order, and return its newest invoice."""

    def invoice_of(order):
        client.post(pay_page(order), COIN)
        return Invoice.objects.for_order(order)[0]

    return invoice_of


@pytest.fixture
def pay(cryptopay_sandbox, invoice_of):
    """Pay the newest invoice of an order, and return the order as it is then."""

    def pay(order, factor="1"):
        invoice = invoice_of(order)
        cryptopay_sandbox.pay(invoice, factor)
        cryptopay_sandbox.confirm(invoice)
        if Decimal(factor) < 1:
            cryptopay_sandbox.advance(minutes=11)
        cryptopay_sandbox.deliver()
        process_overdue()
        return again(order)

    return pay


@pytest.fixture
def coins():
    """The shop's payment method, with its own settings for a test."""
    method = payment_methods_pool.get_payment("coins")
    yield method
    method.__dict__.clear()


def pay_page(order, method="coins"):
    """Return the path of the payment page."""
    return f"/api/payment/{method}/{order.token}/"


def again(order):
    """Return an order as the database has it."""
    return get_salesman_model("Order").objects.get(pk=order.pk)


def notes_of(order):
    """Return what staff find on an order."""
    return [note.message for note in order.notes.order_by("pk")]
