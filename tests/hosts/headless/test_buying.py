"""A customer buys in a real browser, over HTTP, against the sandbox; staff send a part back, and she sees it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright
from serving import Customer, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PROJECT = Path(__file__).parent / "project"
STAFF = {"email": "ben@shop.example", "password": "a-long-word-for-ben"}
WIDTH, SCHEME = int(os.environ.get("HEADLESS_WIDTH", "390")), os.environ.get("HEADLESS_SCHEME", "light")
ADDRESS = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
PATIENCE = 20_000  # milliseconds until the page must show what has happened


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Customer]:
    variables = {f"DJANGO_SUPERUSER_{name.upper()}": value for name, value in {"username": "ben", **STAFF}.items()}
    folder, prepare = tmp_path_factory.mktemp("shop"), ["createsuperuser --noinput"]
    with served(PROJECT, folder, prepare=prepare, variables=variables) as running:
        yield running


@pytest.fixture
def page(site: Customer) -> Iterator[Page]:
    """A phone, whose pages fail the test when the browser complains of them."""
    if CHROMIUM is None:
        pytest.fail("no chromium on this machine: apt-get install chromium")
    complaints: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 844}, color_scheme=SCHEME)
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        yield page
        browser.close()
    # Answers that the page asks for in the knowledge that they may be errors, such as that to a log-out.
    assert [text for text in complaints if "Failed to load resource" not in text] == []


def picture(page: Page, name: str) -> None:
    """Keep a picture, if HEADLESS_PICTURES names a folder."""
    if folder := os.environ.get("HEADLESS_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def sees(page: Page, where: str, text: str) -> None:
    expect(page.locator(where)).to_contain_text(text, timeout=PATIENCE)


def sign_up(page: Page, site: Customer, name: str) -> None:
    page.goto(site.shop)
    picture(page, "1-log-in")
    page.get_by_label("E-mail").fill(f"{name}@shop.example")
    page.get_by_label("Password").fill(f"a-long-word-for-{name}")
    page.get_by_role("button", name="I am new here").click()
    sees(page, "h1", "What would you like?")


def order(page: Page, coin: str = "BTC/bitcoin") -> None:
    """Order two mugs and choose a coin."""
    page.get_by_label("How many: mug").select_option("2")
    picture(page, "2-shop")
    page.get_by_role("button", name="Order mug").click()
    page.get_by_label("Pay with").select_option(coin)
    picture(page, "3-coins")
    page.get_by_role("button", name="Pay").click()
    sees(page, "#state", "Send exactly this amount.")
    page.wait_for_function("() => { const qr = document.querySelector('.qr'); return qr && qr.naturalWidth > 0 }")
    picture(page, "4-pay")


def the_invoice(page: Page, site: Customer) -> Any:
    """Return the gateway's invoice that the page shows."""
    address = page.locator("#address").inner_text()
    (found,) = (one for one in site.state()["invoices"] if one["address"].partition("?")[0] == address)
    return found


def desk(site: Customer, method: str, path: str, **body: Any) -> Any:
    """Ask what the shop's back office asks: the staff endpoints, with a token of allauth."""
    login = requests.post(f"{site.shop}/_allauth/app/v1/auth/login", json=STAFF, timeout=20).json()
    answer = requests.request(
        method, f"{site.shop}/cryptopay/api/desk/{path}", json=body or None, timeout=20,
        headers={"X-Session-Token": login["meta"]["session_token"]},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_she_logs_in_orders_pays_and_sees_a_refund(site: Customer, page: Page) -> None:
    sign_up(page, site, "ada")
    order(page)
    invoice = the_invoice(page, site)
    assert (Decimal(invoice["price_amount"]), invoice["price_currency"]) == (33, "EUR")

    site.control("pay", invoice_id=invoice["id"])
    sees(page, "#state", "seen on the network")
    assert page.locator("#payment").count() == 0
    site.control("confirm", invoice_id=invoice["id"])
    sees(page, "#status", "paid")
    sees(page, "#state", "Thank you!")
    picture(page, "5-paid")

    (row,) = desk(site, "GET", f"invoices/?gateway_id={invoice['id']}")["results"]
    site.control("deposit", currency="EUR", amount="1000")
    quote = desk(site, "POST", f"invoices/{row['id']}/refund-quote/", amount="16.50", address=ADDRESS)["quote"]
    version = desk(site, "GET", f"invoices/{row['id']}/")["version"]
    desk(
        site,
        "POST",
        f"invoices/{row['id']}/refund/",
        quote=quote,
        expected_version=version,
        reason="one mug is broken",
    )
    sees(page, "#refunded", "We sent back 16.50 € in coins.")
    picture(page, "6-refunded")
    sent = [one for one in site.state()["withdrawals"] if one["status"] != "new"]
    assert [one["address"] for one in sent] == [ADDRESS]

    page.get_by_role("link", name="Back to the shop").click()
    sees(page, ".orders", "paid, 16.50 € refunded")
    picture(page, "7-orders")


def test_too_little_is_asked_for_and_paid(site: Customer, page: Page) -> None:
    sign_up(page, site, "eva")
    order(page)
    invoice = the_invoice(page, site)

    site.control("pay", invoice_id=invoice["id"], factor="0.5")
    site.control("confirm", invoice_id=invoice["id"])
    sees(page, "#state", "Please send the rest.")
    picture(page, "8-rest")
    assert page.locator(".qr").count() == 0
    site.control("pay", invoice_id=invoice["id"], amount="rest")
    site.control("confirm", invoice_id=invoice["id"])

    sees(page, "#status", "paid")


def test_a_reload_goes_on_and_a_log_out_ends_it(site: Customer, page: Page) -> None:
    sign_up(page, site, "fay")
    order(page, "LTC/litecoin")
    address = page.locator("#address").inner_text()

    page.reload()
    sees(page, "#address", address)
    page.get_by_role("button", name="Log out").click()
    sees(page, "h1", "Log in")
    page.reload()
    sees(page, "h1", "Log in")

    page.get_by_label("E-mail").fill("fay@shop.example")
    page.get_by_label("Password").fill("a wrong password")
    page.get_by_role("button", name="Log in").click()
    sees(page, "[role=alert]", "not correct")
