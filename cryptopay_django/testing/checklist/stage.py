"""Plays the steps of a story with the sandbox and the shop under test, and records what happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.test import Client

from ...exceptions import CryptopayError
from ...models import Invoice, InvoiceEvent, InvoiceStatus, Resolution
from ...services import (
    approve_resolution,
    create_invoice,
    process_overdue,
    refresh_invoice,
    refund_invoice,
    settle_invoice,
)
from ..inprocess import InProcessSandbox

PlaceOrder = Callable[[Client], Invoice]
Probe = Callable[[Invoice], Any]

ACTOR = "cryptopay_checklist"
SECOND_PERSON = "cryptopay_checklist, second person"
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Credit:
    """The amount that the shop had credited for an invoice at one moment, and the invoice's state then."""

    moment: str
    status: str
    ordered: Decimal
    settled: Decimal | None
    amount: Decimal

    @property
    def wrong(self) -> str:
        """The difference from the expected result, as text; empty if there is none."""
        if self.status != InvoiceStatus.COMPLETED or self.settled is None:
            return "" if self.amount == 0 else f"credited {self.amount:f} {self.moment}, when it was {self.status}"
        least = min(self.ordered, self.settled) if self.settled >= self.ordered else Decimal(0)
        if least <= self.amount <= self.settled:
            return ""
        return f"credited {self.amount:f} for {self.settled:f} settled, {self.moment}"


@dataclass
class Story:
    """The story of one invoice from its order to its end, with all observations."""

    name: str
    client: Client
    invoice: Invoice
    credits: list[Credit] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    reached: str = ""
    resolution: Resolution | None = None
    resent: int = 0
    before_resend: Decimal | None = None
    error: str = ""

    @property
    def state(self) -> str:
        """Status and context as readable text."""
        return spell_state(self.invoice.status, self.invoice.status_context)

    @property
    def account(self) -> str:
        """The account whose callbacks are about the invoice."""
        return self.invoice.account

    @property
    def subjects(self) -> list[Invoice]:
        """The invoice: callbacks are about it."""
        return [self.invoice]

    @property
    def undelivered(self) -> list[InvoiceEvent]:
        """Events whose receivers have failed."""
        return list(InvoiceEvent.objects.primary().filter(invoice=self.invoice, delivered_at=None, attempts__gt=0))


class Shop:
    """The shop under test: its orders, its pages, its staff functions, and the amounts that it has credited."""

    def __init__(self, *, place_order: PlaceOrder, probe: Probe | None) -> None:
        self.place_order = place_order
        self.probe = probe
        self.probe_error = ""

    def look(self, story: Story, moment: str) -> None:
        """Read the row again, and record what is credited."""
        story.invoice = Invoice.objects.primary().get(pk=story.invoice.pk)
        if story.invoice.status == InvoiceStatus.UNRESOLVED:
            story.reached = story.invoice.status_context
        self._ask_probe(story, moment)

    def begin(self, name: str) -> Story:
        """Place an order in the shop, and open the return page before anything is paid."""
        client = Client()
        invoice = self.place_order(client)
        if not isinstance(invoice, Invoice) or invoice.gateway_id is None:
            raise TypeError(f"the order function must return an Invoice that the gateway knows, not {invoice!r}")
        story = Story(name, client, invoice)
        self.look(story, "after the order")
        self.come_back(story)
        return story

    def come_back(self, story: Story) -> None:
        """Open the page that the customer returns to. It must not credit the order."""
        url = urlsplit(story.invoice.success_redirect_url)
        if url.path:
            path = f"{url.path}?{url.query}" if url.query else url.path
            story.client.raise_request_exception = False
            story.client.get(path, headers={"host": "testserver"}, secure=True)
            self.look(story, "after a visit to the return URL")

    def settle(self, story: Story) -> None:
        """Settle an unresolved invoice like staff."""
        self._resolve(story, settle_invoice(story.invoice, actor=ACTOR, reason="checklist"), "after the settlement")

    def refund(self, story: Story) -> None:
        """Refund an unresolved invoice to the merchant's own account like staff."""
        self._resolve(story, refund_invoice(story.invoice, actor=ACTOR, reason="checklist"), "after the refund")

    def _resolve(self, story: Story, resolution: Resolution, moment: str) -> None:
        if resolution.awaits_approval:
            resolution = approve_resolution(resolution, actor=SECOND_PERSON)
        story.resolution = resolution
        self.look(story, moment)

    def _ask_probe(self, story: Story, moment: str) -> None:
        if self.probe is None or self.probe_error:
            return
        try:
            amount = Decimal(self.probe(story.invoice) or 0)
        except Exception as error:  # noqa: BLE001 - the shop's own code: whatever it raises is the finding
            self.probe_error = f"the probe raised {type(error).__name__}: {error}"
            return
        row = story.invoice
        story.credits.append(Credit(moment, row.status, row.price_amount, row.settled_amount, amount))


