"""A guest buys over real HTTP, by salesman's API and our payment page; staff refund in the API."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving import served

from cryptopay_django.sandbox.addresses import make_address

PROJECT = Path(__file__).parent / "project"
BUYER = {"email": "ada@example.org", "shipping_address": "1 Quay", "billing_address": "1 Quay"}


@pytest.fixture(scope="module")
def customer(tmp_path_factory):
    with served(PROJECT, tmp_path_factory.mktemp("shop"), prepare=["fill_shop"]) as customer:
        yield customer


@pytest.mark.parametrize("method", ["coins", "bitcoin"])
def test_two_mugs_are_bought_and_returned(customer, method):
    customer.control("deposit", currency="EUR", amount="1000")
    customer.send("/api/basket/", {"product_type": "shop.Product", "product_id": 1, "quantity": 2})
    page = customer.get(customer.send("/api/checkout/", {**BUYER, "payment_method": method})["url"])
    if method == "coins":
        page = customer.submit(page, {"coin": "BTC/bitcoin"})
    assert "/cryptopay/checkout/" in page.url
    invoice = customer.newest_invoice()

    customer.control("pay", invoice_id=invoice["id"])
    customer.control("confirm", invoice_id=invoice["id"])

    order = customer.manage("show_order", invoice["name"]).split()
    assert order == ["PROCESSING", "100.00"]

    address, _ = make_address("bitcoin", seed="customer", index="refund")
    form = customer.get(customer.manage("ask_address", invoice["name"]))
    confirmation = customer.submit(form, {"address": address})
    customer.submit(confirmation, {"address": address, "confirmed": "1"})
    staff = {"auth": ("admin", "admin")}
    refunded = customer.session.post(f"{customer.shop}/api/orders/{invoice['name']}/refund/", timeout=30, **staff)

    assert (refunded.status_code, refunded.json()["failed"]) == (200, [])
    assert customer.manage("show_order", invoice["name"]).split() == ["REFUNDED", "0.00"]
    assert address in [one["address"] for one in customer.state()["withdrawals"] if one["status"] != "new"]
