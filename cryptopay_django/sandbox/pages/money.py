"""Shows the account's money: balances and ledger, withdrawals, exchange transfers, subscriptions."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice

from ..core import Sandbox
from ..ledger import Row, account_currencies, balance_of, rows_with_balances
from ..routing import Response
from ..simulated_coins import COINS, FIAT
from ..subscriptions import Subscription
from ..transfers import Transfer
from ..withdrawals import Withdrawal, possible_decisions
from .frame import badge, button, desk_page, facts, field, form, select
from .hosted_parts import spell_coins
from .html import Html, el

SHOWN = 100
_HINTS = {
    "hold": "Put it on hold, as the service does above the maximum of a transaction",
    "release": "Let it go on",
    "fail": "Let it fail, which is not final: it is completed or cancelled later",
    "complete": "Bring it to its end now",
    "cancel": "Give it up and return the debit",
}


def show_ledger(sandbox: Sandbox) -> Response:
    """Return the balances, a way to pay money in, and the newest rows of the ledger."""
    state = sandbox.state
    filled = [currency for currency in account_currencies(state) if balance_of(state, currency)]
    balances = {currency: spell_coins(balance_of(state, currency)) for currency in sorted(filled)}
    rows = [_row(row, balance) for row, balance in islice(rows_with_balances(state), SHOWN)]
    return desk_page(
        sandbox,
        "Ledger",
        "/ledger",
        el("section", el("h2", "Balances"), facts(balances) if balances else _nothing(), aria_label="Balances"),
        el("section", el("h2", "Deposit"), _deposit_form(), aria_label="Deposit"),
        _section("Ledger", len(state.rows), rows),
    )


def show_withdrawals(sandbox: Sandbox) -> Response:
    """Return the withdrawals, newest first, with what the service can do to each, and the exchange transfers."""
    state = sandbox.state
    withdrawals = [_withdrawal(one) for one in islice(reversed(state.withdrawals.values()), SHOWN)]
    transfers = [_transfer(one) for one in islice(reversed(state.transfers.values()), SHOWN)]
    return desk_page(
        sandbox,
        "Withdrawals",
        "/withdrawals",
        _section("Withdrawals", len(state.withdrawals), withdrawals),
        _section("Exchange transfers", len(state.transfers), transfers),
    )


def show_subscriptions(sandbox: Sandbox) -> Response:
    """Return the subscriptions, newest first; the payer's mail of each can be opened here."""
    subscriptions = sandbox.state.subscriptions
    listed = [_subscription(one) for one in islice(reversed(subscriptions.values()), SHOWN)]
    return desk_page(sandbox, "Subscriptions", "/subscriptions", _section("Subscriptions", len(subscriptions), listed))


def _section(title: str, number: int, items: list[Html]) -> Html:
    listed = el("ul", items, class_="list") if items else _nothing()
    return el("section", el("h2", title, el("small", f" {number}")), listed, aria_label=title)


def _nothing() -> Html:
    return el("p", "Nothing yet.", class_="hint")


def _deposit_form() -> Html:
    currencies = {code: code for code in (*COINS, *FIAT)}
    return form(
        "deposit",
        field("Amount", el("input", name="amount", inputmode="decimal", value="1", required=True)),
        field(
            "Currency", select("currency", currencies, "BTC"), "Coins to your wallet here, or a transfer from a bank."
        ),
        el("button", "Deposit", type="submit", class_="main"),
    )


def _row(row: Row, balance: Decimal) -> Html:
    fee = "" if row.fee is None else f"fee {spell_coins(row.fee)} {row.fee_currency}"
    return el(
        "li",
        el("span", row.reference_type, " ", el("small", row.custom_id or row.reference_id[:8])),
        el("span", _spell(row.amount, row.currency), class_="number"),
        el("span", f"balance {spell_coins(balance)}, ", fee or "no fee", class_="number hint"),
        badge(row.status, row.status_context) if row.status else el("span"),
        el("time", f"{row.created_at:%m-%d %H:%M:%S}", class_="hint"),
    )


def _withdrawal(withdrawal: Withdrawal) -> Html:
    subject = {"withdrawal_id": withdrawal.id}
    buttons = [
        button(decision.capitalize(), "withdrawal", subject | {"decision": decision}, hint=_HINTS[decision])
        for decision in possible_decisions(withdrawal)
    ]
    return el(
        "li",
        el("span", withdrawal.custom_id or withdrawal.id[:8], " ", el("small", withdrawal.address)),
        el("span", _spell(withdrawal.charged_amount, withdrawal.charged_currency), class_="number"),
        el("span", _spell(withdrawal.received_amount, withdrawal.received_currency), class_="number hint"),
        badge(withdrawal.status),
        el("span", buttons, class_="row"),
    )


def _transfer(transfer: Transfer) -> Html:
    return el(
        "li",
        el("span", transfer.custom_id or transfer.id[:8]),
        el("span", _spell(transfer.charged_amount, transfer.charged_currency), class_="number"),
        el("span", _spell(transfer.received_amount, transfer.received_currency), class_="number hint"),
        badge("new" if transfer.is_preview else "completed"),
        el("time", f"{transfer.created_at:%m-%d %H:%M:%S}", class_="hint"),
    )


def _subscription(subscription: Subscription) -> Html:
    subject = {"subscription_id": subscription.id}
    buttons = []
    if subscription.status == "active":
        if not subscription.current_period_paid:
            buttons.append(button("Open the mail", "bill", subject, hint="Make the invoice of this period, in BTC"))
        buttons.append(button("Cancel", "cancel_subscription", subject))
    paid = "paid" if subscription.current_period_paid else "unpaid"
    return el(
        "li",
        el("span", subscription.name, " ", el("small", subscription.custom_id or subscription.id[:8])),
        el("span", _spell(subscription.amount, subscription.currency), class_="number"),
        el("span", f"{paid} until {subscription.current_period_ends_at:%Y-%m-%d %H:%M}", class_="number hint"),
        badge(subscription.status),
        el("span", buttons, class_="row"),
    )


def _spell(amount: Decimal, currency: str) -> str:
    return f"{spell_coins(amount)} {currency}"
