"""Customers pay on the page in a real browser, phone and desktop, with scripts and without; axe looks at every state."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from cryptopay_django.models import Invoice
from cryptopay_django.pages.languages import LANGUAGES
from cryptopay_django.services import create_invoice
from tests.browser.conftest import DESKTOP, PHONE, violations, wake
from tests.browser.layout import faults_of
from tests.pages.states import STATES, invoice, tagged

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("shop")]


def address_of(live_server: Any, made: Invoice) -> str:
    return f"{live_server.url}/cryptopay/checkout/{made.pk}/"


class Customer:
    """A person at a browser, and the sandbox that plays everything behind the wallet."""

    def __init__(self, page: Any, sandbox: Any, url: str, *, scripts: bool) -> None:
        self.page, self.sandbox, self.url, self.scripts = page, sandbox, url, scripts

    def choose(self, coin: str) -> Invoice:
        order = Group.objects.create(name="49.90")
        self.page.goto(f"{self.url}/pay/{order.pk}/")
        choice = self.page.locator(f'input[value="{coin}"]')
        if not choice.is_visible():
            self.page.locator("details", has=choice).locator("summary").click()
        choice.check()
        self.page.get_by_role("button", name="Continue").click()
        self.page.wait_for_url("**/checkout/**")  # a page that is just being left cannot be reloaded
        self.sees("Waiting for your payment")
        return Invoice.objects.get()

    def sees(self, title: str) -> None:
        if not self.scripts:
            self.page.reload()
        else:
            wake(self.page)
        playwright.expect(self.page.get_by_role("heading", name=title, exact=True)).to_be_visible()

    def pays(self, made: Invoice, factor: str = "1", *, confirm: bool = True, **how: Any) -> None:
        self.sandbox.pay(made, factor=factor, **how)
        self.sandbox.deliver()
        if confirm:
            self.sandbox.confirm(made)
            self.sandbox.deliver()


@pytest.fixture(params=["phone", "phone without scripts", "desktop", "desktop without scripts"])
def customer(request, open_page, cryptopay_sandbox, live_server) -> Customer:
    scripts = "without" not in request.param
    page = open_page(java_script_enabled=scripts, base_url=live_server.url)
    page.set_viewport_size(PHONE if "phone" in request.param else DESKTOP)
    return Customer(page, cryptopay_sandbox, live_server.url, scripts=scripts)


def test_paying_exactly(customer):
    made = customer.choose("BTC/bitcoin")
    playwright.expect(customer.page.get_by_text(made.address, exact=True)).to_be_visible()
    assert (customer.page.get_by_role("button", name="Copy").count() > 0) == customer.scripts

    customer.pays(made, confirm=False)
    customer.sees("Payment seen")
    customer.sandbox.confirm(made)
    customer.sandbox.deliver()

    customer.sees("Paid")
    assert customer.page.locator("svg").count() == 0


BOTH_ENDS = pytest.mark.parametrize("customer", ["phone", "desktop without scripts"], indirect=True)


@BOTH_ENDS
def test_paying_in_two_parts(customer):
    made = customer.choose("USDT/polygon")
    customer.pays(made, "0.4")
    customer.sees(re.compile("^Part paid. Send only the rest: "))
    made.refresh_from_db()
    rest = f"{(made.pay_amount - made.paid_amount).normalize():f}"
    playwright.expect(customer.page.get_by_text(rest, exact=True)).to_be_visible()

    customer.pays(made, amount="rest")

    customer.sees("Paid")


WAYS = {
    "Too little has arrived": {"factor": "0.5"},
    "Too much has arrived": {"factor": "2"},
    "Your payment arrived late": {"late": True},
    "Your payment is being checked": {"risk": "high"},
}


@BOTH_ENDS
def test_paying_too_little_too_much_late_or_from_a_doubted_wallet(customer):
    for title, how in WAYS.items():
        made = create_invoice(price_amount="49.90", price_currency="EUR", pay_currency="XRP", network="ripple")
        customer.page.goto(f"{customer.url}/cryptopay/checkout/{made.pk}/")
        playwright.expect(customer.page.get_by_text(made.destination_tag, exact=True)).to_be_visible()
        payment = dict(how)
        if payment.pop("late", False):
            customer.sandbox.advance(minutes=11)
        customer.pays(made, **payment)
        customer.sandbox.advance(minutes=11)
        customer.sandbox.deliver()

        customer.sees(title)

        playwright.expect(customer.page.get_by_text("help@shop.example")).to_be_visible()


@BOTH_ENDS
def test_saying_that_it_was_sent(customer):
    made = customer.choose("BTC/bitcoin")
    Invoice.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    customer.sees("The time to pay is over")

    customer.page.get_by_role("button", name="I have sent it").click()
    playwright.expect(customer.page.get_by_text("your payment is not visible yet").last).to_be_visible()
    assert f"/checkout/{made.pk}/" in customer.page.url

    cache.clear()
    Invoice.objects.update(polled_at=None)
    customer.sandbox.pay(made)
    customer.sandbox.confirm(made)
    customer.page.get_by_role("button", name="I have sent it").click()
    playwright.expect(customer.page.get_by_role("heading", name="Paid", exact=True)).to_be_visible()


def test_copying_gives_the_plain_value(open_page, live_server):
    made = tagged()
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(address_of(live_server, made) + "?lang=de")

    for name, value in [
        ("Betrag", "106.246963"),
        ("Adresse", made.address),
        ("Destination tag", made.destination_tag),
    ]:
        page.get_by_role("button", name=name).click()
        playwright.expect(page.get_by_role("status").first).to_have_text("Kopiert")
        assert page.evaluate("navigator.clipboard.readText()") == value


def test_what_could_not_be_copied_is_not_called_copied_and_is_selected(open_page, live_server):
    made = invoice()
    page = open_page()
    page.goto(address_of(live_server, made))
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    page.evaluate("() => { document.execCommand = () => false; }")

    page.get_by_role("button", name="the address").click()

    playwright.expect(page.get_by_role("status").first).to_have_text("Not copied: please select it")
    assert page.evaluate("getSelection().toString()") == made.address


def test_a_phone_without_a_network_shows_no_address_after_the_time_is_up(open_page, live_server):
    made = invoice(expires_in=timedelta(seconds=3))
    page = open_page()
    page.goto(address_of(live_server, made))
    playwright.expect(page.get_by_text(made.address)).to_be_visible()
    page.context.set_offline(True)
    playwright.expect(page.get_by_text("There is no connection at the moment")).to_be_visible()

    playwright.expect(page.get_by_text(made.address)).to_be_hidden()

    playwright.expect(page.get_by_role("link", name="Open in wallet")).to_be_hidden()
    playwright.expect(page.locator(".cp-qr")).to_be_hidden()
    playwright.expect(page.get_by_text("Please do not send anything to this address any more")).to_be_visible()
    page.context.set_offline(False)
    playwright.expect(page.get_by_role("button", name="I have sent it")).to_be_visible()
    playwright.expect(page.get_by_text("There is no connection at the moment")).to_be_hidden()


def test_the_title_of_the_tab_says_where_the_payment_stands(open_page, live_server):
    made = invoice()
    page = open_page()
    page.goto(address_of(live_server, made))
    assert page.title() == "Waiting for your payment · Tern & Tide"

    Invoice.objects.filter(pk=made.pk).update(paid_amount=made.pay_amount, version=1)

    playwright.expect(page).to_have_title("Payment seen · Tern & Tide")


def test_on_a_phone_the_wallet_comes_before_the_code(open_page, live_server):
    page = open_page()
    page.goto(address_of(live_server, invoice()))

    button = page.get_by_role("link", name="Open in wallet").bounding_box()

    assert button["y"] + button["height"] < PHONE["height"]
    assert button["y"] < page.locator(".cp-qr").bounding_box()["y"]


def test_without_colours_the_steps_that_are_done_can_be_told(open_page, live_server):
    page = open_page(forced_colors="active")
    page.goto(address_of(live_server, STATES["seen"]()))

    styles = page.locator(".cp-steps li").evaluate_all(
        "steps => steps.map(one => getComputedStyle(one).borderTopStyle)"
    )

    assert styles == ["solid", "double", "dotted", "dotted"]


def test_the_page_looks_by_itself(open_page, live_server):
    made = invoice()
    page = open_page()
    page.goto(address_of(live_server, made))

    Invoice.objects.filter(pk=made.pk).update(paid_amount=made.pay_amount, version=1)

    playwright.expect(page.get_by_role("heading", name="Payment seen")).to_be_visible()
    playwright.expect(page.get_by_role("status").first).to_contain_text("Payment seen. Your payment is on its way")


def test_the_countdown_ends_in_the_two_roads_without_a_reload(open_page, live_server):
    made = invoice(expires_in=timedelta(seconds=2.5))
    page = open_page()
    page.goto(address_of(live_server, made))
    page.evaluate("window.isTheSamePage = true")

    playwright.expect(page.get_by_role("button", name="I have sent it")).to_be_visible()

    assert page.evaluate("window.isTheSamePage")
    assert made.status == "new"


def test_the_clock_is_the_servers_whatever_the_phone_says(open_page, live_server):
    made = invoice(expires_in=timedelta(minutes=9, seconds=59))
    page = open_page()
    page.clock.set_system_time(timezone.now() + timedelta(days=400))
    page.goto(address_of(live_server, made))

    playwright.expect(page.locator("[data-cp-left]")).to_have_text(re.compile(r"^9:5\d$"))


def test_a_phone_that_wakes_looks_at_once_and_news_while_it_was_offline_are_not_lost(open_page, live_server):
    made = invoice()
    page = open_page()
    page.goto(address_of(live_server, made))
    page.context.set_offline(True)
    Invoice.objects.filter(pk=made.pk).update(quarantine_reason="x", version=1)
    page.wait_for_timeout(100)

    page.context.set_offline(False)

    playwright.expect(page.get_by_role("heading", name="We are checking this payment")).to_be_visible(timeout=2_500)


def test_what_the_server_sends_is_shown_at_once(open_page, live_server):
    made = invoice()
    page = open_page()

    def stream(route: Any) -> None:
        Invoice.objects.filter(pk=made.pk).update(paid_amount=made.pay_amount, version=1)
        connection.close()  # here the browser's loop has one of its own, which nobody else would close
        body = "retry: 60000\n\ndata: 1\n\n"
        route.fulfill(status=200, content_type="text/event-stream", body=body)

    page.route("**/events/", stream)
    page.goto(address_of(live_server, made))

    playwright.expect(page.get_by_role("heading", name="Payment seen")).to_be_visible(timeout=2_500)


WIDTHS = (320, 1280)


def test_no_text_is_cut_in_any_state(open_page, live_server):
    page = open_page()
    faults = {}
    for name, make in STATES.items():
        page.goto(address_of(live_server, make()))
        faults[name] = faults_of(page, widths=WIDTHS)

    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("name", ["waiting-tag", "partly_paid", "expired", "held"])
def test_no_text_is_cut_in_any_language(name, open_page, live_server):
    made = STATES[name]()
    page = open_page()
    faults = {}
    for language in LANGUAGES:
        page.goto(f"{address_of(live_server, made)}?lang={language}")
        faults[language] = faults_of(page, widths=WIDTHS)

        assert page.evaluate("document.documentElement.lang") == language
    assert {language: found for language, found in faults.items() if found} == {}


def test_no_text_is_cut_in_the_choice_of_a_coin(open_page, live_server):
    page = open_page()
    page.goto(f"{live_server.url}/pay/{Group.objects.create(name='49.90').pk}/")
    page.locator("summary").first.click()

    assert faults_of(page, widths=WIDTHS) == []


def test_a_word_of_any_length_breaks(open_page, live_server):
    page = open_page()
    page.goto(address_of(live_server, invoice(description="Donaudampfschifffahrt" * 4, name="x" * 60)))

    assert faults_of(page, widths=(320,)) == []


# One of each colour, and one with everything that a page can have.
IN_THE_DARK = ["waiting-tag", "partly_paid", "completed", "expired", "held"]


@pytest.mark.parametrize(
    ("scheme", "size", "names"),
    [pytest.param("light", PHONE, list(STATES), id="light"), pytest.param("dark", DESKTOP, IN_THE_DARK, id="dark")],
)
def test_axe_finds_nothing_in_any_state(scheme, size, names, open_page, live_server, axe):
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size(size)
    found = {}
    for name in names:
        page.goto(address_of(live_server, STATES[name]()))
        found[name] = violations(page, axe)

    assert {name: what for name, what in found.items() if what} == {}


def test_a_page_of_the_shop_without_a_dark_mode_keeps_the_panel_light(open_page, live_server):
    page = open_page(color_scheme="dark")
    page.goto(address_of(live_server, STATES["waiting"]()))
    card = "getComputedStyle(document.querySelector('.cryptopay')).getPropertyValue('--cp-card')"
    scheme = "getComputedStyle(document.querySelector('.cryptopay')).colorScheme"
    assert (page.evaluate(card), page.evaluate(scheme)) == ("#18212b", "light dark")

    page.evaluate("document.querySelector('main').classList.add('cp-light')")

    assert (page.evaluate(card), page.evaluate(scheme)) == ("#fff", "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_choice_of_a_coin(scheme, open_page, live_server, axe):
    page = open_page(color_scheme=scheme)
    page.goto(f"{live_server.url}/pay/{Group.objects.create(name='49.90').pk}/")
    page.locator("summary").first.click()

    assert violations(page, axe) == []
