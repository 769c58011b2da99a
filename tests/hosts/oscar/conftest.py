"""A shop with one mug for 100.00 GBP, which oscar's documentation calls the default currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.management import call_command
from oscar.core.loading import get_model


def stock_shop():
    """Put into an empty database what every shop has; return the path of the mug's page."""
    call_command("oscar_populate_countries", initial_only=True, verbosity=0)
    kind = get_model("catalogue", "ProductClass").objects.create(name="Mugs", track_stock=True)
    mug = get_model("catalogue", "Product").objects.create(title="Blue mug", product_class=kind, slug="blue-mug")
    partner = get_model("partner", "Partner").objects.create(name="Potter")
    stock = {"partner_sku": "mug-1", "price_currency": "GBP", "price": Decimal("100.00"), "num_in_stock": 1000}
    get_model("partner", "StockRecord").objects.create(product=mug, partner=partner, **stock)
    return mug.get_absolute_url()


@pytest.fixture
def mug(transactional_db):
    """The path of the page of the only product."""
    return stock_shop()
