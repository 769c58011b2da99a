"""Takes pictures for docs/images: the admin, channels, mails, and a return. Starts shop and sandbox, opens each page.

    python -m example_project.pictures                 # needs chromium and the dependency group `browser`
    python -m example_project.pictures --to /tmp/new   # into another folder
    python -m example_project.pictures --only return   # a customer returns one of two mugs
    python -m example_project.pictures --only mails    # samples of the mails to customers

Look at each picture before you commit it. The pictures of the payment page, of the list of a customer's mails and of
the sandbox are not taken here. The machine needs a font for Japanese, Chinese and Korean, or the links to these
languages show empty boxes.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests
from django.apps import apps
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone
from django.utils.module_loading import import_string

from .demo.__main__ import both, prepare
from .demo.processes import ROOT, DemoError

IMAGES = ROOT / "docs" / "images"
SCREEN, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
PORT, SANDBOX_PORT = 8710, 8711
COINS = (("BTC", "bitcoin"), ("ETH", "ethereum"), ("USDT", "tron"), ("LTC", "litecoin"))
COMPLETED, WAITING = 40, 9
UNRESOLVED: dict[str, dict[str, Any]] = {
    "underpaid": {"factor": "0.9"},
    "large": {"factor": "0.8", "price": "950.00", "coin": "ETH"},
    "late": {"factor": "1", "is_late": True, "price": "49.90", "coin": "USDT"},
    "overpaid": {"factor": "1.5", "price": "39.00", "coin": "LTC"},
    "held": {"factor": "1", "risk": "high", "price": "240.00"},
}
MAILS = {
    "partly-paid-phone": ("en-partly_paid", PHONE, "light"),
    "paid-arabic-phone": ("ar-paid", PHONE, "light"),
    "review-chinese-phone": ("zh-hans-review-underpaid", PHONE, "dark"),
    "refunded-dark": ("en-refunded", SCREEN, "dark"),
}
ADDRESS = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"
TOP_UPS = (("0.004", "low"), ("0.0125", "low"), ("0.006", "high"), ("0.008", "low"))


class Wallet:
    """Plays the customer and the network with the sandbox's control API."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway

    def control(self, action: str, **body: object) -> None:
        answer = requests.post(f"{self.gateway}/control/{action}", json=body, timeout=60)
        answer.raise_for_status()

    def order(self, price: str, coin: str) -> Any:
        """Create an order in the shop and its invoice."""
        create_invoice = import_string("cryptopay_django.services.create_invoice")
        ada = apps.get_model("auth.User").objects.get(username="ada")
        order = apps.get_model("shop.Order").objects.create(
            customer=ada, amount=Decimal(price), ship_to="Ada Lovelace, 12 St James's Square"
        )
        return create_invoice(
            order,
            price_amount=price,
            price_currency="EUR",
            pay_currency=coin,
            network=dict(COINS)[coin],
            description=f"Order {order.reference}",
        )

    def pay(self, invoice: Any, factor: str, risk: str = "low") -> None:
        """Pay an invoice and confirm the transaction."""
        self.control("pay", invoice_id=str(invoice.gateway_id), factor=factor, risk=risk)
        self.control("confirm", invoice_id=str(invoice.gateway_id))

    def channel(self, coin: str) -> Any:
        """Create a channel of the customer."""
        create_channel = import_string("cryptopay_django.services.create_channel")
        ada = apps.get_model("auth.User").objects.get(username="ada")
        return create_channel(ada, pay_currency=coin, receiver_currency="EUR", name="Balance of ada")

    def send(self, channel: Any, amount: str, risk: str = "low", *, confirm: bool = True) -> None:
        """Pay to a channel."""
        self.control("pay", channel_id=str(channel.gateway_id), amount=amount, risk=risk)
        if confirm:
            self.control("confirm", channel_id=str(channel.gateway_id))


def fill(wallet: Wallet) -> dict[str, Any]:
    """Create paid, waiting and unresolved invoices; return the unresolved ones by name."""
    wallet.control("settings", rate_limit=100_000)
    chance = random.Random(7)  # noqa: S311 (amounts of a picture)
    for _ in range(COMPLETED):
        coin = chance.choices([name for name, _ in COINS], weights=(5, 2, 2, 1))[0]
        wallet.pay(wallet.order(f"{chance.randrange(12, 240)}.90", coin), "1")
    late = {}
    for name, how in UNRESOLVED.items():
        invoice = wallet.order(how.get("price", "99.90"), how.get("coin", "BTC"))
        late[name] = invoice
        if not how.get("is_late"):
            wallet.pay(invoice, how["factor"], how.get("risk", "low"))
    wallet.control("advance", seconds=660)
    wallet.pay(late["late"], "1")
    wallet.control("advance", seconds=660)
    for _ in range(WAITING):
        wallet.order("59.00", "BTC")
    spread_over_a_month(chance)
    return late


