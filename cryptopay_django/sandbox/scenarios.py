"""Plays every normal sequence as one function: what customer, clock and merchant do to a fresh invoice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from . import merchant_calls, resolutions
from .core import Sandbox, travel
from .forms import InvoiceForm, read_invoice
from .invoices import Invoice, Status
from .refusals import invalid, not_now, not_one_of

TWO_WEEKS = timedelta(days=14)
FRESH_ORDER = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC"}

Step = Callable[[Sandbox, str], object]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A story with a name; `summary` says in a few words what happens."""

    name: str
    title: str
    summary: str
    steps: tuple[Step, ...]


def play(sandbox: Sandbox, name: str, invoice_id: str | None = None) -> Invoice:
    """Play a scenario on an invoice without a payment, or on a new one. Callbacks are delivered on the way.

    Where the account's own settings have ended the invoice, the steps that are left do nothing.
    """
    if name not in SCENARIOS:
        raise invalid(not_one_of("scenario", SCENARIOS))
    if invoice_id:
        invoice = sandbox.find(invoice_id)
    else:
        invoice = create_invoice(sandbox, read_invoice(FRESH_ORDER | {"name": SCENARIOS[name].title}))
    if invoice.status is not Status.NEW or invoice.transactions:
        raise not_now("A scenario begins with an invoice without a payment")
    for step in SCENARIOS[name].steps:
        if not invoice.is_final:
            step(sandbox, invoice.id)
            sandbox.deliver()
    return invoice


def create_invoice(sandbox: Sandbox, form: InvoiceForm) -> Invoice:
    """Create an invoice by hand, as a merchant does in the account."""
    with sandbox.changed:
        invoice = merchant_calls.create_invoice(sandbox.state, form, sandbox.settle_now())
        sandbox.note_change()
        return invoice


def resolve_by_hand(sandbox: Sandbox, invoice_id: str, how: str) -> Invoice:
    """Settle an unresolved invoice at today's rate ("recalculate") or "refund" it, by hand in the account."""
    with sandbox.changed:
        now, invoice = sandbox.settle_now(), sandbox.state.find(invoice_id)
        if how == "recalculate":
            resolutions.create_recalculation(sandbox.state, invoice, force_commit=True, at=now)
        else:
            resolutions.create_refund(sandbox.state, invoice, address=None, at=now)
        sandbox.note_change()
        return invoice


def expire(sandbox: Sandbox, invoice_id: str) -> None:
    """Move the clock to a second after the invoice's expiry; nothing if that has passed."""
    wait = sandbox.find(invoice_id).expires_at - sandbox.clock.now() + timedelta(seconds=1)
    if wait > timedelta(0):
        travel([sandbox], wait)


def _pay(factor: str = "1", *, risk: str = "low", double_spend: bool = False) -> Step:
    return lambda sandbox, invoice: sandbox.pay(invoice, factor=factor, risk=risk, double_spend=double_spend)


def _pay_the_rest(sandbox: Sandbox, invoice_id: str) -> None:
    sandbox.pay(invoice_id, amount="rest")


def _confirm(sandbox: Sandbox, invoice_id: str) -> None:
    sandbox.confirm(invoice_id)


def _wait(sandbox: Sandbox, invoice_id: str) -> None:
    travel([sandbox], sandbox.find(invoice_id).created_at + TWO_WEEKS - sandbox.clock.now())


def _resolve(how: str) -> Step:
    return lambda sandbox, invoice: resolve_by_hand(sandbox, invoice, how)


def _decide(decision: str) -> Step:
    return lambda sandbox, invoice: sandbox.decide(invoice, decision)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("paid_in_full", "Paid in full", "paid exactly, in time", (_pay(), _confirm)),
        Scenario(
            "topped_up",
            "Topped up in time",
            "0.9 of it, then the rest, in time",
            (_pay("0.9"), _confirm, _pay_the_rest, _confirm),
        ),
        Scenario(
            "underpaid_settled",
            "Underpaid, settled",
            "0.9 of it, expired, settled at the new rate",
            (_pay("0.9"), _confirm, expire, _resolve("recalculate")),
        ),
        Scenario(
            "underpaid_refunded",
            "Underpaid, refunded",
            "0.9 of it, expired, refunded",
            (_pay("0.9"), _confirm, expire, _resolve("refund")),
        ),
        Scenario(
            "overpaid_settled",
            "Overpaid, settled",
            "1.5 of it, all of it credited",
            (_pay("1.5"), _confirm, _resolve("recalculate")),
        ),
        Scenario(
            "overpaid_refunded",
            "Overpaid, refunded",
            "1.5 of it, the overage refunded",
            (_pay("1.5"), _confirm, _resolve("refund")),
        ),
        Scenario(
            "late_settled",
            "Paid late, settled",
            "paid after the expiry, settled at the new rate",
            (expire, _pay(), _confirm, _resolve("recalculate")),
        ),
        Scenario(
            "late_refunded",
            "Paid late, refunded",
            "paid after the expiry, refunded",
            (expire, _pay(), _confirm, _resolve("refund")),
        ),
        Scenario(
            "held_completed",
            "Held, completed",
            "a risky wallet; the desk lets it through",
            (_pay(risk="high"), _confirm, _decide("complete")),
        ),
        Scenario(
            "held_refunded",
            "Held, refunded",
            "a risky wallet; the desk sends the coins back",
            (_pay(risk="high"), _confirm, _decide("refund")),
        ),
        Scenario("never_paid", "Never paid", "nothing for 14 days", (expire, _wait)),
        Scenario(
            "double_spent",
            "Double spent",
            "seen, replaced, never confirmed, 14 days",
            (_pay(double_spend=True), _wait),
        ),
    )
}
