"""Customers pay on the page in a real browser, phone and desktop, with scripts and without; axe looks at every state."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from cryptopay_django.models import Invoice
from cryptopay_django.pages.views import LANGUAGES
from cryptopay_django.services import create_invoice
from tests.pages.states import STATES, invoice, tagged

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("no chromium here: apt-get install chromium", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")

pytestmark = pytest.mark.django_db(transaction=True)

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
]  # fmt: skip
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
AXE = "axe-core@4"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests here: starting it takes longer than they do."""
    with pytest.MonkeyPatch.context() as patch, playwright.sync_playwright() as driver:
        # Playwright's loop runs in this thread; the tests' own queries do not run in it.
        patch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def shop(settings, cryptopay_sandbox) -> None:
    cache.clear()
    settings.ROOT_URLCONF = "tests.pages.urls"
    settings.CRYPTOPAY_SHOP_NAME = "Tern & Tide"
    settings.CRYPTOPAY_SUPPORT_EMAIL = "help@shop.example"
    settings.CRYPTOPAY_SUPPORT_URL = "https://shop.example/help/"


@pytest.fixture
def open_page(browser) -> Iterator[Callable[..., Any]]:
    """Open pages that fail the test when the browser complains: of a script, or of the content security policy."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_page(**options: Any) -> Any:
        context = browser.new_context(viewport=PHONE, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [text for text in complaints if "ERR_INTERNET_DISCONNECTED" not in text] == []


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
            self.page.evaluate("window.dispatchEvent(new Event('online'))")
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
    customer.sees("A part has arrived")
    made.refresh_from_db()
    rest = f"{(made.pay_amount - made.paid_amount).normalize():f}"
    playwright.expect(customer.page.get_by_text(rest, exact=True)).to_be_visible()

    customer.pays(made, amount="rest")

    customer.sees("Paid")


WAYS = {
    "Less has arrived than was due": {"factor": "0.5"},
    "More has arrived than was due": {"factor": "2"},
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
    customer.sees("The quoted rate has run out")

    customer.page.get_by_role("button", name="I have sent it").click()
    playwright.expect(customer.page.get_by_text("your payment cannot be seen yet").last).to_be_visible()
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

    playwright.expect(page.get_by_role("heading", name="We are looking at this payment")).to_be_visible(timeout=2_500)


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


def test_every_language_fits_the_narrowest_phone(open_page, live_server):
    made = tagged()
    page = open_page()
    page.set_viewport_size({"width": 320, "height": 640})

    for language in LANGUAGES:
        page.goto(f"{address_of(live_server, made)}?lang={language}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), language
        assert page.evaluate("document.documentElement.lang") == language


@pytest.fixture(scope="session")
def axe(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker, from npm, kept in pytest's cache."""
    script = Path(pytestconfig.cache.mkdir("axe-core")) / "axe.min.js"
    if not script.exists():
        npm, folder = shutil.which("npm"), tmp_path_factory.mktemp("axe")
        if npm is None:
            pytest.skip("no npm here, so axe-core cannot be had: apt-get install npm")
        command = [npm, "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, AXE]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=folder)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"npm could not install {AXE}: {error}")
        # Made whole beside it, then put in place in one step: tests in other processes look here, too.
        fresh = script.with_name(f"{os.getpid()}.js")
        shutil.copy(folder / "node_modules" / "axe-core" / "axe.min.js", fresh)
        fresh.replace(script)
    return script.read_text()


def violations(page: Any, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES)
    return [
        f"{one['id']}: {node['html']} {node['failureSummary']}" for one in found["violations"] for node in one["nodes"]
    ]


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_choice_of_a_coin(scheme, open_page, live_server, axe):
    page = open_page(color_scheme=scheme)
    page.goto(f"{live_server.url}/pay/{Group.objects.create(name='49.90').pk}/")
    page.locator("summary").first.click()

    assert violations(page, axe) == []
