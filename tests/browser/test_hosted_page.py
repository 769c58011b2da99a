"""A customer in a real browser: Debian's chromium, driven by playwright, on a sandbox that is really served."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cryptopay_django.sandbox.account import Account
from cryptopay_django.sandbox.clock import Clock
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.forms import read_invoice
from cryptopay_django.sandbox.invoices import Invoice
from cryptopay_django.sandbox.scenarios import create_invoice
from cryptopay_django.sandbox.server import SandboxServer

playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    server = SandboxServer(("127.0.0.1", 0), Sandbox(account=Account(), clock=Clock(speed=1)))
    server.sandbox.state.base_url = server.url
    server.start()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.stop()


@pytest.fixture
def page(browser) -> Iterator[object]:
    """A phone's page that fails its test when the browser complains about anything."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(10_000)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def order(server: SandboxServer, **values: str) -> Invoice:
    form = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC", "name": "Order 4711"} | values
    return create_invoice(server.sandbox, read_invoice(form))


def test_a_customer_pays_and_sees_it_complete(server: SandboxServer, page) -> None:
    invoice = order(server, success_redirect_url=f"{server.url}/account")
    page.goto(invoice.hosted_page_url)
    playwright.expect(page.get_by_role("heading", name="Waiting for your payment")).to_be_visible()
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Exactly").click()
    playwright.expect(page.get_by_role("heading", name="Payment seen")).to_be_visible()
    page.get_by_role("button", name="Confirm now").click()

    playwright.expect(page.get_by_role("heading", name="Paid. Thank you!")).to_be_visible()
    back = page.get_by_role("link", name="Back to the shop")
    assert fits
    assert invoice.status == "completed"
    assert back.get_attribute("href") == f"{server.url}/account"
    back.click()
    page.wait_for_url("**/account")


def test_the_page_notices_by_itself_what_happens_elsewhere(server: SandboxServer, page) -> None:
    invoice = order(server)
    page.goto(f"{invoice.hosted_page_url}?locale=de&theme=dark")
    playwright.expect(page.get_by_text("Warten auf Ihre Zahlung")).to_be_visible()

    server.sandbox.pay(invoice.id)
    server.sandbox.confirm(invoice.id)

    playwright.expect(page.get_by_text("Bezahlt. Vielen Dank!")).to_be_visible()


def test_a_scenario_is_one_click(server: SandboxServer, page) -> None:
    page.goto(server.url)

    page.get_by_role("button", name="Underpaid, refunded").click()

    page.wait_for_url("**/desk")
    playwright.expect(page.locator(".facts .badge")).to_have_text("refunded")
    playwright.expect(page.locator(".callbacks details")).to_have_count(5)
