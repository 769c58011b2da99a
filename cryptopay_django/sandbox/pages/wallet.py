"""Draws the buttons of an invoice: for the customer's wallet, the chain, scenarios, the merchant, the desk."""

from __future__ import annotations

from ..invoices import Context, Invoice, Status
from ..scenarios import SCENARIOS
from .frame import button, form
from .html import Html, el

_PAYMENTS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("Exactly", {"factor": "1"}, "Pay what is asked for"),
    ("Less", {"factor": "0.9"}, "Pay 0.9 of it"),
    ("More", {"factor": "1.5"}, "Pay 1.5 of it"),
    ("Twice", {"twice": True}, "Pay it two times"),
    ("Late", {"late": True}, "Let it expire, then pay"),
    ("Risky", {"risk": "high"}, "Pay from a wallet of ill repute"),
    ("Double spend", {"double_spend": True}, "Pay, and spend the same coins elsewhere"),
)


def wallet_bar(invoice: Invoice) -> Html:
    """Return the customer's wallet and the chain, or a word on why there is nothing more to pay."""
    title = el("h2", "Wallet", el("small", " plays the customer"))
    if invoice.is_final or invoice.context is Context.ILLICIT_RESOURCE:
        word = (invoice.context or invoice.status).replace("_", " ")
        nothing = el("p", f"The invoice is {word}: it takes no more payments.")
        return el("section", title, nothing, class_="wallet", aria_label="Wallet")
    subject = {"invoice_id": invoice.id}
    buttons = [
        button(label, "pay", subject | how, hint=hint, kind="main" if label == "Exactly" else "")
        for label, how, hint in _PAYMENTS
    ]
    if invoice.paid_amount and invoice.paid_amount < invoice.pay_amount:
        buttons.insert(1, button("The rest", "pay", subject | {"amount": "rest"}, hint="Pay what is missing"))
    any_amount = form(
        "pay",
        el("input", type="hidden", name="invoice_id", value=invoice.id),
        el(
            "input", name="amount", inputmode="decimal", required=True, placeholder="Any amount", autocomplete="off",
            aria_label=f"Any amount of {invoice.pay_currency}",
        ),
        el("span", invoice.pay_currency),
        el("button", "Pay", type="submit"),
        class_="row any",
    )  # fmt: skip
    waiting = any(payment.confirmed_at is None and not payment.doomed for payment in invoice.transactions)
    blocks = button(
        "Confirm now", "confirm", subject, kind="main" if waiting else "", hint="Bring all blocks that payments need"
    )
    late = button("Expire", "expire", subject, hint="Move the clock past the expiry")
    rows = (el("div", buttons, class_="grid"), any_amount, el("div", blocks, late, class_="row"))
    return el("section", title, rows, class_="wallet", aria_label="Wallet")


def scenario_row(invoice: Invoice | None) -> Html | None:
    """Return every scenario as one click, on this invoice while it is fresh, or on a new one."""
    if invoice is not None and (invoice.status is not Status.NEW or invoice.transactions):
        return None
    subject = {"invoice_id": invoice.id} if invoice else {}
    buttons = [
        button(scenario.title, "scenario", subject | {"scenario": scenario.name}, hint=scenario.summary)
        for scenario in SCENARIOS.values()
    ]
    text = "Play a whole story on this invoice." if invoice else "Play a whole story on a fresh invoice."
    words = el("p", f"{text} Those that wait move the clock for every invoice.", class_="hint")
    return el("section", el("h2", "Scenarios"), words, el("div", buttons, class_="grid"), aria_label="Scenarios")


def resolution_bar(invoice: Invoice) -> Html | None:
    """Return what can be done with an unresolved invoice: by the desk when it is on hold, else by the merchant."""
    if invoice.status is not Status.UNRESOLVED:
        return None
    subject = {"invoice_id": invoice.id}
    if invoice.context is Context.ILLICIT_RESOURCE:
        title, words = "Monitoring desk", "Only the service's own team decides on a payment that is on hold."
        buttons = [
            button("Let it through", "decide", subject | {"decision": "complete"}, kind="main"),
            button("Send it back", "decide", subject | {"decision": "refund"}),
        ]
    else:
        title, words = "Unresolved", "The merchant resolves it by hand here, by the API, or by the account's settings."
        buttons = [
            button("Settle at today's rate", "recalculate", subject, kind="main"),
            button("Refund", "refund", subject, hint="To the merchant's own coin account"),
        ]
    row = el("div", buttons, class_="row")
    return el("section", el("h2", title), el("p", words, class_="hint"), row, class_="decision", aria_label=title)
