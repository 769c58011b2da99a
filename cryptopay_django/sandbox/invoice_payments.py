"""Plays the customer's wallet and the chain for invoices: pays, confirms or replaces payments, then ends the invoice.

The same for channels: `channel_payments.py`.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from ..gateway.networks import NETWORKS, required_confirmations
from .addresses import make_txid
from .invoices import Context, Invoice, Risk, Status, Transaction
from .refusals import invalid, is_too_small, not_now
from .resolutions import change_status, resolve_by_settings, return_by_itself
from .risks import make_wallet, score_of
from .state import State


def broadcast(
    state: State, invoice: Invoice, *, amount: Decimal, risk: Risk, doomed: bool, at: datetime
) -> Transaction:
    """Pay an invoice from the customer's wallet. The service sees it at once, not yet confirmed.

    A `doomed` payment will be replaced by another spend of the same coins and never confirm.
    """
    if invoice.is_final or invoice.context is Context.ILLICIT_RESOURCE:
        raise not_now(f"The invoice is {invoice.context or invoice.status}: it takes no more payments")
    if amount <= 0:
        raise invalid(is_too_small("amount"))
    transaction = make_transaction(
        state, coin=invoice.pay_currency, network=invoice.network, amount=amount, risk=risk, doomed=doomed, at=at
    )
    invoice.transactions.append(transaction)
    state.note(invoice, at, f"transaction {transaction.txid} of {amount:f} {invoice.pay_currency} was seen")
    state.announce("transaction_created", invoice, at)
    if not doomed:
        state.schedule(at + transaction.waits, "confirm", invoice, transaction.txid)
    return transaction


def make_transaction(
    state: State, *, coin: str, network: str, amount: Decimal, risk: Risk, doomed: bool, at: datetime
) -> Transaction:
    """Make a transaction of the customer's wallet with this level of risk."""
    txid = make_txid(network, seed=state.seed, index=state.count("transaction"))
    return Transaction(
        txid=txid,
        amount=amount,
        source_address=make_wallet(state.seed, network, risk),
        risk=risk,
        score=score_of(txid),
        broadcast_at=at,
        required=required_confirmations(coin, network, amount),
        block_seconds=NETWORKS[network].block_seconds,
        doomed=doomed,
    )


def confirm(state: State, invoice: Invoice, txid: str, at: datetime) -> None:
    """Give a payment its last required confirmation, and decide on the invoice."""
    transaction = next(known for known in invoice.transactions if known.txid == txid)
    if transaction.confirmed_at is not None or transaction.doomed or invoice.is_final:
        return
    transaction.confirmed_at = at
    state.note(invoice, at, f"transaction {txid} was confirmed by {transaction.required} blocks")
    state.announce("transaction_confirmed", invoice, at)
    decide(state, invoice, at)


def confirm_all(state: State, invoice: Invoice, at: datetime) -> None:
    """Bring every confirmation that the invoice still waits for."""
    for transaction in list(invoice.transactions):
        confirm(state, invoice, transaction.txid, at)


def decide(state: State, invoice: Invoice, at: datetime) -> None:
    """Judge what is confirmed, once nothing that can confirm is still under way.

    1. A risky payment puts the invoice on hold, whatever the amount, or goes back by itself where the customer
       has an address for the coin.
    2. A payment broadcast after the expiry is late, whatever the amount.
    3. The exact amount completes, more of it is overpaid; both are decided at confirmation.
    4. Less than the amount can still be topped up, and is underpaid only once the invoice has expired.
    """
    live = [transaction for transaction in invoice.transactions if not transaction.doomed]
    if not live or any(transaction.confirmed_at is None for transaction in live):
        return
    if invoice.is_final or invoice.context is Context.ILLICIT_RESOURCE:
        return
    for transaction in invoice.transactions:
        transaction.dropped = transaction.doomed
    context = _find_context(invoice, live)
    if context is None:
        change_status(state, invoice, Status.COMPLETED, None, at)
    elif (context is Context.UNDERPAID and at < invoice.expires_at) or (
        context is Context.ILLICIT_RESOURCE and return_by_itself(state, invoice, at)
    ):
        return
    elif context is not invoice.context:
        change_status(state, invoice, Status.UNRESOLVED, context, at)
        resolve_by_settings(state, invoice, at)


def expire(state: State, invoice: Invoice, at: datetime) -> None:
    """Let the frozen rate end. What was paid until now is judged; an unpaid invoice stays new."""
    if invoice.status is Status.NEW:
        state.note(invoice, at, "expired")
        decide(state, invoice, at)


def cancel(state: State, invoice: Invoice, at: datetime) -> None:
    """Give up on an invoice that was never paid, or whose payments never confirmed."""
    if invoice.status is Status.NEW:
        change_status(state, invoice, Status.CANCELLED, None, at)


def _find_context(invoice: Invoice, live: list[Transaction]) -> Context | None:
    paid = invoice.paid_amount
    if any(transaction.risk is Risk.HIGH for transaction in live):
        return Context.ILLICIT_RESOURCE
    if any(transaction.broadcast_at > invoice.expires_at for transaction in live):
        return Context.PAID_LATE
    if paid > invoice.pay_amount:
        return Context.OVERPAID
    return Context.UNDERPAID if paid < invoice.pay_amount else None
