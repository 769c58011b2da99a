"""One purchase from the first click to the shipment, over HTTP, in numbered lines.

The customer is a browser without a screen: pages, forms, cookies, CSRF tokens. The other side of the
wire is the sandbox's control API. What the shop's own database says is looked up at the end only.
"""

import re
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings

from .narrator import Narrator, found
from .processes import DemoError

BASKET = {"enamel-mug": 2, "harbour-roast": 1}


class Story(Narrator):
    """One order, one invoice, one payment."""

    def play(self) -> None:
        greeting = self.log_in("ada", "ada-demo")
        self.say("customer", f'ada logs in; the shop says "{greeting}"')
        self.fill_the_cart()
        order, invoice_id = self.check_out()
        self.pay(order, invoice_id)
        self.confirm(order, invoice_id)
        completed = self.look_at_callbacks(invoice_id)
        before = self.count_effects(order)
        self.say("order", f"{order} is paid once: {describe(before)}")
        self.resend(completed)
        after = self.count_effects(order)
        if after != before:
            raise DemoError(f"the resent callback changed something: {describe(before)}, then {describe(after)}")
        self.say("", f"nothing moved: {describe(after)}")

    def fill_the_cart(self) -> None:
        for slug, quantity in BASKET.items():
            self.customer.submit(f"/cart/{slug}/", form_on=f"/products/{slug}/", quantity=quantity)
        total = found(r"<strong>€([\d.]+)</strong>", self.customer.get("/cart/"), "a total in the cart")
        goods = ", ".join(f"{quantity} x {slug}" for slug, quantity in BASKET.items())
        self.say("cart", f"{goods}: {total} EUR")

    def check_out(self) -> tuple[str, str]:
        """Place the order, with Bitcoin; return its reference and the gateway's id of the invoice."""
        address = "12 St James's Square\nLondon"
        choice = self.customer.submit("/checkout/", form_on="/checkout/", name="Ada Lovelace", address=address)
        payment_page = self.customer.submit(choice, form_on=choice, coin="BTC/bitcoin")
        order = found(r'href="/orders/(\w+)/"', self.customer.get("/account/"), "the order on the account page")
        self.say("order", f"{order} is placed; nothing is paid yet")
        address = found(r'data-cp-copy="(\w{20,})"', self.customer.get(payment_page), "an address to pay to")
        invoice = self.find_invoice(address)
        self.say("invoice", f"{invoice['pay_amount']} {invoice['pay_currency']} to {invoice['address']}")
        self.see(order, "waiting")
        return order, invoice["id"]

    def pay(self, order: str, invoice_id: str) -> None:
        invoice = self.control("pay", invoice_id=invoice_id, factor="1")["invoice"]
        payment = invoice["payments"][0]
        self.say("payment", f"{payment['amount']} {invoice['pay_currency']} is on its way, {payment['txid'][:16]}...")
        self.see(order, "seen")

    def confirm(self, order: str, invoice_id: str) -> None:
        invoice = self.control("confirm", invoice_id=invoice_id)["invoice"]
        payment = invoice["payments"][0]
        self.say(
            "network",
            f"{payment['confirmations']} of {payment['required_confirmations']} confirmations; "
            f"for the gateway it is {invoice['status']}",
        )
        self.see(order, "paid")

    def look_at_callbacks(self, invoice_id: str) -> dict[str, Any]:
        """Print the callbacks with what the shop answered; return the one that said completed."""
        log = self.callbacks_of(invoice_id)
        for callback in log:
            first = "callbacks" if callback is log[0] else ""
            self.say(first, f"{callback['event']} ({callback['status']}): 200")
        completed = [callback for callback in log if callback["status"] == "completed"]
        if len(completed) != 1:
            raise DemoError(f"{len(completed)} callbacks said completed, not one")
        return completed[0]

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
        page = self.reload(f"/orders/{order}/", lambda page: f'data-state="{state}"' in page, f"the state {state}")
        title, text = re.findall(r"<h2[^>]*>(.*?)</h2>\s*<p[^>]*>(.*?)</p>", page)[0]
        self.say("page", f"{title}: {text}")


def describe(effects: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in effects.items())