def fill_channels(wallet: Wallet) -> dict[str, Any]:
    """Create channels with payments: credited, held by the gateway, quarantined and pending; return them by name."""
    services = "cryptopay_django.services"
    channel, tagged = wallet.channel("BTC"), wallet.channel("XRP")
    for amount, risk in TOP_UPS:
        wallet.send(channel, amount, risk)
    wallet.send(channel, "0.0031", confirm=False)
    import_string(f"{services}.read_channel")(channel)
    payments = apps.get_model("cryptopay_django.ChannelPayment").objects.filter(channel=channel)
    for number, payment in enumerate(payments.order_by("paid_amount")):
        payments.filter(pk=payment.pk).update(seen_at=timezone.now() - timedelta(minutes=1 + 4 * number))
    # The gateway now says another amount than it said before.
    payment = payments.filter(status="completed").latest("paid_amount")
    payments.filter(pk=payment.pk).update(received_amount=payment.received_amount - 10)
    payment = import_string(f"{services}.refresh_channel_payment")(payment)
    if not payment.quarantine_reason:
        raise DemoError("the payment is not quarantined")
    wallet.control("deposit", currency="EUR", amount="2500.00")
    return {"channel": channel, "tagged": tagged, "payment": payment}


def fill_all(wallet: Wallet) -> dict[str, Any]:
    """Fill the demo with invoices and channels, and its books with what they have moved."""
    services = "cryptopay_django.services"
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    import_string(f"{services}.begin_books")("default", at=midnight - timedelta(days=32))
    found = {**fill(wallet), **fill_channels(wallet)}
    keep_books = import_string(f"{services}.keep_books")
    try:
        keep_books("default", patience=60.0)
    except import_string("cryptopay_django.exceptions.GatewayRateLimitError"):
        time.sleep(60)  # the invoices were all the calls of this minute
        keep_books("default", patience=60.0)
    return found


def spread_over_a_month(chance: random.Random) -> None:
    """Move the times of the completed invoices, so that the overview has something to show."""
    invoices, payments = apps.get_model("cryptopay_django.Invoice"), apps.get_model("cryptopay_django.Payment")
    for invoice in invoices.objects.filter(status="completed"):
        end = timezone.now() - timedelta(days=chance.randrange(30), minutes=chance.randrange(600))
        begin, seen = end - timedelta(minutes=14), end - timedelta(minutes=chance.randrange(4, 12))
        invoices.objects.filter(pk=invoice.pk).update(created_at=begin, finished_at=end)
        payments.objects.filter(invoice=invoice).update(detected_at=seen, confirmed_at=end)


@contextmanager
def browser() -> Iterator[Any]:
    """Open chromium."""
    sync_playwright = import_string("playwright.sync_api.sync_playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


def logged_in(running: Any, login: str, name: str, size: dict[str, int]) -> Any:
    """Open a window in which a user of the demo is logged in."""
    page = running.new_page(viewport=size, color_scheme="light")
    page.goto(login)
    page.fill("[name=username]", name)
    page.fill("[name=password]", f"{name}-demo")
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "login" not in url)
    return page


def take(running: Any, shop: str, found: dict[str, Any], folder: Path) -> None:
    """Log in, open each page and save its picture."""
    admin = f"{shop}/admin/cryptopay_django"
    page = logged_in(running, f"{shop}/admin/login/", "staff", SCREEN)
    invoices, today = f"{admin}/invoice", timezone.localdate()
    period = urlencode({"since": today, "until": today + timedelta(days=1), "compare": 1})
    month = urlencode({"since": today - timedelta(days=30), "until": today})
    pages = {
        "admin-list": f"{invoices}/?waits=me",
        "admin-page": f"{invoices}/{found['underpaid'].pk}/change/",
        "admin-settle": f"{invoices}/{found['underpaid'].pk}/settle/",
        "admin-refund": f"{invoices}/{found['late'].pk}/refund/",
        "admin-held": f"{invoices}/{found['held'].pk}/change/",
        "admin-overview": f"{invoices}/overview/",
        "admin-phone": f"{invoices}/{found['overpaid'].pk}/settle/",
        "admin-channel": f"{admin}/channel/{found['channel'].pk}/change/",
        "admin-channel-payment": f"{admin}/channelpayment/{found['payment'].pk}/change/",
        "admin-ledger": f"{invoices}/ledger/?{period}",
        "admin-statement": f"{invoices}/statement/?{month}",
        "admin-books-close": f"{invoices}/books/close/?until={today - timedelta(days=1)}",
        "channel-phone": f"{shop}/cryptopay/channels/{found['channel'].pk}/",
        "channel-tag-desktop": f"{shop}/cryptopay/channels/{found['tagged'].pk}/",
    }
    for name, url in pages.items():
        page.set_viewport_size(PHONE if name.endswith("phone") else SCREEN)
        answer = page.goto(url)
        if not answer.ok:
            raise DemoError(f"the page for {name} was answered {answer.status}")
        page.screenshot(path=folder / f"{name}.png", full_page=name.startswith("channel"))
        print(folder / f"{name}.png", flush=True)