class Stage(Shop):
    """Plays the customer, the blockchain and staff. After every step, delivers and processes callbacks."""

    def __init__(self, sandbox: InProcessSandbox, *, place_order: PlaceOrder, probe: Probe | None) -> None:
        super().__init__(place_order=place_order, probe=probe)
        self.sandbox = sandbox

    def pay(self, story: Story, factor: str = "1", *, risk: str = "low", confirm: bool = True) -> None:
        """Pay a factor of the amount, and let the network confirm it."""
        self.sandbox.pay(story.invoice, factor=factor, risk=risk)
        self.look(story, "after the payment")
        if confirm:
            self.sandbox.confirm(story.invoice)
            self.look(story, "after the confirmation")

    def expire(self, story: Story) -> None:
        """Let the invoice expire."""
        left = self.sandbox.invoice(story.invoice).expires_at - self.sandbox.now + timedelta(seconds=1)
        self.pass_time(story, max(left, timedelta(0)), "after the expiry")

    def pass_time(self, story: Story, delta: timedelta, moment: str) -> None:
        """Move the sandbox's clock."""
        self.sandbox.advance(seconds=delta.total_seconds(), deliver=True)
        self.look(story, moment)

    def resend(self, story: Story) -> None:
        """Let the gateway send every callback of the invoice again, the oldest last, and the newest twice."""
        callbacks = [
            entry for entry in self.sandbox.callbacks(story.invoice) if any(try_.ok for try_ in entry.attempts)
        ]
        story.before_resend = story.credits[-1].amount if story.credits else None
        for callback in [*callbacks[-1:], *reversed(callbacks)]:
            self.sandbox.resend(callback)
            self.sandbox.deliver()
            story.resent += 1
        self.look(story, "after every callback was resent")

    def look(self, story: Story, moment: str) -> None:
        """Deliver and process due callbacks, compare our row with the gateway, and record what is credited.

        If callbacks did not update our row, note it and use GET, so that one fault does not fail every point.
        """
        self.sandbox.deliver()
        for _ in range(ROUNDS):
            if not process_overdue():
                break
        story.invoice = Invoice.objects.primary().get(pk=story.invoice.pk)
        there = self.sandbox.invoice(story.invoice)
        theirs = spell_state(str(there.status), str(there.context or ""))
        if theirs != story.state:
            story.missed.append(f"{story.name}, {moment}: the gateway has {theirs}, our row still had {story.state}")
            try:
                story.invoice = refresh_invoice(story.invoice)
            except CryptopayError as error:
                story.missed.append(f"{story.name}: GET did not mend it: {error}")
        super().look(story, moment)


def place_plain_order(client: Client) -> Invoice:
    """Create an invoice without an order, for a shop without an order function."""
    return create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC", name="Checklist")


def spell_state(status: str, context: str) -> str:
    """Return status and context as readable text."""
    return f"{status} ({context})" if context else status
