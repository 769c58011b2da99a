"""Handles the merchant's requests for coin withdrawals: their cost, refusals, previews and the commit of a preview."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from .amounts import EXACT, ZERO, round_up, spell
from .forms import CURRENCIES
from .invoices import Exchange, Risk
from .ledger import balance_of
from .markets import Market, fee_on_top, fee_within, find_market, is_over
from .network_fees import network_fee
from .open_questions import refuse_late_commit, refuse_second_commit
from .refusals import (
    detail,
    duplicate_custom_id,
    high_risk_address,
    invalid,
    not_found,
    not_now,
    not_one_of,
    too_much,
)
from .risks import score_address
from .simulated_coins import places_of
from .state import State
from .withdrawal_forms import WithdrawalForm
from .withdrawals import Withdrawal, debit

SMALLEST_IN_EUR = Decimal(5)


def create_withdrawal(state: State, form: WithdrawalForm, at: datetime) -> Withdrawal:
    """Make a preview, and commit it at once where that is asked for."""
    _check_custom_id(state, form.custom_id, at)
    if score_address(state.seed, form.address.partition("?")[0], form.network)[0] is Risk.HIGH:
        raise high_risk_address()
    market = find_market(state.rates, form.charged_currency, form.received_currency, at)
    if market is None:
        raise invalid(not_one_of("charged_currency", _currencies_for(state, form.received_currency, at)))
    fee_of_network = network_fee(state, form.received_currency, form.network, form.level, at)
    charged, fee, received = calculate(form, market, fee_of_network, share=_share(state, market))
    withdrawal = Withdrawal(
        id=state.make_id("withdrawal"),
        custom_id=form.custom_id,
        customer_id=form.customer_id,
        address=form.address,
        network=form.network,
        charged_amount=charged,
        charged_currency=form.charged_currency,
        received_amount=received,
        received_currency=form.received_currency,
        network_fee=fee_of_network,
        network_fee_level=form.level,
        fee=ZERO if market.pair else fee,
        fee_currency=_fee_currency(state, form.charged_currency, form.received_currency),
        exchange=Exchange(market.pair, market.rate, form.charged_currency, fee) if market.pair else None,
        created_at=at,
    )
    _check_limits(state, withdrawal, market, at)
    state.withdrawals[withdrawal.id] = withdrawal
    state.note(withdrawal, at, "a preview was made")
    if form.force_commit:
        debit(state, withdrawal, at)
    return withdrawal


def calculate(
    form: WithdrawalForm, market: Market, fee_of_network: Decimal, *, share: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """Return what is charged, the service's fee in it, and the coins that arrive."""
    amount, currency = form.amount, form.charged_currency
    in_charged = form.amount_currency == currency
    total = amount if in_charged else market.round_up_to_charged(amount)
    if form.includes_processing_fee:
        fee = fee_within(total, share, currency)
        net = EXACT.subtract(total, fee)
    else:
        fee, net = fee_on_top(total, share, currency), total
    exact = not in_charged and not form.includes_processing_fee
    coins = amount if exact else market.cut_to_received(net)
    if form.includes_network_fee:
        return EXACT.add(net, fee), fee, EXACT.subtract(coins, fee_of_network)
    net = market.round_up_to_charged(EXACT.add(coins, fee_of_network))
    fee = fee_on_top(net, share, currency)
    return EXACT.add(net, fee), fee, coins


def commit_withdrawal(state: State, withdrawal: Withdrawal, at: datetime) -> Withdrawal:
    """Put a preview into force, while it is no older than 30 seconds and the balance has enough."""
    if not withdrawal.is_preview:
        raise refuse_second_commit(state.variants)
    if is_over(withdrawal.created_at, at):
        raise refuse_late_commit(state.variants, "The withdrawal has expired: it can be committed within 30 seconds")
    market = find_market(state.rates, withdrawal.charged_currency, withdrawal.received_currency, at)
    assert market is not None  # noqa: S101 - there was one when the preview was made
    _check_limits(state, withdrawal, market, at)
    debit(state, withdrawal, at)
    return withdrawal


