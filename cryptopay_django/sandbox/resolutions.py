"""Ends unresolved invoices: recalculations, refunds, the account's automatic settings, the desk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal

from . import subscriptions
from .account import Handling
from .addresses import is_address, make_txid
from .amounts import EXACT, cut, fee_of
from .forms import wrong_address
from .invoices import Context, Exchange, Invoice, Recalculation, Refund, Risk, Status
from .ledger import record, record_invoice
from .markets import is_over
from .merchant_calls import find_refund_address
from .open_questions import refuse_late_commit, refuse_second_commit
from .refusals import RefusalError, detail, high_risk_address, invalid, not_found, not_now, not_one_of
from .risks import make_wallet, score_address, score_of
from .simulated_coins import COINS, places_of
from .state import State
from .withdrawal_orders import check_covers_network_fee, send_back

REFUND_BROADCAST = timedelta(minutes=1)
EMAIL_REFUND_WAIT = timedelta(days=3)


def change_status(state: State, invoice: Invoice, status: Status, context: Context | None, at: datetime) -> None:
    """Move the invoice and its row in the ledger, and notify the merchant. What is completed is credited."""
    invoice.status = status
    invoice.context = context
    record_invoice(state, invoice, at)
    state.announce("status_changed", invoice, at)
    if status is Status.COMPLETED:
        subscriptions.settle(state, invoice, at)


def resolve_by_settings(state: State, invoice: Invoice, at: datetime) -> None:
    """Do what the account chose for the context that the invoice is in. What cannot be done waits for a person."""
    handling = state.account.handling_of(invoice.context or "")
    if handling is Handling.REFUND and invoice.texts["payer_email"] and state.variants["email_refunds"] == "on":
        state.note(invoice, at, "the customer is asked by mail where the coins shall go")
        state.schedule(at + EMAIL_REFUND_WAIT, "email_refund", invoice)
    elif handling is Handling.REFUND:
        create_refund(state, invoice, address=None, at=at)
    elif handling is Handling.RECALCULATE:
        with _left_unresolved(state, invoice, at):
            create_recalculation(state, invoice, force_commit=True, at=at)


def refund_by_email(state: State, invoice: Invoice, at: datetime) -> None:
    """Send the coins to the address that the customer has named by mail, unless it was resolved meanwhile."""
    if invoice.status is Status.UNRESOLVED:
        with _left_unresolved(state, invoice, at):
            _refund(state, invoice, address=make_wallet(state.seed, invoice.network, Risk.LOW), at=at)


@contextmanager
def _left_unresolved(state: State, invoice: Invoice, at: datetime) -> Iterator[None]:
    """Note why something that nobody asks for is impossible, such as money that is worth less than a cent."""
    try:
        yield
    except RefusalError as error:
        state.note(invoice, at, f"left unresolved: {error}")


def decide_by_desk(state: State, invoice: Invoice, *, decision: str, at: datetime) -> None:
    """Let the monitoring desk complete or refund an invoice on hold: only it can."""
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


def return_by_itself(state: State, invoice: Invoice, at: datetime) -> bool:
    """Send risky coins back to the customer's own address, with no one asked. False where there is none."""
    address = find_refund_address(state, invoice.customer_id, invoice.pay_currency, invoice.network)
    if address is None:
        return False
    try:
        _add_refund(state, invoice, amount=invoice.paid_amount, address=address, at=at)
    except RefusalError:
        # Less than what the network charges for sending it back.
        return False
    change_status(state, invoice, Status.REFUNDED, None, at)
    return True


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
    if recalculation.committed_at is not None:
        raise refuse_second_commit(state.variants)
    _check_resolvable(invoice)
    if is_over(recalculation.created_at, at):
        raise refuse_late_commit(
            state.variants, "The recalculation has expired: it can be committed within 30 seconds"
        )
    if recalculation.pay_amount != invoice.paid_amount:
        raise not_now("Another payment has arrived since this recalculation was made")
    _commit(state, invoice, recalculation, at)
    return recalculation


def create_refund(state: State, invoice: Invoice, *, address: str | None, at: datetime) -> Refund:
    """Send back what the context says: the overage of an overpaid invoice, else all of it."""
    _check_resolvable(invoice)
    if address is not None and state.variants["refund_address"] == "refused":
        raise invalid(detail("is_not_allowed", "address", "is not allowed"))
    if state.variants["refund_address"] == "ignored":
        address = None
    if address is not None:
        _check_destination(state, invoice, address)
    return _refund(state, invoice, address=address, at=at)


def _refund(state: State, invoice: Invoice, *, address: str | None, at: datetime) -> Refund:
    amount, ending = invoice.paid_amount, Status.REFUNDED
    if invoice.context is Context.OVERPAID and state.account.overpaid_refund_ends == "completed":
        amount, ending = EXACT.subtract(amount, invoice.pay_amount), Status.COMPLETED
    refund = _add_refund(state, invoice, amount=amount, address=address, at=at)
    invoice.status, invoice.context = ending, None
    if state.variants["resolution_events"] == "sent":
        state.announce("refunded", invoice, at)
    change_status(state, invoice, ending, None, at)
    return refund


def broadcast_refund(state: State, invoice: Invoice, refund_id: str, at: datetime) -> None:
    """Move a refund's coins to the own coin account. One to an address is sent by its withdrawal."""
    refund = next(refund for refund in invoice.refunds if refund.id == refund_id)
    refund.txid = make_txid(invoice.network, seed=state.seed, index=state.count("transaction"))
    refund.score = score_of(refund.txid)
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
    if score_address(state.seed, address.partition("?")[0], network)[0] is Risk.HIGH:
        raise high_risk_address()


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
    delivered = EXACT.subtract(amount, fee)
    if address is not None:
        check_covers_network_fee(state, delivered, refund.currency, refund.network, at)
    invoice.refunds.append(refund)
    state.note(invoice, at, f"refund of {amount:f} {refund.currency} to {address or 'the own coin account'}")
    record(
        state,
        reference_type="InvoiceRefund",
        reference_id=refund.id,
        currency=refund.currency,
        amount=delivered,
        fee=fee,
        fee_currency=refund.currency,
        moves=delivered,
        at=at,
    )
    if address is None:
        state.schedule(at + REFUND_BROADCAST, "broadcast_refund", invoice, refund.id)
    else:
        send_back(
            state,
            amount=delivered,
            currency=refund.currency,
            network=refund.network,
            address=address,
            invoice_id=invoice.id,
            refund_id=refund.id,
            at=at,
        )
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
    if state.variants["resolution_events"] == "sent":
        state.announce("recalculated", invoice, at)
    change_status(state, invoice, Status.COMPLETED, None, at)
