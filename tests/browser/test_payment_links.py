"""Payment links and the counter in a real browser: paid with and without scripts, in every language, looked at by axe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.test import Client

from cryptopay_django.models import Invoice, PaymentLink
from cryptopay_django.pages.languages import LANGUAGES
from cryptopay_django.services import cancel_payment_link, create_payment_link
from tests.browser.conftest import DESKTOP, violations
from tests.browser.layout import faults_of

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]

WIDTHS = (320, 390, 1280)
TABLET = {"width": 1024, "height": 768}


@pytest.fixture(autouse=True)
def site(shop, settings) -> None:
    """The usual site, with the admin, for the login."""
    settings.ROOT_URLCONF = "tests.urls"


def link_for(**values: Any) -> PaymentLink:
    usual = {"actor": "ada", "price_currency": "EUR", "price_amount": "12345.67", "description": "Workshop on 3 May"}
    return create_payment_link(**usual | values)


def donation(**values: Any) -> PaymentLink:
    usual = {"price_amount": None, "least_amount": "5", "most_amount": "1000", "kind": "donation", "is_reusable": True}
    return link_for(**usual | values)


@pytest.fixture
def clerk(open_page, live_server) -> Callable[..., Any]:
    """Open the keypad on a tablet, as a member of staff who is logged in."""
    user = User.objects.create_superuser("ada", "", "secret")
    client = Client()
    client.force_login(user)
    session = client.cookies[project.SESSION_COOKIE_NAME].value

    def clerk(**options: Any) -> Any:
        page = open_page(**options)
        page.set_viewport_size(TABLET)
        page.context.add_cookies([{"name": project.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        page.goto(f"{live_server.url}/cryptopay/counter/")
        return page

    return clerk


def choose_bitcoin(page: Any) -> None:
    page.locator("summary").filter(has_text="Bitcoin").first.click()
    page.locator("details [name=coin]").first.check()
    page.get_by_role("button", name="Continue").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_donation_from_the_link_to_the_payment_page(scripts, open_page, live_server):
    page = open_page(java_script_enabled=scripts)
    page.goto(f"{live_server.url}/cryptopay/pay/{donation().token}/")

    page.get_by_label("Amount").fill("4")
    choose_bitcoin(page)
    playwright.expect(page.get_by_role("alert")).to_contain_text("Please enter an amount that is possible here")
    page.get_by_label("Amount").fill("25,50")
    page.get_by_role("button", name="Continue").click()

    playwright.expect(page.get_by_role("heading", name="Payment of 25.50 EUR")).to_be_visible()
    playwright.expect(page.get_by_text("Send exactly", exact=True)).to_be_visible()
    assert f"{Invoice.objects.get().price_amount:f}" == "25.5"


def test_the_counter_follows_the_customers_phone_until_it_is_paid(clerk, open_page, live_server, cryptopay_sandbox):
    page, phone = clerk(), open_page()
    for key in ("1", "2", ".", "5", "9", "back", "0"):
        page.locator(f'[data-cp-key="{key}"]').click()
    playwright.expect(page.get_by_label("Amount")).to_have_value("12.50")
    page.get_by_role("button", name="Show the QR code").click()
    playwright.expect(page.get_by_role("img", name="QR code of the payment page")).to_be_visible()

    phone.goto(f"{live_server.url}/cryptopay/pay/{PaymentLink.objects.get().token}/")
    playwright.expect(page.get_by_role("heading", name="The payment page is open")).to_be_visible()
    choose_bitcoin(phone)
    playwright.expect(phone.get_by_text("Send exactly", exact=True)).to_be_visible()
    playwright.expect(page.get_by_role("heading", name="Waiting for the payment")).to_be_visible()
    invoice = Invoice.objects.get()
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    playwright.expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    assert page.title().startswith("Paid")
    playwright.expect(page.get_by_role("img", name="QR code")).to_have_count(0)
    page.get_by_role("link", name="Next amount").click()
    playwright.expect(page.get_by_label("Amount")).to_have_value("")


def test_the_counter_goes_back_by_itself_when_it_was_paid(clerk, live_server, cryptopay_sandbox):
    page, link = clerk(), link_for(kind="counter", price_amount="5")
    customer = Client()
    customer.post(f"/cryptopay/pay/{link.token}/", {"coin": "BTC/bitcoin"})
    invoice = Invoice.objects.get()
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    page.clock.install()

    page.goto(f"{live_server.url}/cryptopay/counter/{link.pk}/")
    playwright.expect(page.get_by_role("heading", name="Paid")).to_be_visible()
    page.clock.run_for(20_000)

    playwright.expect(page.get_by_role("button", name="Show the QR code")).to_be_visible()
    playwright.expect(page.get_by_text("Last amounts")).to_be_visible()


def test_the_counter_works_without_scripts(clerk):
    page = clerk(java_script_enabled=False)
    assert not page.locator("[data-cp-keys]").is_visible()

    page.get_by_label("Amount").fill("3")
    page.get_by_role("button", name="Show the QR code").click()
    playwright.expect(page.get_by_role("img", name="QR code of the payment page")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()

    playwright.expect(page.get_by_role("button", name="Show the QR code")).to_be_visible()
    assert PaymentLink.objects.get().cancelled_by == "ada"


def test_the_code_is_as_large_as_the_tablet_allows(clerk):
    page = clerk()
    page.get_by_label("Amount").fill("3")
    page.get_by_role("button", name="Show the QR code").click()
    code = page.get_by_role("img", name="QR code of the payment page")
    code.wait_for()

    landscape = code.bounding_box()
    page.set_viewport_size({"width": 768, "height": 1024})
    portrait = code.bounding_box()

    assert min(landscape["width"], landscape["height"]) > 420
    assert min(portrait["width"], portrait["height"]) > 500
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_cut_in_any_language(language, open_page, live_server, clerk):
    single, gift, over = link_for(), donation(), cancel_payment_link(link_for(), actor="ada")
    page = open_page()
    found = []
    for link in (single, gift, over):
        page.goto(f"{live_server.url}/cryptopay/pay/{link.token}/?lang={language}")
        found += faults_of(page, widths=WIDTHS)
    tablet, counter = clerk(), f"{live_server.url}/cryptopay/counter/"
    for path in (
        "",
        f"{link_for(kind='counter').pk}/",
        f"{cancel_payment_link(link_for(kind='counter'), actor='x').pk}/",
    ):
        tablet.goto(f"{counter}{path}?lang={language}")
        found += faults_of(tablet, widths=(*WIDTHS, 768, 1024))

    assert found == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing(dark, open_page, live_server, axe, clerk, cryptopay_sandbox):
    options = {"color_scheme": "dark" if dark else "light"}
    page, found = open_page(**options), {}
    gift = donation()
    for name, link in {
        "single": link_for(),
        "over": cancel_payment_link(link_for(), actor="ada"),
        "gift": gift,
    }.items():
        page.goto(f"{live_server.url}/cryptopay/pay/{link.token}/")
        found[name] = violations(page, axe)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("alert").first.wait_for()
    found["wrong"] = violations(page, axe)

    tablet = clerk(**options)
    found["keypad"] = violations(tablet, axe)
    tablet.get_by_label("Amount").fill("3")
    tablet.get_by_role("button", name="Show the QR code").click()
    tablet.get_by_role("img", name="QR code of the payment page").wait_for()
    found["code"] = violations(tablet, axe)
    Client().post(f"/cryptopay/pay/{PaymentLink.objects.latest('created_at').token}/", {"coin": "BTC/bitcoin"})
    invoice = Invoice.objects.get()
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    tablet.set_viewport_size(DESKTOP)
    tablet.get_by_role("heading", name="Paid").wait_for()
    found["paid"] = violations(tablet, axe)

    assert len(found) == 7
    assert {name: faults for name, faults in found.items() if faults} == {}
