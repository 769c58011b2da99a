"""The invoices of an order, and what was paid for it, on the admin's page of any order model."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.admin import OrderInvoicesInline
from cryptopay_django.models import Invoice, NoticeSchedule
from cryptopay_django.models.orders import order_pointer
from cryptopay_django.testing.factories import ChannelFactory, InvoiceFactory

pytestmark = pytest.mark.django_db


class Inline(OrderInvoicesInline):
    def get_price(self, order):
        return Decimal(100), "EUR"


@pytest.fixture
def page_of(rf, admin_user):
    """Return a function that gives the text of an order's page, for a ModelAdmin with our inline."""

    def page_of(order, inline=Inline, user=admin_user, site=admin.site) -> str:
        class OrderAdmin(admin.ModelAdmin):
            inlines = [inline]

        request = rf.get("/")
        request.user = user
        return OrderAdmin(type(order), site).change_view(request, str(order.pk)).render().text

    return page_of


ORDERS = {
    "an integer": lambda: Group.objects.create(name="order"),
    "a UUID": ChannelFactory,
    "a text": lambda: NoticeSchedule.objects.create(kind="order-4711", next_attempt_at=timezone.now()),
}


@pytest.mark.parametrize("kind", ORDERS)
def test_the_invoices_of_an_order_with_any_key_are_found(rf, admin_user, kind):
    order = ORDERS[kind]()
    mine = InvoiceFactory(**order_pointer(order), status="completed", settled_amount=Decimal(60))
    InvoiceFactory()
    request = rf.get("/")
    request.user = admin_user

    formset = Inline(type(order), admin.site).get_formset(request, order)(instance=order)

    (line,) = formset.cryptopay["invoices"]
    assert line["url"] == reverse("admin:cryptopay_django_invoice_change", args=[mine.pk])
    assert ("missing", "40.00 EUR") in formset.cryptopay["sums"]


def test_the_page_of_an_order_shows_its_invoices_and_sums(page_of):
    order = Group.objects.create(name="order")
    mine = InvoiceFactory(**order_pointer(order), status="completed", settled_amount=Decimal(60))

    page = page_of(order)

    assert reverse("admin:cryptopay_django_invoice_change", args=[mine.pk]) in page
    assert "<dt>missing</dt><dd>40.00 EUR</dd>" in page
    assert "paid twice" not in page


def test_an_order_that_is_paid_twice_is_an_alarm(page_of):
    order = Group.objects.create(name="order")
    InvoiceFactory.create_batch(2, **order_pointer(order), status="completed", settled_amount=Decimal(100))

    page = page_of(order)

    assert "This order may be paid twice." in page
    assert "<dt>overpaid</dt><dd>100.00 EUR</dd>" in page


def test_without_a_price_nothing_is_said_to_be_missing(page_of):
    order = Group.objects.create(name="order")
    InvoiceFactory(**order_pointer(order), paid_amount=Decimal("0.001"), pay_amount=None, exchange_rate=None)

    page = page_of(order, OrderInvoicesInline)

    assert "missing" not in page.partition("Crypto payments")[2]
    assert "pending 0.001 BTC" in page


def test_several_currencies_are_a_text_and_no_error(page_of):
    order = Group.objects.create(name="order")
    InvoiceFactory(**order_pointer(order), price_currency="USD")
    InvoiceFactory(**order_pointer(order))

    assert "EUR, USD" in page_of(order, OrderInvoicesInline)


def test_an_order_without_invoices_and_a_new_one_have_a_page(page_of, admin_user, rf):
    assert "There is no invoice yet." in page_of(Group.objects.create(name="order"))

    class OrderAdmin(admin.ModelAdmin):
        inlines = [Inline]

    request = rf.get("/")
    request.user = admin_user
    assert OrderAdmin(Group, admin.site).add_view(request).render().status_code == 200


def test_who_may_not_see_invoices_sees_none_of_them(page_of):
    order = Group.objects.create(name="order")
    made = InvoiceFactory(**order_pointer(order))
    user = User.objects.create(username="clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_group"))

    page = page_of(order, user=user)

    assert (str(made.pk) in page, "Crypto payments" in page) == (False, False)


def test_on_a_site_without_our_admin_there_are_no_links(page_of):
    order = Group.objects.create(name="order")
    made = InvoiceFactory(**order_pointer(order))
    assert made.custom_id

    assert "cryptopay_django/invoice/" not in page_of(order, site=admin.AdminSite(name="another"))


def test_saving_the_order_changes_no_invoice(rf, admin_user):
    order = Group.objects.create(name="order")
    made = InvoiceFactory(**order_pointer(order))

    class OrderAdmin(admin.ModelAdmin):
        inlines = [Inline]

    site = admin.site
    view = OrderAdmin(Group, site)
    prefix = "cryptopay_django-invoice-order_content_type-order_object_id"
    data = {"name": "renamed", f"{prefix}-TOTAL_FORMS": "1", f"{prefix}-INITIAL_FORMS": "1", f"{prefix}-0-id": made.pk}
    request = RequestFactory().post("/", {**data, f"{prefix}-0-custom_id": "stolen"})
    request.user, request._dont_enforce_csrf_checks = admin_user, True
    request.session, request._messages = {}, _Messages()

    answer = view.change_view(request, str(order.pk))

    assert answer.status_code == 302
    order.refresh_from_db()
    assert order.name == "renamed"
    assert Invoice.objects.get().custom_id == made.custom_id


class _Messages:
    def add(self, *args):
        pass
