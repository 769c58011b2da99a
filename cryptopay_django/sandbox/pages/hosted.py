"""Shows a customer an invoice to pay, in their language, and serves the JSON that the page polls."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from ..addresses import make_uri
from ..amounts import EXACT, spell
from ..core import Sandbox
from ..invoices import Invoice, Status
from ..routing import Response
from ..simulated_coins import COINS, NETWORKS
from .drawings import draw_qr
from .frame import frame
from .hosted_parts import Look, back_button, is_link, line, spell_coins, spell_money
from .html import Html, el
from .texts import LABELS, PHASES
from .wallet import resolution_bar, scenario_row, wallet_bar

RETURN_SECONDS = 8
# Phases in which the customer can still do something; in all others there is nothing to pay.
_PAYABLE = frozenset({"waiting", "partial"})


def show(sandbox: Sandbox, invoice: Invoice, look: Look) -> Response:
    """Return the hosted page with the wallet bar beside it."""
    now = sandbox.clock.now()
    card = el(
        "article",
        _banner(invoice, now, look.locale),
        _payment(invoice, now, look.labels),
        back_button(look, invoice.texts["unsuccess_redirect_url"]),
        class_="card",
    )
    more = el("a", "Timeline and callbacks of this invoice", href=f"/invoices/{invoice.id}/desk")
    hands = el(
        "aside",
        el("p", "Sandbox: everything in this frame is for you, not for a customer.", class_="hint"),
        wallet_bar(invoice),
        resolution_bar(invoice),
        scenario_row(invoice),
        el("p", more, class_="hint"),
        class_="hands",
        lang="en",
    )
    return frame(
        invoice.texts["name"] or "Invoice",
        el("main", card, hands, class_="hosted"),
        live=f"/invoices/{invoice.id}/state.json",
        theme=look.theme,
        locale=look.locale,
    )


def show_state(sandbox: Sandbox, invoice: Invoice) -> dict[str, Any]:
    """Return what the page polls: `mark` changes when there is something new to show."""
    now = sandbox.clock.now()
    phase = phase_of(invoice, now)
    confirmations = [f"{payment.confirmations(now)}/{payment.required}" for payment in invoice.transactions]
    seen = (phase, invoice.context, spell(invoice.paid_amount), confirmations, len(invoice.timeline))
    return {
        "mark": repr(seen),
        "phase": phase,
        "status": invoice.status,
        "status_context": invoice.context,
        "paid_amount": spell(invoice.paid_amount),
        "confirmations": confirmations,
        "seconds_left": _seconds_left(invoice, now),
        "speed": sandbox.clock.speed,
    }


def phase_of(invoice: Invoice, now: datetime) -> str:
    """Return where the customer stands, which is more than a status says."""
    if invoice.status is not Status.NEW:
        return invoice.context.value if invoice.context else invoice.status.value
    if any(payment.confirmed_at is None for payment in invoice.transactions):
        return "seen"
    if now >= invoice.expires_at:
        return "expired"
    return "partial" if invoice.transactions else "waiting"


def _banner(invoice: Invoice, now: datetime, locale: str) -> Html:
    phase = phase_of(invoice, now)
    headline, sentence = PHASES[locale][phase]
    texts = invoice.texts
    price = f"{spell_money(invoice.price_amount)} {invoice.price_currency}"
    order = el(
        "header",
        el("p", texts["name"], class_="order") if texts["name"] else None,
        el("p", texts["description"], class_="hint") if texts["description"] else None,
        el("p", price, class_="price"),
    )
    state = el("div", el("h1", headline), el("p", sentence), class_=f"phase {phase}", role="status")
    return el("div", order, state, _way_back(invoice, phase, locale))


def _way_back(invoice: Invoice, phase: str, locale: str) -> Html | None:
    """Lead the customer back to the shop: by itself once it is paid, by a link when it went wrong."""
    labels = LABELS[locale]
    success = phase == "completed"
    url = invoice.texts["success_redirect_url" if success else "unsuccess_redirect_url"]
    if phase in _PAYABLE or phase == "seen" or not is_link(url):
        return None
    if not success:
        return el("p", el("a", labels["back"], href=url, class_="button"), class_="back")
    stay = el("button", labels["stay"], type="button", class_="link", data_stay=True)
    link = el("a", labels["back"], href=url, class_="button", data_return=RETURN_SECONDS)
    return el("p", link, el("span", labels["returning"], " ", stay), class_="back")


def _payment(invoice: Invoice, now: datetime, labels: dict[str, str]) -> Html:
    """Return the address and the payments; only the latter once there is nothing to pay."""
    known = _progress(invoice, now, labels)
    if phase_of(invoice, now) not in _PAYABLE:
        return el("div", known, class_="lines")
    code, network = invoice.pay_currency, NETWORKS[invoice.network]
    due = EXACT.subtract(invoice.pay_amount, invoice.paid_amount)
    uri = make_uri(code, invoice.network, address=invoice.address, tag=invoice.tag, amount=due)
    amount = spell_coins(due)
    lines = [
        line(labels["amount"], el("b", amount, " ", code), copy=amount, labels=labels),
        line(labels["address"], el("code", invoice.address), copy=invoice.address, labels=labels),
        line(labels["network"], " · ".join(dict.fromkeys((COINS[code].name, network.title)))),
        line(labels["left"], _countdown(invoice, now)),
    ]
    if network.tag_name:
        tag = [el("code", invoice.tag), el("small", labels["tag"])]
        lines.insert(2, line(network.tag_name, tag, copy=str(invoice.tag), labels=labels))
    link = el("a", labels["open"], href=uri, class_="button plain") if urlsplit(uri).scheme else None
    figure = el("figure", draw_qr(uri), el("figcaption", labels["qr"], class_="unseen"))
    return el("div", figure, el("div", lines, known, link, class_="lines"), class_="payment")


def _progress(invoice: Invoice, now: datetime, labels: dict[str, str]) -> list[Html]:
    if not invoice.transactions:
        return []
    blocks = ", ".join(f"{payment.confirmations(now)}/{payment.required}" for payment in invoice.transactions)
    paid = f"{spell_coins(invoice.paid_amount)} {invoice.pay_currency}"
    return [line(labels["paid"], paid), line(labels["confirmations"], blocks)]


def _countdown(invoice: Invoice, now: datetime) -> Html:
    left = str(timedelta(seconds=_seconds_left(invoice, now))).removeprefix("0:")
    return el("span", left, class_="countdown", data_countdown=True)


def _seconds_left(invoice: Invoice, now: datetime) -> int:
    return max(0, int((invoice.expires_at - now).total_seconds()))
