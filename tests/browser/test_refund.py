"""A customer names the address for a refund in a real browser, on a phone, with scripts and without; axe looks at it."""

from __future__ import annotations

from typing import Any

import pytest

from cryptopay_django.models import Invoice
from cryptopay_django.pages.languages import LANGUAGES
from cryptopay_django.services import make_refund_link, named_refund_address
from tests.browser.conftest import DESKTOP, PHONE, violations
from tests.pages.states import unresolved
from tests.services.desk import ADDRESS

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]

RIPPLE = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"
NARROW = {"width": 320, "height": 640}


def short(**values: Any) -> Invoice:
    return unresolved("underpaid", part="0.5", network="bitcoin", **values)


def of_xrp() -> Invoice:
    invoice = short(pay_currency="XRP", address="rn7bmpBgwFTXtqsF8vPnXkJXrXcoUqtnmX")
    Invoice.objects.update(network="ripple")
    invoice.refresh_from_db(fields=["network"])
    return invoice


def link_of(live_server: Any, invoice: Invoice) -> str:
    return f"{live_server.url}/cryptopay/refund/{make_refund_link(invoice, actor='ada').token}/"


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_from_the_payment_page_to_the_named_address(scripts, open_page, live_server, settings):
    settings.CRYPTOPAY_ASK_REFUND_ADDRESS = True
    invoice, page = short(), open_page(java_script_enabled=scripts)
    page.goto(f"{live_server.url}/cryptopay/checkout/{invoice.pk}/")

    page.get_by_role("button", name="Name an address for a refund").click()
    page.get_by_label("Your address for Bitcoin").fill("nonsense")
    page.get_by_role("button", name="Continue").click()
    playwright.expect(page.get_by_role("alert")).to_contain_text("This is not an address on the network Bitcoin.")
    page.get_by_label("Your address for Bitcoin").fill(ADDRESS)
    page.get_by_role("button", name="Continue").click()
    playwright.expect(page.get_by_text(ADDRESS, exact=True)).to_be_visible()
    page.get_by_role("button", name="Yes, this is my address").click()
    playwright.expect(page.get_by_text("Thank you, we have your address")).to_be_visible()

    named = named_refund_address(invoice)
    assert named
    assert named.address == ADDRESS


def test_a_tag_or_the_word_that_none_is_needed(open_page, live_server):
    invoice, page = of_xrp(), open_page()
    page.goto(link_of(live_server, invoice))

    page.get_by_label("Your address for XRP").fill(RIPPLE)
    page.get_by_role("button", name="Continue").click()
    playwright.expect(page.get_by_role("alert")).to_contain_text("Enter this number")
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Continue").click()
    playwright.expect(page.get_by_text("No number needed")).to_be_visible()
    page.get_by_role("button", name="Change the address").click()
    page.get_by_role("checkbox").uncheck()
    page.locator("[name=tag]").fill("77")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Yes, this is my address").click()

    playwright.expect(page.get_by_text("Thank you, we have your address")).to_be_visible()
    named = named_refund_address(invoice)
    assert named
    assert (named.destination_tag, named.without_tag) == ("77", False)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_step_is_accessible(dark, open_page, live_server, axe):
    page = open_page(color_scheme="dark" if dark else "light")
    page.goto(link_of(live_server, of_xrp()))
    found = {"ask": violations(page, axe)}

    page.get_by_role("button", name="Continue").click()
    page.get_by_role("alert").first.wait_for()
    found["wrong"] = violations(page, axe)

    page.get_by_label("Your address for XRP").fill(RIPPLE)
    page.locator("[name=tag]").fill("77")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Please compare once more").wait_for()
    found["confirm"] = violations(page, axe)

    page.get_by_role("button", name="Yes, this is my address").click()
    page.get_by_role("heading", name="Thank you, we have your address").wait_for()
    found["done"] = violations(page, axe)

    assert found == {"ask": [], "wrong": [], "confirm": [], "done": []}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_wider_than_the_screen(language, open_page, live_server):
    link = link_of(live_server, of_xrp())
    page = open_page()
    for size in (NARROW, PHONE, DESKTOP):
        page.set_viewport_size(size)
        page.goto(f"{link}?lang={language}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), size
        page.locator("[name=address]").fill(RIPPLE)
        page.locator("[name=tag]").fill("77")
        page.locator("form button.cp-primary").click()
        page.locator("button[name=confirmed]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), size
