"""A context processor of the shop gives names of its own to every template; the pages of the admin show none of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpRequest
from django.urls import path

import cryptopay_django
from cryptopay_django.models import Resolution
from cryptopay_django.testing.factories import CallbackFactory, RefundFactory
from tests.pages.test_host_names import names_read_by, shown_twice
from tests.pages.test_payment_links import link_for
from tests.pages.urls import urlpatterns as pages

pytestmark = pytest.mark.django_db

NAMES = names_read_by((Path(cryptopay_django.__file__).parent / "templates/admin").rglob("*.html"))
urlpatterns = [*pages, path("admin/", admin.site.urls)]


def of_the_shop(request: HttpRequest) -> dict[str, Any]:
    """The context processor: each name that a page's template reads."""
    return dict.fromkeys(NAMES, "of the shop")


def decision(desk) -> Resolution:
    return Resolution.objects.create(
        invoice=desk.underpaid(), kind="refund", actor="ada", reason="asked", active=True, needs_approval=True,
        parameters={"call": "refund", "refund_overage": False, "address": None},
    )  # fmt: skip


PAGES = {
    **{
        f"list, {name}": lambda desk, name=name: desk.url(f"{name}_changelist")
        for name in ("invoice", "callback", "refund", "resolution", "channel", "channelpayment", "paymentlink")
    },
    **{
        f"desk, {name}": lambda desk, name=name: desk.url(f"invoice_{name}")
        for name in ("overview", "doctor", "ledger", "statement", "books", "books_close")
    },
    **{
        f"odd form, {name}": lambda desk, name=name: desk.url(f"invoice_{name}") + "?since=x&begin=x&until=x&account=x"
        for name in ("ledger", "statement", "books", "books_close")
    },
    **{
        f"underpaid, {name}": lambda desk, name=name: desk.url(f"invoice_{name}", desk.underpaid().pk)
        for name in ("change", "settle", "refund", "refund-link", "mails")
    },
    "overpaid, settle": lambda desk: desk.url("invoice_settle", desk.overpaid().pk),
    "held": lambda desk: desk.url("invoice_change", desk.held().pk),
    "new": lambda desk: desk.url("invoice_change", desk.ordered().pk),
    "completed": lambda desk: desk.url("invoice_change", desk.paid_in("BTC").pk),
    "completed, return": lambda desk: desk.url("invoice_return", desk.paid_in("BTC").pk),
    "under way": lambda desk: desk.url("invoice_change", decision(desk).invoice_id),
    "confirm": lambda desk: desk.url("resolution_approve", decision(desk).pk),
    "callback": lambda desk: desk.url("callback_change", CallbackFactory(invoice=desk.ordered()).pk),
    "callback of nothing": lambda desk: desk.url("callback_change", CallbackFactory().pk),
    "callbacks, not ours": lambda desk: desk.url("callback_foreign"),
    "refund": lambda desk: desk.url("refund_change", RefundFactory(invoice=desk.ordered()).pk),
    "resolution": lambda desk: desk.url("resolution_change", decision(desk).pk),
    "channel": lambda desk: desk.url("channel_change", desk.topped_up().channel.pk),
    "channel, disable": lambda desk: desk.url("channel_disable", desk.channel().pk),
    "channel's payment": lambda desk: desk.url("channelpayment_change", desk.topped_up().pk),
    "payment link": lambda desk: desk.url("paymentlink_change", link_for().pk),
    "payment link, new": lambda desk: desk.url("paymentlink_add"),
}
SEVERAL = {
    "invoices, refund": lambda desk: (desk.url("invoice_bulk", "refund"), {"invoice": f"{desk.underpaid().pk}:1"}),
    "invoices, deliver again": lambda desk: (desk.url("invoice_deliver_again"), {"invoice": desk.paid_in("BTC").pk}),
    "channels, disable": lambda desk: (desk.url("channel_several", "disable"), {"channel": f"{desk.channel().pk}:1"}),
}


@pytest.fixture
def look(settings, admin_client):
    settings.ROOT_URLCONF = __name__
    return shown_twice(settings, admin_client, f"{__name__}.of_the_shop")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_admin_shows_nothing_that_the_shop_calls_by_the_same_name(desk, look, page):
    plain, in_shop = look(PAGES[page](desk))

    assert "<" in plain
    assert in_shop == plain


@pytest.mark.parametrize("page", SEVERAL)
def test_the_form_for_several_rows_shows_nothing_that_the_shop_calls_by_the_same_name(desk, look, page):
    plain, in_shop = look(*SEVERAL[page](desk))

    assert 'name="reason"' in plain
    assert in_shop == plain
