"""Shows the person at the sandbox invoices, one invoice, callbacks, the account, and the trouble maker."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import islice

from ..callbacks import Attempt, Callback
from ..clock import spell_time
from ..core import Sandbox
from ..invoices import Invoice
from ..routing import Response
from ..simulated_coins import COINS, FIAT, NETWORKS
from .frame import badge, button, desk_page, facts, field, form, select
from .hosted_parts import spell_coins, spell_money
from .html import Html, el
from .wallet import resolution_bar, scenario_row, wallet_bar

SHOWN = 100


def show_invoices(sandbox: Sandbox) -> Response:
    """Return the first page: scenarios, a new invoice, all invoices newest first."""
    invoices = sandbox.state.invoices
    rows = [_invoice_row(invoice) for invoice in islice(reversed(invoices.values()), SHOWN)]
    nothing = el("p", "None yet. Create one here, play a scenario, or let your shop do it.", class_="hint")
    listed = el("ul", rows, class_="list") if rows else nothing
    return desk_page(
        sandbox,
        "Invoices",
        "/",
        scenario_row(None),
        el("section", el("h2", "New invoice"), _new_invoice(), aria_label="New invoice"),
        el("section", el("h2", "Invoices", el("small", f" {len(invoices)}")), listed, aria_label="Invoices"),
    )


def show_invoice(sandbox: Sandbox, invoice: Invoice) -> Response:
    """Return everything about one invoice, and everything that can be done to it."""
    callbacks = [entry for entry in sandbox.state.outbox.log.values() if entry.subject_id == invoice.id]
    timeline = [
        el("li", el("time", f"{at:%m-%d %H:%M:%S}", datetime=spell_time(at)), " ", text)
        for at, text in invoice.timeline
    ]
    return desk_page(
        sandbox,
        f"Invoice {invoice.custom_id or invoice.id[:8]}",
        "",
        el("section", el("h1", invoice.texts["name"] or f"Invoice {invoice.id[:8]}"), _facts_of(invoice)),
        wallet_bar(invoice),
        resolution_bar(invoice),
        scenario_row(invoice),
        _payments_of(invoice, sandbox.clock.now()),
        el("section", el("h2", "Timeline"), el("ol", timeline, class_="timeline"), aria_label="Timeline"),
        callback_section(callbacks),
    )


def show_callbacks(sandbox: Sandbox) -> Response:
    """Return the callback log, newest first."""
    return desk_page(sandbox, "Callbacks", "/callbacks", callback_section(list(sandbox.state.outbox.log.values())))


def _new_invoice() -> Html:
    coins = {code: f"{code} · {coin.name}" for code, coin in COINS.items()}
    currencies = {code: code for code in (*FIAT, *COINS)}
    return form(
        "invoice",
        field("Price", el("input", name="price_amount", inputmode="decimal", value="100", required=True)),
        field("Currency", select("price_currency", currencies, "EUR")),
        field("Paid in", select("pay_currency", coins, "BTC")),
        field("Name", el("input", name="name", placeholder="Order 4711")),
        el("button", "Create", type="submit", class_="main"),
    )


def _facts_of(invoice: Invoice) -> Html:
    network = NETWORKS[invoice.network]
    known: dict[str, object] = {
        "Status": badge(invoice.status, invoice.context),
        "Price": f"{spell_money(invoice.price_amount)} {invoice.price_currency}",
        "To pay": f"{spell_coins(invoice.pay_amount)} {invoice.pay_currency}, {network.title}",
        "Paid": f"{spell_coins(invoice.paid_amount)} {invoice.pay_currency}",
        "Address": el("code", invoice.address),
        "custom_id": invoice.custom_id or "none",
        "Expires": f"{invoice.expires_at:%Y-%m-%d %H:%M:%S}",
        "Hosted page": el("a", "what the customer sees", href=f"/invoices/{invoice.id}"),
    }
    return facts(known | ({network.tag_name: str(invoice.tag)} if network.tag_name else {}))


def _payments_of(invoice: Invoice, now: datetime) -> Html | None:
    if not invoice.transactions:
        return None
    payments = [
        el(
            "li",
            el("code", payment.txid[:16], "…"),
            f" {spell_coins(payment.amount)} {invoice.pay_currency}, risk {payment.risk}, ",
            "double spent" if payment.doomed else f"{payment.confirmations(now)} of {payment.required} blocks",
        )
        for payment in invoice.transactions
    ]
    return el("section", el("h2", "Payments"), el("ul", payments), aria_label="Payments")


def _invoice_row(invoice: Invoice) -> Html:
    name = invoice.texts["name"] or invoice.custom_id or invoice.id
    price = f"{spell_money(invoice.price_amount)} {invoice.price_currency}"
    paid = f"{spell_coins(invoice.paid_amount)} of {spell_coins(invoice.pay_amount)} {invoice.pay_currency}"
    return el(
        "li",
        el("a", name, href=f"/invoices/{invoice.id}/desk"),
        el("span", price, class_="number"),
        el("span", paid, class_="number hint"),
        badge(invoice.status, invoice.context),
        el("a", "hosted page", href=f"/invoices/{invoice.id}", class_="hint"),
    )


def callback_section(callbacks: list[Callback]) -> Html:
    """Return callbacks, newest first, each with its attempts."""
    newest = [_callback(callback) for callback in islice(reversed(callbacks), SHOWN)]
    nothing = el("p", "None yet.", class_="hint")
    title = el("h2", "Callbacks", el("small", f" {len(callbacks)}"))
    return el("section", title, newest or nothing, class_="callbacks", aria_label="Callbacks")


def _callback(callback: Callback) -> Html:
    last = callback.attempts[-1] if callback.attempts else None
    answered = _answer(last) if last else "not tried yet"
    due = f", again at {callback.due_at:%H:%M:%S}" if callback.due_at and last else ""
    summary = el(
        "summary",
        el("time", f"{callback.created_at:%H:%M:%S}", datetime=spell_time(callback.created_at)),
        el("b", callback.event),
        badge(callback.status),
        el("span", f"{callback.state}: {answered}{due}", class_=f"delivery {callback.state}"),
    )
    body = json.dumps(json.loads(callback.body), indent=2, ensure_ascii=False)
    return el(
        "details",
        summary,
        el("p", button("Resend", "resend", {"callback_id": callback.id}), el("small", callback.id)),
        el("h3", "Attempts"),
        el("ol", [_attempt(attempt) for attempt in callback.attempts]),
        el("h3", "Body"),
        el("pre", body, tabindex=0),
        id=f"callback-{callback.id}",
    )


def _attempt(attempt: Attempt) -> Html:
    headers = "\n".join(f"{name}: {value}" for name, value in attempt.headers.items())
    answer = attempt.answer.body.decode("utf-8", "replace")
    return el(
        "li",
        el("time", f"{attempt.at:%m-%d %H:%M:%S}", datetime=spell_time(attempt.at)),
        f" {_answer(attempt)}",
        el("span", f" trouble: {attempt.trouble}", class_="badge unresolved") if attempt.trouble else None,
        el("pre", f"POST {attempt.url}\n{headers}", tabindex=0),
        el("pre", answer, tabindex=0) if answer else None,
    )


def _answer(attempt: Attempt) -> str:
    return str(attempt.status) if attempt.status is not None else attempt.answer.error