def send_back(
    state: State,
    *,
    amount: Decimal,
    currency: str,
    network: str,
    address: str,
    at: datetime,
    invoice_id: str | None = None,
    refund_id: str | None = None,
    from_hold: bool = False,
) -> Withdrawal:
    """Send coins back to where they came from, or to a refund's address, less what the network charges.

    The account is debited, so it has to be credited with the amount before, in a row of its own; but not for
    coins out of a payment on hold (`from_hold`), which never were on the account.
    """
    fee_of_network = check_covers_network_fee(state, amount, currency, network, at)
    withdrawal = Withdrawal(
        id=state.make_id("withdrawal"),
        custom_id=None,
        customer_id=None,
        address=address,
        network=network,
        charged_amount=amount,
        charged_currency=currency,
        received_amount=EXACT.subtract(amount, fee_of_network),
        received_currency=currency,
        network_fee=fee_of_network,
        network_fee_level="average",
        fee=ZERO,
        fee_currency=currency,
        exchange=None,
        created_at=at,
        invoice_id=invoice_id,
        refund_id=refund_id,
        from_hold=from_hold,
        quiet=state.variants["refund_withdrawals"] == "quiet",
    )
    state.withdrawals[withdrawal.id] = withdrawal
    debit(state, withdrawal, at)
    return withdrawal


def check_covers_network_fee(state: State, amount: Decimal, currency: str, network: str, at: datetime) -> Decimal:
    """Return what the network charges for sending these coins; RefusalError when nothing would be left of them."""
    fee = network_fee(state, currency, network, "average", at)
    if amount <= fee:
        raise not_now(f"The amount does not cover the network's fee of {spell(fee)} {currency}")
    return fee


def find_withdrawal(state: State, withdrawal_id: str) -> Withdrawal:
    """Return a withdrawal by its id, a preview too; RefusalError (404) when there is none."""
    withdrawal = state.withdrawals.get(withdrawal_id.lower())
    if withdrawal is None:
        raise not_found()
    return withdrawal


def find_withdrawal_by_custom_id(state: State, custom_id: str) -> Withdrawal:
    """Return the newest withdrawal with the merchant's own id: older ones are previews that expired."""
    for withdrawal in reversed(state.withdrawals.values()):
        if withdrawal.custom_id == custom_id:
            return withdrawal
    raise not_found()


def list_withdrawals(state: State, *, customer_id: str | None = None) -> list[Withdrawal]:
    """Return what was committed, newest first: all, or a customer's."""
    return [
        withdrawal for withdrawal in reversed(state.withdrawals.values())
        if not withdrawal.is_preview and customer_id in {None, withdrawal.customer_id}
    ]  # fmt: skip


def _check_custom_id(state: State, custom_id: str | None, at: datetime) -> None:
    """Refuse an id that a withdrawal has, or a preview that can still become one."""
    for known in state.withdrawals.values() if custom_id is not None else ():
        if known.custom_id == custom_id and not (known.is_preview and is_over(known.created_at, at)):
            raise duplicate_custom_id()


def _check_limits(state: State, withdrawal: Withdrawal, market: Market, at: datetime) -> None:
    """Refuse what is worth less than 5 EUR when it arrives, or more than the balance or the maximum."""
    currency = withdrawal.charged_currency
    smallest = _in_currency(state, SMALLEST_IN_EUR, currency, at)
    if market.round_up_to_charged(withdrawal.received_amount) < smallest:
        message = f"must be greater than or equal to {spell(smallest)}"
        raise invalid(
            detail("must_be_greater_than_or_equal", "charged_amount_to_send", message, value=spell(smallest))
        )
    most = max(balance_of(state, currency), ZERO)
    if state.account.withdrawal_maximum is not None:
        most = min(most, _in_currency(state, state.account.withdrawal_maximum, currency, at))
    if withdrawal.charged_amount > most:
        net = EXACT.subtract(most, fee_within(most, _share(state, market), currency))
        received = EXACT.subtract(market.cut_to_received(net), withdrawal.network_fee)
        raise too_much(charged_amount=most, received_amount=received)


def _in_currency(state: State, euros: Decimal, currency: str, at: datetime) -> Decimal:
    return round_up(EXACT.multiply(euros, state.rates.sell_rate("EUR", currency, at)), places_of(currency))


def _share(state: State, market: Market) -> Decimal:
    """Return what the service keeps: of a conversion, or of coins that are sent as they are."""
    return state.account.exchange_fee_rate if market.pair else state.account.withdrawal_fee_rate


def _currencies_for(state: State, received: str, at: datetime) -> list[str]:
    return [code for code in CURRENCIES if find_market(state.rates, code, received, at)]


def _fee_currency(state: State, charged: str, received: str) -> str:
    return received if state.variants["withdrawal_fee_currency"] == "received" else charged