def take_return(running: Any, shop: str, wallet: Wallet, folder: Path) -> None:
    """Let a customer return one of two mugs, and save a picture of each step."""

    def save(page: Any, name: str, *, above: str = "") -> None:
        end = page.get_by_role("heading", name=above).bounding_box()["y"] if above else 0
        clip = {"x": 0, "y": 0, "width": SCREEN["width"], "height": end} if above else None
        page.screenshot(path=folder / f"return-{name}.png", full_page=True, clip=clip)
        print(folder / f"return-{name}.png", flush=True)

    def press(button: Any) -> None:
        with button.page.expect_navigation():
            button.click()

    wallet.control("deposit", currency="EUR", amount="1000.00")
    invoice = wallet.order("33.00", "BTC")
    mug = apps.get_model("shop.Product").objects.get(slug="enamel-mug")
    invoice.order.lines.create(product=mug, price=mug.price, quantity=2)
    wallet.pay(invoice, "1")
    staff = logged_in(running, f"{shop}/admin/login/", "staff", SCREEN)
    page_of_invoice = f"{shop}/admin/cryptopay_django/invoice/{invoice.pk}"
    staff.goto(f"{page_of_invoice}/refund-link/")
    press(staff.get_by_role("button", name="Make a link"))
    save(staff, "link")
    phone = running.new_page(viewport=PHONE, color_scheme="light")
    phone.goto(staff.input_value("#cp-new-link"))
    phone.fill("[name=address]", ADDRESS)
    save(phone, "address-phone")
    press(phone.get_by_role("button", name="Continue"))
    save(phone, "confirm-phone")
    press(phone.get_by_role("button", name="Yes, this is my address"))
    save(phone, "done-phone")
    staff.goto(f"{page_of_invoice}/return/")
    staff.fill("[name=amount]", str(mug.price))
    staff.fill("[name=reason]", "One of two mugs came back")
    save(staff, "form")
    press(staff.get_by_role("button", name="Show the quote"))
    save(staff, "quote")
    press(staff.get_by_role("button", name="Send "))
    wallet.control("advance", seconds=3600)
    staff.goto(f"{page_of_invoice}/change/")
    save(staff, "invoice", above="Timeline")
    staff.goto(f"{shop}/admin/shop/order/{invoice.order.pk}/change/")
    save(staff, "order")
    ada = logged_in(running, f"{shop}/login/", "ada", PHONE)
    ada.goto(f"{shop}{invoice.order.get_absolute_url()}")
    save(ada, "order-phone")
    press(ada.get_by_role("link", name="Receipt"))
    save(ada, "receipt-phone")


def take_mails(running: Any, folder: Path) -> None:
    """Save pictures of some of the samples that `cryptopay_mails` makes."""
    urls = {"CRYPTOPAY_SITE_URL": "https://tern-and-tide.example", "CRYPTOPAY_ANSWER_WITHIN_DAYS": 2}
    with tempfile.TemporaryDirectory() as samples, override_settings(**urls):
        call_command("cryptopay_mails", "--to", samples)
        for name, (sample, size, scheme) in MAILS.items():
            page = running.new_page(viewport=size, color_scheme=scheme)
            page.goto((Path(samples) / f"{sample}.html").as_uri())
            page.screenshot(path=folder / f"mail-{name}.png", full_page=True)
            print(folder / f"mail-{name}.png", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Take the pictures of the admin, channels, mails and a return.")
    parser.add_argument("--to", type=Path, default=IMAGES, help="the folder to write to")
    parser.add_argument("--only", choices=["pages", "return", "mails"], help="take these alone")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as var:
        prepare(Path(var), sandbox_port=SANDBOX_PORT)
        if arguments.only in (None, "mails"):
            with browser() as running:
                take_mails(running, arguments.to)
        if arguments.only == "mails":
            return
        with both(Path(var), port=PORT, sandbox_port=SANDBOX_PORT) as (shop, gateway):
            wallet = Wallet(gateway.url)
            found = {} if arguments.only == "return" else fill_all(wallet)
            with browser() as running:
                if found:
                    take(running, shop.url, found, arguments.to)
                if arguments.only != "pages":
                    take_return(running, shop.url, wallet, arguments.to)


if __name__ == "__main__":
    main()
