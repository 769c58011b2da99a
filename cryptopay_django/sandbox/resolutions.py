"""Ends unresolved invoices: recalculations, refunds, the account's automatic settings, the desk."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from .account import Handling
from .addresses import is_address, make_txid
from .amounts import EXACT, cut, fee_of
from .coins import COINS, places_of
from .forms import wrong_address
from .invoices import Context, Exchange, Invoice, Recalculation, Refund, Risk, Status
from .refusals import RefusalError, invalid, not_found, not_now, not_one_of
from .risks import score_address, score_of
from .state import State

PREVIEW_LIFE = timedelta(seconds=30)
REFUND_BROADCAST = timedelta(minutes=1)
_HIGH_RISK = "The address belongs to a resource that may be used for unlawful activities: no coins are sent there"


def change_status(state: State, invoice: Invoice, status: Status, context: Context | None, at: datetime) -> None:
    """Move the invoice and notify the merchant. What is completed is credited."""
    invoice.status = status
    invoice.context = context
    if status is Status.COMPLETED:
        state.account.credit(invoice.price_currency, EXACT.subtract(invoice.price_amount, invoice.fee))
    state.announce("status_changed", invoice, at)


def resolve_by_settings(state: State, invoice: Invoice, at: datetime) -> None:
    """Do what the account chose for the context that the invoice is in."""
    handling = state.account.handling_of(invoice.context or "")
    if handling is Handling.REFUND:
        create_refund(state, invoice, address=None, at=at)
    elif handling is Handling.RECALCULATE:
        create_recalculation(state, invoice, force_commit=True, at=at)


def decide_by_desk(state: State, invoice: Invoice, *, decision: str, at: datetime) -> None:
    """Let the monitoring desk complete or refund a held invoice: only it can."""
    if invoice.context is not Context.ILLICIT_RESOURCE:
        raise not_now("Only an invoice on hold (illicit_resource) is decided by the monitoring desk")
    if decision == "complete":
        state.note(invoice, at, "the monitoring desk lets it through")
        change_status(state, invoice, Status.COMPLETED, None, at)
    elif decision == "refund":
        state.note(invoice, at, "the monitoring desk sends the coins back")
        _add_refund(state, invoice, amount=invoice.paid_amount, address=None, at=at)
        change_status(state, invoice, Status.REFUNDED, None, at)
    else:
        raise invalid(not_one_of("decision", ("complete", "refund")))


def create_recalculation(state: State, invoice: Invoice, *, force_commit: bool, at: datetime) -> Recalculation:
    """Price what was paid at the rate of this moment; put it into force at once when asked to."""
    _check_resolvable(invoice)
    paid = invoice.paid_amount
    price, exchange = paid, None
    if invoice.price_currency != invoice.pay_currency:
        rate = state.rates.sell_rate(invoice.pay_currency, invoice.price_currency, at)
        price = cut(EXACT.multiply(paid, rate), places_of(invoice.price_currency))
        exchange = Exchange(invoice.pay_currency + invoice.price_currency, rate, invoice.price_currency)
    if not price:
        raise not_now(f"The payment is worth less than the smallest amount of {invoice.price_currency}")
    recalculation = Recalculation(
        id=state.make_id("recalculation"),
        invoice_id=invoice.id,
        pay_amount=paid,
        pay_currency=invoice.pay_currency,
        price_amount=price,
        price_currency=invoice.price_currency,
        fee=fee_of(price, places_of(invoice.price_currency), rate=state.account.fee_rate),
        previous_pay_amount=invoice.pay_amount,
        previous_price_amount=invoice.price_amount,
        previous_exchange_rate=invoice.exchange.rate if invoice.exchange else None,
        exchange=exchange,
        created_at=at,
    )
    invoice.recalculations.append(recalculation)
    if force_commit:
        _commit(state, invoice, recalculation, at)
    return recalculation


def commit_recalculation(state: State, invoice: Invoice, recalculation_id: str, at: datetime) -> Recalculation:
    """Put a preview into force, while it is no older than 30 seconds."""
    for recalculation in invoice.recalculations:
        if recalculation.id == recalculation_id.lower():
            break
    else:
        raise not_found()
    _check_resolvable(invoice)
    if at > recalculation.created_at + PREVIEW_LIFE:
        raise not_now("The recalculation has expired: it can be committed within 30 seconds")
    if recalculation.pay_amount != invoice.paid_amount:
        raise not_now("Another payment has arrived since this recalculation was made")
    _commit(state, invoice, recalculation, at)
    return recalculation


def create_refund(state: State, invoice: Invoice, *, address: str | None, at: datetime) -> Refund:
    """Send back what the context says: the overage of an overpaid invoice, else all of it."""
    _check_resolvable(invoice)
    if address is not None:
        _check_destination(state, invoice, address)
    amount, ending = invoice.paid_amount, Status.REFUNDED
    if invoice.context is Context.OVERPAID and state.account.overpaid_refund_ends == "completed":
        amount, ending = EXACT.subtract(amount, invoice.pay_amount), Status.COMPLETED
    refund = _add_refund(state, invoice, amount=amount, address=address, at=at)
    invoice.status, invoice.context = ending, None
    state.announce("refunded", invoice, at)
    change_status(state, invoice, ending, None, at)
    return refund


def broadcast_refund(state: State, invoice: Invoice, refund_id: str, at: datetime) -> None:
    """Send a refund's coins: from now on it has a transaction id, and a risk where it left the house."""
    refund = next(refund for refund in invoice.refunds if refund.id == refund_id)
    refund.txid = make_txid(invoice.network, seed=state.seed, index=state.count("transaction"))
    refund.score = score_of(Risk.LOW, refund.txid)
    state.note(invoice, at, f"refund {refund.id} was sent in transaction {refund.txid}")


