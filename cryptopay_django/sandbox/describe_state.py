"""Describes the sandbox's state for the control API and the pages."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import Any

from .callbacks import Attempt, Callback
from .channels import Channel
from .clock import spell_time
from .core import Sandbox
from .invoices import Invoice, Risk
from .ledger import rows_with_balances
from .risks import make_wallet

# Rows of the ledger in the description; the API has all.
SHOWN = 100


def describe_state(sandbox: Sandbox) -> dict[str, Any]:
    """Return everything there is to see: clock, account, invoices, money (the newest rows), callback log."""
    with sandbox.changed:
        sandbox.run_due()
        state = sandbox.state
        wallets = {
            network: make_wallet(state.seed, network, Risk.HIGH)
            for network in sorted(
                {one.network for one in state.invoices.values()} | {one.network for one in state.channels.values()}
            )
        }
        return {
            "clock": {"now": spell_time(state.clock.now()), "speed": state.clock.speed},
            "seed": state.seed,
            "account": state.account.describe(),
            "trouble": state.trouble.describe(),
            "variants": state.variants.describe(),
            "high_risk_addresses": wallets,
            "invoices": [describe_invoice(sandbox, invoice) for invoice in reversed(state.invoices.values())],
            "channels": [describe_channel(sandbox, channel) for channel in reversed(state.channels.values())],
            "transactions": [row.to_wire(balance) for row, balance in islice(rows_with_balances(state), SHOWN)],
            "withdrawals": [withdrawal.to_wire() for withdrawal in reversed(state.withdrawals.values())],
            "exchange_transfers": [transfer.to_wire() for transfer in reversed(state.transfers.values())],
            "subscriptions": [subscription.to_wire() for subscription in reversed(state.subscriptions.values())],
            "callbacks": [describe_callback(callback) for callback in state.outbox.log.values()],
        }


def describe_invoice(sandbox: Sandbox, invoice: Invoice) -> dict[str, Any]:
    """Return the invoice as the API shows it, and what only the sandbox knows."""
    now = sandbox.clock.now()
    payments = [
        {
            "txid": payment.txid,
            "amount": payment.amount,
            "risk": payment.risk,
            "confirmations": payment.confirmations(now),
            "required_confirmations": payment.required,
            "double_spend": payment.doomed,
        }
        for payment in invoice.transactions
    ]
    timeline = [{"at": spell_time(at), "text": text} for at, text in invoice.timeline]
    return invoice.to_wire() | {"payments": payments, "timeline": timeline}


def describe_channel(sandbox: Sandbox, channel: Channel) -> dict[str, Any]:
    """Return the channel as the API shows it, with its payments and what only the sandbox knows of them."""
    now = sandbox.clock.now()
    payments = [
        payment.to_wire()
        | {
            "confirmations": payment.transaction.confirmations(now),
            "required_confirmations": payment.transaction.required,
            "double_spend": payment.transaction.doomed,
            "timeline": [{"at": spell_time(at), "text": text} for at, text in payment.timeline],
        }
        for payment in reversed(channel.payments)
    ]
    return channel.to_wire() | {"payments": payments}


def describe_callback(callback: Callback) -> dict[str, Any]:
    """Return one line of the callback log with all its attempts."""
    return {
        "id": callback.id,
        "type": callback.type,
        "subject_id": callback.subject_id,
        "event": callback.event,
        "status": callback.status,
        "state": callback.state,
        "created_at": spell_time(callback.created_at),
        "next_attempt_at": spell_time(callback.due_at) if callback.due_at else None,
        "body": callback.body.decode(),
        "attempts": [describe_attempt(attempt) for attempt in callback.attempts],
    }


def describe_attempt(attempt: Attempt) -> dict[str, Any]:
    """Return one attempt: the request and the answer."""
    return {
        "callback_id": attempt.callback_id,
        "subject_id": attempt.subject_id,
        "event": attempt.event,
        "at": spell_time(attempt.at),
        "url": attempt.url,
        "headers": attempt.headers,
        "trouble": attempt.trouble,
        "answer": asdict(attempt.answer) | {"body": attempt.answer.body.decode("utf-8", "replace")},
    }
