"""Finding invoices by the shop's own order."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from cryptopay_django.models import Invoice
from cryptopay_django.models.orders import order_pointer
from cryptopay_django.testing.factories import InvoiceFactory

pytestmark = pytest.mark.django_db


def test_the_invoices_of_an_order_are_found_newest_first():
    order, other = User.objects.create(username="order"), Group.objects.create(pk=1, name="other")
    first = InvoiceFactory(**order_pointer(order))
    second = InvoiceFactory(**order_pointer(order))
    InvoiceFactory(**order_pointer(other))
    InvoiceFactory()

    assert list(Invoice.objects.for_order(order)) == [second, first]


def test_an_order_that_is_not_saved_has_no_invoices_to_look_for():
    with pytest.raises(ValueError, match="save the order first"):
        Invoice.objects.for_order(User(username="order"))


def test_an_invoice_says_what_it_is_without_secrets():
    invoice = InvoiceFactory(custom_id="order-17")

    assert str(invoice) == "order-17 (100 EUR in BTC, new)"
