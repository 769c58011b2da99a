"""Every context from the wallet of a served sandbox through the desk to its end, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from cryptopay_django.models import Invoice, Refund, Resolution
from cryptopay_django.sandbox.money_controls import deposit
from cryptopay_django.sandbox.server import SandboxServer
from cryptopay_django.services import create_invoice, refresh_invoice
from tests.served import served_sandbox

pytest.importorskip("playwright.sync_api", reason="no playwright here: make .venv/.installed-browser")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gateway(live_server, settings) -> Iterator[SandboxServer]:
    """A sandbox on a free port that posts to the live site, and the site's settings that point back at it."""
    with served_sandbox(settings, callback_url=live_server.url + reverse("cryptopay_django:callback")) as server:
        yield server


@pytest.fixture
def page(browser, live_server) -> Iterator[object]:
    """A staff member's page, logged in; its test fails when the browser complains about anything."""
    client = Client()
    client.force_login(User.objects.create_superuser("stella"))
    complaints: list[str] = []
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    yield page
    context.close()
    assert complaints == []


class Wallet:
    """What the customer and the chain do, by the sandbox's control API."""

    def __init__(self, server: SandboxServer) -> None:
        self.url = server.url

    def control(self, action: str, **body: object) -> None:
        answer = requests.post(f"{self.url}/control/{action}", json=body, timeout=30)
        assert answer.ok, answer.text

    def paid(self, factor: str, *, risk: str = "low", late: bool = False) -> Invoice:
        invoice = create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC")
        key = str(invoice.gateway_id)
        if late:
            self.control("advance", seconds=660)
        self.control("pay", invoice_id=key, factor=factor, risk=risk)
        self.control("confirm", invoice_id=key)
        self.control("advance", seconds=660)
        invoice.refresh_from_db()
        assert invoice.status == "unresolved"
        return invoice


def open_from_list(page, live_server, invoice: Invoice) -> None:
    """From the list to the invoice's page, as staff go."""
    page.goto(f"{live_server.url}{reverse('admin:cryptopay_django_invoice_changelist')}")
    page.locator("#searchbar").fill(str(invoice.pk))
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**q=*")
    page.locator("#result_list tbody th a").first.click()


def decide(page, button: str, submit: str, **choices: str) -> str:
    """Open a form, fill it in, send it; return the message."""
    page.get_by_role("link", name=button).click()
    for name, value in choices.items():
        field = page.locator(f"[name={name}]")
        if field.first.get_attribute("type") == "radio":
            page.locator(f"[name={name}][value={value}]").check()
        else:
            field.fill(value)
    page.locator("[name=reason]").fill("agreed with the customer")
    page.get_by_role("button", name=submit, exact=True).click()
    return str(page.locator(".messagelist").inner_text())


@pytest.mark.parametrize(
    ("paid", "button", "submit", "choices", "message", "ends"),
    [
        ({"factor": "0.9"}, "Settle…", "Settle", {}, "less than ordered", "completed"),
        ({"factor": "0.9"}, "Refund…", "Refund now", {"destination": "own_account"}, "our own coin", "refunded"),
        ({"factor": "1", "late": True}, "Settle…", "Settle", {}, "Settled", "completed"),
        (
            {"factor": "1", "late": True},
            "Refund…",
            "Refund now",
            {"destination": "own_account"},
            "Refunded",
            "refunded",
        ),
        ({"factor": "1.5"}, "Settle…", "Settle", {"choice": "everything"}, "Settled", "completed"),
        ({"factor": "1.5"}, "Settle…", "Settle", {"choice": "ordered"}, "Refunded", "completed"),
        ({"factor": "1.5"}, "Refund…", "Refund now", {"destination": "own_account"}, "Refunded", "completed"),
    ],
)
def test_a_wrong_payment_is_brought_to_its_end(
    page, live_server, gateway, paid, button, submit, choices, message, ends
):
    invoice = Wallet(gateway).paid(**paid)

    open_from_list(page, live_server, invoice)
    told = decide(page, button, submit, **choices)

    invoice.refresh_from_db()
    assert message in told
    assert invoice.status == ends
    assert Resolution.objects.get().status == "succeeded"
    assert page.locator(".cp-acts a.button", has_text="Refund").count() == 0


def test_a_shortfall_is_accepted_after_the_settlement(page, live_server, gateway):
    invoice = Wallet(gateway).paid("0.9")
    open_from_list(page, live_server, invoice)
    decide(page, "Settle…", "Settle")

    told = decide(page, "Accept the shortfall…", "Accept the shortfall")

    assert "counts as paid" in told
    assert invoice.events.filter(kind="invoice_completed", delivered_at__isnull=False).count() == 1


def test_a_held_payment_waits_for_the_service_and_shows_what_it_decided(page, live_server, gateway):
    wallet = Wallet(gateway)
    invoice = wallet.paid("1", risk="high")
    open_from_list(page, live_server, invoice)
    held = page.locator("#content").inner_text()
    buttons = page.locator(".cp-acts a.button").count()
    wallet.control("decide", invoice_id=str(invoice.gateway_id), decision="complete")

    page.reload()

    assert "On hold" in held
    assert buttons == 0
    assert "Paid and credited" in page.locator(".cp-meaning").inner_text()


def test_the_quote_counts_down(page, live_server, gateway):
    invoice = Wallet(gateway).paid("0.9")
    page.goto(live_server.url + reverse("admin:cryptopay_django_invoice_settle", args=[invoice.pk]))
    clock = page.locator("#cp-clock strong")
    first = int(clock.inner_text())

    page.wait_for_function(f"document.querySelector('#cp-clock strong').textContent < {first - 1}")

    assert int(clock.inner_text()) < first


def test_a_completed_order_is_refunded_on_the_page(page, live_server, gateway) -> None:
    invoice = create_invoice(price_amount="100", price_currency="EUR", pay_currency="XRP")
    gateway.sandbox.pay(str(invoice.gateway_id))
    gateway.sandbox.confirm(str(invoice.gateway_id))
    deposit(gateway.sandbox, "EUR", "1000")
    refresh_invoice(invoice)
    page.goto(live_server.url + reverse("admin:cryptopay_django_invoice_change", args=[invoice.pk]))

    page.get_by_role("link", name="Refund…").click()
    page.get_by_label("Amount", exact=True).fill("40")
    page.get_by_label("Customer's address").fill("rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH")
    page.get_by_label("Reason").fill("one of two mugs came back")
    page.get_by_role("button", name="Show the quote").click()
    page.wait_for_selector("text=Say that none is needed")
    page.get_by_label("Destination tag").fill("275")
    page.get_by_role("button", name="Show the quote").click()
    page.wait_for_selector("#cp-clock")
    page.get_by_role("button", name="Send").click()

    page.wait_for_selector("text=has accepted the refund")
    refund = Refund.objects.get()
    assert (refund.destination_tag, refund.value_amount, refund.actor) == ("275", 40, "stella")
