"""The payment page in a frame of a page of the shop, of the same origin and of another site."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from cryptopay_django.models import Invoice
from tests.pages.states import completed, invoice

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


@pytest.fixture(params=["the same origin", "another site"])
def frame(request, open_page, live_server, settings) -> Callable[[Invoice], tuple[Any, Any]]:
    """Return a function that opens a page of the shop with the payment in a frame, and returns both."""
    own = live_server.url.replace("localhost", "127.0.0.1")
    # The same server by another name: for a browser that is another site, which gets no cookies of the first.
    shop = own if request.param == "the same origin" else own.replace("127.0.0.1", "localhost")
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    settings.CRYPTOPAY_PAGE_POLICY = {"frame-ancestors": shop}

    def frame(made: Invoice) -> tuple[Any, Any]:
        page = open_page()
        page.goto(f"{shop}/framed/?url={own}/cryptopay/checkout/{made.pk}/")
        return page, page.frame_locator("iframe")

    return frame


def test_the_page_follows_the_payment_in_a_frame(frame):
    made = invoice()
    _page, inside = frame(made)
    playwright.expect(inside.get_by_role("heading", name="Waiting for your payment")).to_be_visible()

    Invoice.objects.filter(pk=made.pk).update(status="cancelled")

    playwright.expect(inside.get_by_role("heading", name="Waiting for your payment")).to_be_hidden(timeout=20_000)


def test_an_address_is_copied_in_a_frame(frame):
    _page, inside = frame(invoice())

    inside.get_by_role("button", name="Copy").first.click()

    playwright.expect(inside.get_by_text("Copied", exact=True).first).to_be_visible()


def test_a_customer_who_has_sent_it_is_answered_in_a_frame(frame):
    _page, inside = frame(invoice(expires_in=-timedelta(minutes=3)))

    inside.get_by_role("button", name="I have sent it").click()

    playwright.expect(inside.locator(".cp-note").first).to_be_visible()


def test_the_way_back_to_the_shop_leads_out_of_the_frame(frame):
    page, inside = frame(completed())
    thanks = {"body": "<!doctype html><title>Thanks</title>", "content_type": "text/html"}
    page.route("https://shop.example/**", lambda route: route.fulfill(**thanks, headers={"X-Frame-Options": "DENY"}))

    inside.get_by_role("link", name="Back to the shop").click()

    page.wait_for_url("https://shop.example/orders/**")
