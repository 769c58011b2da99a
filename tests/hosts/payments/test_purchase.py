"""A customer buys over real HTTP, from the shop's page to the paid order; every process is its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from serving import served

from cryptopay_django.sandbox.addresses import make_address

PROJECT = Path(__file__).parent / "project"


@pytest.fixture(scope="module")
def customer(tmp_path_factory):
    with served(PROJECT, tmp_path_factory.mktemp("shop")) as customer:
        yield customer


@pytest.mark.parametrize("variant", ["coins", "bitcoin"])
def test_a_mug_is_bought(customer, variant):
    page = customer.submit(customer.get("/"), {"variant": variant})
    if variant != "bitcoin":
        page = customer.submit(page, {"coin": "BTC/bitcoin"})
    assert "/cryptopay/checkout/" in page.url
    invoice = customer.newest_invoice()

    customer.control("pay", invoice_id=invoice["id"])
    customer.control("confirm", invoice_id=invoice["id"])

    order = customer.get(invoice["success_redirect_url"])
    assert "success: confirmed, 100.00 EUR" in order.text


def test_a_mug_is_returned_in_two_parts(customer):
    customer.control("deposit", currency="EUR", amount="1000")
    page = customer.submit(customer.get("/"), {"variant": "bitcoin"})
    invoice = customer.newest_invoice()
    customer.control("pay", invoice_id=invoice["id"])
    customer.control("confirm", invoice_id=invoice["id"])
    order = customer.get(invoice["success_redirect_url"])
    payment = re.search(r"/orders/(\d+)/", order.url)[1]

    link = customer.manage("refund", payment, "40")
    form = customer.get(link)
    address, _ = make_address("bitcoin", seed="customer", index="refund")
    confirmation = customer.submit(form, {"address": address})
    customer.submit(confirmation, {"address": address, "confirmed": "1"})
    said = customer.manage("refund", payment, "40"), customer.manage("refund", payment, "60")

    assert said == ("confirmed, 60.00 EUR are left", "refunded, 0.00 EUR are left")
    sent = [one for one in customer.state()["withdrawals"] if one["status"] != "new"]
    assert [one["address"] for one in sent] == [address, address]
    assert "/cryptopay/checkout/" in page.url
