"""The chain and the customer's wallet: payments are broadcast, confirmed or replaced, and then decided on."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from .addresses import make_txid
from .coins import COINS, NETWORKS, required_confirmations
from .invoices import Context, Invoice, Risk, Status, Transaction
from .refusals import detail, invalid, not_now
from .resolutions import change_status, resolve_by_settings
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
        raise invalid(detail("must_be_greater_than", "amount", "must be greater than 0", value="0"))
    network, coin = NETWORKS[invoice.network], COINS[invoice.pay_currency]
    txid = make_txid(network.name, seed=state.seed, index=state.count("transaction"))
    transaction = Transaction(
        txid=txid,
        amount=amount,
        source_address=make_wallet(state.seed, network.name, risk),
        risk=risk,
        score=score_of(risk, txid),
        broadcast_at=at,
        required=required_confirmations(coin.code, network.name, amount),
        block_seconds=network.block_seconds,
        doomed=doomed,
    )
    invoice.transactions.append(transaction)
    state.note(invoice, at, f"transaction {txid} of {amount:f} {coin.code} was seen")
    state.announce("transaction_created", invoice, at)
    if not doomed:
        wait = timedelta(seconds=transaction.required * network.block_seconds)
        state.schedule(at + wait, "confirm", invoice, txid)
    return transaction


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

    1. A risky payment puts the invoice on hold, whatever the amount.
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
    elif context is Context.UNDERPAID and at < invoice.expires_at:
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
