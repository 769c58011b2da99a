"""Makes exchange transfers: money from one of the merchant's accounts to another, at the present rate."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .amounts import EXACT, ZERO, spell
from .forms import CURRENCIES, Problems, only_one_of, read_amount, read_currency, read_flag, read_text
from .invoices import Exchange
from .ledger import balance_of, record
from .markets import Market, find_market, is_over, price_by_charged, price_by_received
from .open_questions import refuse_late_commit, refuse_second_commit
from .refusals import (
    duplicate_custom_id,
    invalid,
    is_too_small,
    not_found,
    not_one_of,
    too_much,
)
from .simulated_coins import COINS, currencies_of

if TYPE_CHECKING:
    from .state import State


@dataclass(slots=True)
class Transfer:
    """One exchange transfer: a preview until it is committed, which nothing on the wire shows."""

    id: str
    charged_amount: Decimal
    charged_currency: str
    received_amount: Decimal
    received_currency: str
    custom_id: str | None
    exchange: Exchange
    created_at: datetime
    committed_at: datetime | None = None

    @property
    def is_preview(self) -> bool:
        """Return whether it was not committed."""
        return self.committed_at is None

    def to_wire(self) -> dict[str, Any]:
        """Return the object as the API shows it: without a status, without a time."""
        return {
            "id": self.id,
            "charged_amount": spell(self.charged_amount),
            "charged_currency": self.charged_currency,
            "received_amount": spell(self.received_amount),
            "received_currency": self.received_currency,
            "custom_id": self.custom_id,
            "exchange": self.exchange.to_wire(),
        }


@dataclass(frozen=True, slots=True)
class TransferForm:
    """A checked request: `amount` is charged, or received."""

    charged_currency: str
    received_currency: str
    amount: Decimal
    is_charged: bool
    custom_id: str | None
    force_commit: bool


def read_transfer(body: dict[str, Any], coins: Collection[str] = COINS) -> TransferForm:
    """Check a request for an exchange transfer; `coins` are those that there are."""
    problems = Problems()
    known = currencies_of(coins)
    charged = read_currency(body, "charged_currency", problems, known=known)
    others = [code for code in known if code != charged]
    received = read_currency(body, "received_currency", problems, known=others)
    name = only_one_of(body, ("charged_amount", "received_amount"), problems)
    is_charged = name == "charged_amount"
    amount = read_amount(body, name, charged if is_charged else received, problems) if name else Decimal(0)
    custom_id, force_commit = read_text(body, "custom_id", problems), read_flag(body, "force_commit")
    problems.check()
    return TransferForm(charged, received, amount, is_charged, custom_id or None, force_commit)


def create_transfer(state: State, form: TransferForm, at: datetime) -> Transfer:
    """Make a preview, and commit it at once where that is asked for."""
    for older in state.transfers.values() if form.custom_id is not None else ():
        if older.custom_id == form.custom_id and not (older.is_preview and is_over(older.created_at, at)):
            raise duplicate_custom_id()
    market = find_market(state.rates, form.charged_currency, form.received_currency, at)
    if market is None:
        others = [code for code in CURRENCIES if code != form.charged_currency]
        known = [code for code in others if find_market(state.rates, form.charged_currency, code, at)]
        raise invalid(not_one_of("received_currency", known))
    price = price_by_charged if form.is_charged else price_by_received
    charged, fee, received = price(market, form.amount, state.account.exchange_fee_rate)
    transfer = Transfer(
        id=state.make_id("transfer"),
        charged_amount=charged,
        charged_currency=form.charged_currency,
        received_amount=received,
        received_currency=form.received_currency,
        custom_id=form.custom_id,
        exchange=Exchange(market.pair, market.rate, market.fee_currency, fee),
        created_at=at,
    )
    _check_balance(state, transfer, market)
    state.transfers[transfer.id] = transfer
    if form.force_commit:
        _commit(state, transfer, at)
    return transfer


def commit_transfer(state: State, transfer: Transfer, at: datetime) -> Transfer:
    """Put a preview into force, while it is no older than 30 seconds and the balance has enough."""
    if not transfer.is_preview:
        raise refuse_second_commit(state.variants)
    if is_over(transfer.created_at, at):
        message = "The exchange transfer has expired: it can be committed within 30 seconds"
        raise refuse_late_commit(state.variants, message)
    market = find_market(state.rates, transfer.charged_currency, transfer.received_currency, at)
    if market is not None:
        _check_balance(state, transfer, market)
    _commit(state, transfer, at)
    return transfer


def find_transfer(state: State, transfer_id: str) -> Transfer:
    """Return an exchange transfer by its id, a preview too; RefusalError (404) when there is none."""
    transfer = state.transfers.get(transfer_id.lower())
    if transfer is None:
        raise not_found()
    return transfer


def _check_balance(state: State, transfer: Transfer, market: Market) -> None:
    if transfer.received_amount <= 0:
        raise invalid(is_too_small("received_amount"))
    most = max(balance_of(state, transfer.charged_currency), ZERO)
    if transfer.charged_amount > most:
        received = price_by_charged(market, most, state.account.exchange_fee_rate)[2]
        raise too_much(charged_amount=most, received_amount=received)


def _commit(state: State, transfer: Transfer, at: datetime) -> None:
    """Move the money: a row in each of the two accounts, with the one fee in both."""
    transfer.committed_at = at
    debited = EXACT.minus(transfer.charged_amount)
    for currency, amount in (
        (transfer.charged_currency, debited),
        (transfer.received_currency, transfer.received_amount),
    ):
        record(
            state,
            reference_type="ExchangeTransfer",
            reference_id=transfer.id,
            currency=currency,
            amount=amount,
            fee=transfer.exchange.fee,
            fee_currency=transfer.exchange.fee_currency,
            custom_id=transfer.custom_id,
            moves=amount,
            at=at,
        )
