"""Moves the account's money from outside the API: deposits, withdrawals decided by hand, mails that are paid."""

from __future__ import annotations

from decimal import Decimal

from . import ledger, subscriptions, withdrawal_orders, withdrawals
from .core import Sandbox
from .forms import Problems, read_amount, read_currency
from .invoices import Invoice
from .subscriptions import Subscription
from .withdrawals import Withdrawal


def deposit(sandbox: Sandbox, currency: str, amount: str | Decimal) -> ledger.Row:
    """Credit money that came from outside: coins to the account's own wallet, or a transfer from a bank."""
    problems, body = Problems(), {"currency": currency, "amount": amount}
    code = read_currency(body, "currency", problems)
    number = read_amount(body, "amount", code, problems)
    problems.check()
    with sandbox.acting() as (state, now):
        return ledger.deposit(state, code, number, now)


def decide_withdrawal(sandbox: Sandbox, withdrawal_id: str, decision: str) -> Withdrawal:
    """Let the service "hold", "release", "fail", "complete" or "cancel" a withdrawal."""
    with sandbox.acting() as (state, now):
        withdrawal = withdrawal_orders.find_withdrawal(state, withdrawal_id)
        withdrawals.decide(state, withdrawal, decision=decision, at=now)
        return withdrawal


def bill(sandbox: Sandbox, subscription_id: str, pay_currency: str = "BTC", network: str | None = None) -> Invoice:
    """Let the payer open the mail and choose a coin: the invoice for the subscription's current period."""
    with sandbox.acting() as (state, now):
        subscription = subscriptions.find_subscription(state, subscription_id)
        return subscriptions.bill(state, subscription, pay_currency, network, now)


def cancel_subscription(sandbox: Sandbox, subscription_id: str) -> Subscription:
    """Cancel a subscription, as a merchant does by the API."""
    with sandbox.acting() as (state, now):
        subscription = subscriptions.find_subscription(state, subscription_id)
        return subscriptions.cancel_subscription(state, subscription, now)
