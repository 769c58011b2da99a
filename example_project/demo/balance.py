"""A balance: two top-ups by an address that stays, one by invoice, a held payment, and the ledger of the gateway."""

from decimal import Decimal
from typing import Any

from django.apps import apps

from cryptopay_django.conf import client_for

from .narrator import Narrator, found
from .processes import DemoError

AMOUNTS = ("0.001", "0.0025")


class BalanceStory(Narrator):
    """Two payments to an address, one invoice, one payment from a risky wallet."""

    def play(self) -> None:
        self.log_in("ada", "ada-demo")
        self.see_balance("0.00", "nothing")
        channel = self.get_address()
        payments = [self.send(channel, amount) for amount in AMOUNTS]
        credited = sum(Decimal(payment["received_amount"]) for payment in payments)
        self.see_balance(f"{credited:,.2f}", "both payments")
        credited += self.top_up("50")
        self.see_balance(f"{credited:,.2f}", "the top-up")
        held = self.send(channel, "0.004", risk="high")
        self.reload("/balance/", lambda page: "being looked at" in page, "the held payment")
        self.say("held", f"{held['paid_amount']} BTC from a risky wallet wait for a person; nothing is added")
        self.resend(self.callbacks_of(payments[0]["id"])[-1])
        self.see_balance(f"{credited:,.2f}", "the same as before")
        self.compare_ledger(held["id"])

    def get_address(self) -> str:
        """Get a Bitcoin address on the page; return the gateway's id of the channel."""
        self.customer.submit("/balance/addresses/", form_on="/balance/", coin="BTC/bitcoin")
        address = found(r"<code>(\w{20,})</code>", self.customer.get("/balance/"), "an address")
        self.say("address", f"ada sends to {address} whenever she likes")
        return next(one["id"] for one in self.control("state")["channels"] if one["address"] == address)

    def send(self, channel: str, amount: str, *, risk: str = "low") -> dict[str, Any]:
        """Send coins and confirm them; return the payment as the gateway has it."""
        self.control("pay", channel_id=channel, amount=amount, risk=risk)
        payment = dict(self.control("confirm", channel_id=channel)["channel"]["payments"][0])
        received = f", worth {payment['received_amount']} EUR after the fee" if risk == "low" else ""
        self.say("payment", f"{amount} BTC: for the gateway it is {payment['status']}{received}")
        return payment

    def top_up(self, amount: str) -> Decimal:
        """Top up by invoice, and pay it; return what was asked for."""
        choice = self.customer.submit("/balance/", form_on="/balance/", amount=amount)
        payment_page = self.customer.submit(choice, form_on=choice, coin="BTC/bitcoin")
        address = found(r'data-cp-copy="(\w{20,})"', self.customer.get(payment_page), "an address to pay to")
        invoice = next(one for one in self.control("state")["invoices"] if one["address"] == address)
        self.control("pay", invoice_id=invoice["id"], factor="1")
        paid = self.control("confirm", invoice_id=invoice["id"])["invoice"]
        self.say("invoice", f"a top-up of {amount} EUR: for the gateway it is {paid['status']}")
        return Decimal(amount)

    def see_balance(self, amount: str, what: str) -> None:
        self.reload("/balance/", lambda page: f'<p class="price big">€{amount}</p>' in page, f"€{amount}")
        self.say("page", f"{amount} EUR: {what}")

    def compare_ledger(self, held: str) -> None:
        """Ask the gateway for its ledger, and hold each line of the shop's against it.

        Of a payment to an address the customer has what is left after the gateway's fee; of an invoice the price.
        """
        client = client_for("default")
        rows = {str(row.reference_id): row for row in client.iterate(client.list_transactions)}
        lines = list(apps.get_model("shop", "LedgerEntry").objects.select_related("invoice", "channel_payment"))
        for line in lines:
            row = rows[str((line.invoice or line.channel_payment).gateway_id)]
            theirs = row.amount + row.fee if line.invoice else row.amount
            if (row.status, theirs, row.currency) != ("completed", line.amount, "EUR"):
                raise DemoError(f"{line}: the gateway's ledger has {theirs} {row.currency} ({row.status})")
        if len(lines) != 3 or rows[held].amount != 0:
            raise DemoError(f"{len(lines)} lines, and {rows[held].amount} of the held payment, not 3 and nothing")
        events = {line.event_uuid for line in lines}
        self.say(
            "ledger",
            f"{len(lines)} lines of {len(events)} events are those of the gateway; the held one moves nothing",
        )