def _check_resolvable(invoice: Invoice) -> None:
    if invoice.status is not Status.UNRESOLVED:
        raise not_now(f"The invoice is {invoice.status}: only an unresolved one can be resolved")
    if invoice.context is Context.ILLICIT_RESOURCE:
        raise not_now("The invoice is on hold: it is resolved by the monitoring team only")


def _check_destination(state: State, invoice: Invoice, address: str) -> None:
    network = invoice.network
    if not is_address(network, address):
        raise invalid(wrong_address("address", invoice.pay_currency))
    if score_address(state.seed, address, network)[0] is Risk.HIGH:
        raise RefusalError(422, "high_risk_address", _HIGH_RISK)


def _add_refund(state: State, invoice: Invoice, *, amount: Decimal, address: str | None, at: datetime) -> Refund:
    fee = fee_of(amount, COINS[invoice.pay_currency].precision, rate=state.account.fee_rate)
    refund = Refund(
        id=state.make_id("refund"),
        invoice_id=invoice.id,
        amount=amount,
        currency=invoice.pay_currency,
        fee=fee,
        address=address,
        network=invoice.network,
        created_at=at,
    )
    invoice.refunds.append(refund)
    state.note(invoice, at, f"refund of {amount:f} {refund.currency} to {address or 'the own coin account'}")
    state.schedule(at + REFUND_BROADCAST, "broadcast_refund", invoice, refund.id)
    if address is None:
        state.account.credit(invoice.pay_currency, EXACT.subtract(amount, fee))
    return refund


def _commit(state: State, invoice: Invoice, recalculation: Recalculation, at: datetime) -> None:
    recalculation.committed_at = at
    invoice.pay_amount = recalculation.pay_amount
    invoice.price_amount = recalculation.price_amount
    invoice.fee = recalculation.fee
    invoice.exchange = recalculation.exchange
    invoice.status, invoice.context = Status.COMPLETED, None
    note = f"recalculated to {recalculation.price_amount:f} {recalculation.price_currency}"
    state.note(invoice, at, note)
    state.announce("recalculated", invoice, at)
    change_status(state, invoice, Status.COMPLETED, None, at)
