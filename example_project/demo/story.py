"""One purchase from the first click to the shipment, over HTTP, told in numbered lines.

The customer is a browser without a screen: pages, forms, cookies, CSRF tokens. The other side of the
wire is the sandbox's control API. What the shop's own database says is looked up at the end only.
"""

import re
import textwrap
import time
from html import unescape
from pathlib import Path
from typing import Any

import requests
from django.apps import apps
from django.conf import settings

from .processes import DemoError

BASKET = {"enamel-mug": 2, "harbour-roast": 1}
PATIENCE = 20


class Browser:
    """A customer's browser at one site. Its addresses are paths."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> str:
        answer = self.session.get(self.url + path, timeout=15)
        if not answer.ok:
            raise DemoError(f"GET {path} was answered {answer.status_code}")
        return unescape(answer.text)

    def submit(self, path: str, *, form_on: str, **fields: object) -> str:
        """Open the page with the form, send it, and return where the answer leads."""
        token = found(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(form_on), f"a form on {form_on}")
        answer = self.session.post(
            self.url + path,
            data={**fields, "csrfmiddlewaretoken": token},
            headers={"Referer": self.url + form_on},
            allow_redirects=False,
            timeout=15,
        )
        if answer.status_code != 302:
            raise DemoError(f"POST {path} was answered {answer.status_code}, not with a redirect")
        return answer.headers["Location"]


class Story:
    """Plays it and prints it. `play` raises DemoError at the first thing that is not as it should be."""

    def __init__(self, *, shop: str, gateway: str) -> None:
        self.customer = Browser(shop)
        self.shop = shop
        self.gateway = gateway
        self.number = 0

    def play(self) -> None:
        self.log_in("ada", "ada-demo")
        self.fill_the_cart()
        order, invoice_id = self.check_out()
        self.pay(order, invoice_id)
        self.confirm(order, invoice_id)
        completed = self.look_at_callbacks(invoice_id)
        before = self.count_effects(order)
        self.tell("order", f"{order} is paid once: {describe(before)}")
        self.resend(completed)
        after = self.count_effects(order)
        if after != before:
            raise DemoError(f"the resent callback changed something: {describe(before)}, then {describe(after)}")
        self.tell("", f"nothing moved: {describe(after)}")

    def log_in(self, name: str, password: str) -> None:
        self.customer.submit("/login/", form_on="/login/", username=name, password=password)
        greeting = found(r"<h1>(.*?)</h1>", self.customer.get("/account/"), "the account page")
        self.tell("customer", f'{name} logs in; the shop says "{greeting}"')

    def fill_the_cart(self) -> None:
        for slug, quantity in BASKET.items():
            self.customer.submit(f"/cart/{slug}/", form_on=f"/products/{slug}/", quantity=quantity)
        total = found(r"<strong>€([\d.]+)</strong>", self.customer.get("/cart/"), "a total in the cart")
        goods = ", ".join(f"{quantity} x {slug}" for slug, quantity in BASKET.items())
        self.tell("cart", f"{goods}: {total} EUR")

    def check_out(self) -> tuple[str, str]:
        """Place the order, with Bitcoin; return its reference and the gateway's id of the invoice."""
        address = "12 St James's Square\nLondon"
        choice = self.customer.submit("/checkout/", form_on="/checkout/", name="Ada Lovelace", address=address)
        payment_page = self.customer.submit(choice, form_on=choice, coin="BTC/bitcoin")
        order = found(r'href="/orders/(\w+)/"', self.customer.get("/account/"), "the order on the account page")
        self.tell("order", f"{order} is placed; nothing is paid yet")
        address = found(r'data-cp-copy="(\w{20,})"', self.customer.get(payment_page), "an address to pay to")
        invoice = self.find_invoice(address)
        self.tell("invoice", f"{invoice['pay_amount']} {invoice['pay_currency']} to {invoice['address']}")
        self.see(order, "waiting")
        return order, invoice["id"]

    def pay(self, order: str, invoice_id: str) -> None:
        invoice = self.control("pay", invoice_id=invoice_id, factor="1")["invoice"]
        payment = invoice["payments"][0]
        self.tell("payment", f"{payment['amount']} {invoice['pay_currency']} is on its way, {payment['txid'][:16]}...")
        self.see(order, "seen")

    def confirm(self, order: str, invoice_id: str) -> None:
        invoice = self.control("confirm", invoice_id=invoice_id)["invoice"]
        payment = invoice["payments"][0]
        self.tell(
            "network",
            f"{payment['confirmations']} of {payment['required_confirmations']} confirmations; "
            f"for the gateway it is {invoice['status']}",
        )
        self.see(order, "paid")

    def look_at_callbacks(self, invoice_id: str) -> dict[str, Any]:
        """Print the callbacks with what the shop answered; return the one that said completed."""
        log = [line for line in self.control("state")["callbacks"] if line["invoice_id"] == invoice_id]
        for callback in log:
            answers = [attempt["answer"]["status"] for attempt in callback["attempts"]]
            first = "callbacks" if callback is log[0] else ""
            self.tell(first, f"{callback['event']} ({callback['status']}): {', '.join(map(str, answers))}")
            if answers != [200]:
                raise DemoError(f"the callback {callback['event']} was answered {answers}, not once with 200")
        completed = [callback for callback in log if callback["status"] == "completed"]
        if len(completed) != 1:
            raise DemoError(f"{len(completed)} callbacks said completed, not one")
        return completed[0]

    def resend(self, callback: dict[str, Any]) -> None:
        answer = self.control("resend", callback_id=callback["id"])["callbacks"][-1]["answer"]
        self.tell("resend", f"{callback['event']} ({callback['status']}) once more: {answer['status']}")
        if answer["status"] != 200:
            raise DemoError(f"the resent callback was answered {answer['status']}")

    def count_effects(self, reference: str) -> dict[str, int]:
        """Count in the shop's own database and folders what must have happened once."""
        order = apps.get_model("shop", "Order").objects.get(reference=reference)
        events = apps.get_model("cryptopay_django", "InvoiceEvent").objects.filter(invoice__in=order.invoices)
        requests_made = [path.read_text() for path in Path(settings.SHOP_OUTBOX).glob("*.json")]
        effects = {
            "invoice_completed": events.filter(kind="invoice_completed", delivered_at__isnull=False).count(),
            "shipment request": sum(f'"{reference}"' in text for text in requests_made),
        }
        if order.status != "paid" or order.invoices.count() != 1 or set(effects.values()) != {1}:
            raise DemoError(f"order {reference} is {order.status}: {describe(effects)}")
        if order.customer.ledger.exists():
            raise DemoError("the customer's balance was changed, and nothing was paid too much")
        return effects

    def find_invoice(self, address: str) -> dict[str, Any]:
        for invoice in self.control("state")["invoices"]:
            if invoice["address"] == address:
                return dict(invoice)
        raise DemoError(f"the gateway has no invoice with the address {address}")

    def see(self, order: str, state: str) -> None:
        """Reload the order's page until it shows this state."""
        until = time.monotonic() + PATIENCE
        shown = ""
        while time.monotonic() < until:
            page = self.customer.get(f"/orders/{order}/")
            shown = found(r'data-state="(\w+)"', page, "the state of the payment")
            if shown == state:
                title, text = re.findall(r"<h2[^>]*>(.*?)</h2>\s*<p[^>]*>(.*?)</p>", page)[0]
                self.tell("page", f"{title}: {text}")
                return
            time.sleep(0.2)
        raise DemoError(f"the page of order {order} shows {shown}, and not {state} within {PATIENCE} s")

    def control(self, action: str, **fields: str) -> dict[str, Any]:
        """Call the sandbox's control API."""
        url, session = f"{self.gateway}/control/{action}", self.customer.session
        answer = session.post(url, json=fields, timeout=60) if fields else session.get(url, timeout=15)
        if not answer.ok:
            raise DemoError(f"/control/{action} was answered {answer.status_code}: {answer.text[:200]}")
        return dict(answer.json())

    def tell(self, what: str, text: str) -> None:
        if what:
            self.number += 1
        number = str(self.number) if what else ""
        print(
            textwrap.fill(text, 79, initial_indent=f"  {number:>2} {what:<10} ", subsequent_indent=" " * 16),
            flush=True,
        )


def found(pattern: str, page: str, what: str) -> str:
    match = re.search(pattern, page)
    if match is None:
        raise DemoError(f"the page does not show {what}")
    return match[1]


def describe(effects: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in effects.items())
