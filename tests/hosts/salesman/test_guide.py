"""A project that was made by the page of the documentation alone sells."""

from __future__ import annotations

from pathlib import Path

import pytest
from guide import make_project
from serving import served

SETTINGS = """
INSTALLED_APPS += [
    "salesman.core", "salesman.basket", "salesman.checkout", "salesman.orders", "salesman.admin", "rest_framework", "shop",
]
SALESMAN_PRODUCT_TYPES = {"shop.Product": "shop.serializers.ProductSerializer"}
"""
URLS = """
from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("api/", include("salesman.urls"))]
"""
BUYER = {"email": "ada@example.org", "shipping_address": "1 Quay", "billing_address": "1 Quay"}


@pytest.fixture
def customer(tmp_path):
    (folder := tmp_path / "project").mkdir()
    shop = Path(__file__).parent / "project" / "shop"
    project = make_project("salesman.md", folder, shop=shop, settings=SETTINGS, urls=URLS)
    with served(project, tmp_path, prepare=["fill_shop"]) as customer:
        yield customer


def test_a_shop_made_by_the_page_sells(customer):
    customer.send("/api/basket/", {"product_type": "shop.Product", "product_id": 1, "quantity": 2})
    page = customer.get(customer.send("/api/checkout/", {**BUYER, "payment_method": "coins"})["url"])
    customer.submit(page, {"coin": "BTC/bitcoin"})
    invoice = customer.newest_invoice()

    customer.control("pay", invoice_id=invoice["id"])
    customer.control("confirm", invoice_id=invoice["id"])

    order = customer.get(invoice["success_redirect_url"]).json()
    assert (order["status"], order["is_paid"], order["amount_paid"]) == ("PROCESSING", True, "100.00")
    assert "no issues" in customer.manage("check")
