"""A project that was made by the page of the documentation alone sells, and takes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from guide import make_project
from serving import served

SETTINGS = """
INSTALLED_APPS += ["payments", "shop"]
PAYMENT_USES_SSL = False
PAYMENT_MODEL = "shop.Payment"
PAYMENT_VARIANTS = {}
"""
URLS = """
from django.contrib import admin
from django.urls import include, path

from shop import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("payments/", include("payments.urls")),
    path("", views.buy, name="buy"),
    path("orders/<int:payment_id>/pay/", views.payment_details, name="payment_details"),
    path("orders/<int:payment_id>/<str:result>/", views.order, name="order"),
]
"""
TAKE_BACK = """
from decimal import Decimal
from shop.models import Payment
from shop.returns import take_back
print(take_back(Payment.objects.get(), Decimal(40)))
"""


@pytest.fixture
def customer(tmp_path):
    (folder := tmp_path / "project").mkdir()
    shop = Path(__file__).parent / "project" / "shop"
    project = make_project("payments.md", folder, shop=shop, settings=SETTINGS, urls=URLS)
    with served(project, tmp_path) as customer:
        yield customer


def test_a_shop_made_by_the_page_sells_and_takes_back(customer):
    page = customer.submit(customer.get("/"), {"variant": "coins"})
    customer.submit(page, {"coin": "BTC/bitcoin"})
    invoice = customer.newest_invoice()
    customer.control("pay", invoice_id=invoice["id"])
    customer.control("confirm", invoice_id=invoice["id"])

    assert "success: confirmed, 100.00 EUR" in customer.get(invoice["success_redirect_url"]).text
    mail, asked = (customer.manage("shell", "-v", "0", "-c", TAKE_BACK) for _ in range(2))
    assert "Subject: Your refund" in mail
    assert "/cryptopay/refund/" in mail
    assert asked == "The customer was asked for an address. Refund again when they have answered."
    assert "no issues" in customer.manage("check")
