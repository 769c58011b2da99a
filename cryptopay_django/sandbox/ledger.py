"""Keeps the merchant's ledger: one row for each thing that touches a balance, and the balances that the rows make.

A row belongs to its thing: it shows the thing's present status and amount, and changes when the thing does. The row of
an invoice is there from its creation, but moves the balance only when the invoice completes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .addresses import derive
from .amounts import EXACT, ZERO, spell
from .clock import spell_time
from .simulated_coins import COINS, coins_of

if TYPE_CHECKING:
    from .invoices import Invoice
    from .state import State

# The accounts that every merchant has; others appear with their first row.
_FIRST_ACCOUNTS = ("BTC", "LTC", "XRP", "ETH", "GBP", "EUR", "USD")


@dataclass(slots=True)
class Row:
    """One line of the ledger. `moves` is what it has changed its account's balance by, until now."""

    id: str
    reference_type: str
    reference_id: str
    currency: str
    amount: Decimal
    fee: Decimal | None
    fee_currency: str | None
    custom_id: str | None
    customer_id: str | None
    description: str | None
    status: str | None
    status_context: str | None
    risk: dict[str, Any] | None
    moves: Decimal
    created_at: datetime
    # How often it was changed: what the state file compares.
    changes: int = 0

    @property
    def key(self) -> str:
        """The name of the row: a thing has one in each currency."""
        return _key(self.reference_type, self.reference_id, self.currency)

    def to_wire(self, balance: Decimal) -> dict[str, Any]:
        """Return the object as the API shows it, with the balance after it."""
        return {
            "id": self.id,
            "custom_id": self.custom_id,
            "customer_id": self.customer_id,
            "amount": spell(self.amount),
            "currency": self.currency,
            "balance": spell(balance),
            "fee": None if self.fee is None else spell(self.fee),
            "fee_currency": self.fee_currency,
            "reference_id": self.reference_id,
            "reference_type": self.reference_type,
            "description": self.description,
            "status": self.status,
            "status_context": self.status_context,
            "risk": self.risk,
            "created_at": spell_time(self.created_at),
        }


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of a list of rows; None means any. Both ends of the time are included."""

    created_at_from: datetime | None = None
    created_at_to: datetime | None = None
    reference_type: str | None = None
    currency: str | None = None
    status: str | None = None
    risk_level: str | None = None
    customer_id: str | None = None

    def takes(self, row: Row) -> bool:
        """Return whether a row is in the list."""
        level = row.risk["level"] if row.risk else None
        created_at = row.created_at.replace(microsecond=0)
        return (
            self.reference_type in {None, row.reference_type}
            and self.currency in {None, row.currency}
            and self.status in {None, row.status}
            and self.risk_level in {None, level}
            and self.customer_id in {None, row.customer_id}
            and (self.created_at_from is None or self.created_at_from <= created_at)
            and (self.created_at_to is None or created_at <= self.created_at_to)
        )


def record(
    state: State,
    *,
    reference_type: str,
    reference_id: str,
    currency: str,
    amount: Decimal,
    fee: Decimal | None = None,
    fee_currency: str | None = None,
    custom_id: str | None = None,
    customer_id: str | None = None,
    description: str | None = None,
    status: str | None = None,
    status_context: str | None = None,
    risk: dict[str, Any] | None = None,
    moves: Decimal = ZERO,
    at: datetime,
) -> Row:
    """Write the row of a thing in one currency, or change it to what the thing is now.

    `amount` is signed. `moves` is all that the thing has done to the balance, not what it does on top: record it
    again with the same number, and nothing moves. `at` is the time of a new row; a change keeps the old one.
    """
    rows = state.rows
    known = rows.get(_key(reference_type, reference_id, currency))
    row = Row(
        id=known.id if known else state.make_id("row"),
        reference_type=reference_type,
        reference_id=reference_id,
        currency=currency,
        amount=amount,
        fee=fee,
        fee_currency=fee_currency,
        custom_id=custom_id,
        customer_id=customer_id,
        description=description,
        status=status,
        status_context=status_context,
        risk=risk,
        moves=moves,
        created_at=known.created_at if known else at,
        changes=known.changes + 1 if known else 0,
    )
    rows[row.key] = row
    moved = EXACT.subtract(moves, known.moves if known else ZERO)
    if moved:
        state.account.credit(currency, moved)
    return row


def record_invoice(state: State, invoice: Invoice, at: datetime) -> None:
    """Write an invoice's row: what it would bring, from its creation on; what it brought, once completed."""
    net = EXACT.subtract(invoice.price_amount, invoice.fee)
    scored = [payment for payment in invoice.transactions if payment.confirmed_at is not None]
    record(
        state,
        reference_type="Invoice",
        reference_id=invoice.id,
        currency=invoice.price_currency,
        amount=net,
        fee=invoice.fee,
        fee_currency=invoice.price_currency,
        custom_id=invoice.custom_id,
        customer_id=invoice.customer_id,
        description=invoice.texts["description"],
        status=invoice.status.value,
        status_context=None if invoice.context is None else invoice.context.value,
        risk=scored[-1].to_wire()["risk"] if scored else None,
        moves=net if invoice.status == "completed" else ZERO,
        at=at,
    )


def deposit(state: State, currency: str, amount: Decimal, at: datetime) -> Row:
    """Credit money that came from outside: coins to the account's own wallet, or a transfer from a bank."""
    kind = "CoinDeposit" if currency in COINS else "BankDeposit"
    return record(
        state,
        reference_type=kind,
        reference_id=state.make_id("deposit"),
        currency=currency,
        amount=amount,
        status="completed",
        moves=amount,
        at=at,
    )


def balance_of(state: State, currency: str) -> Decimal:
    """Return the balance of the account in this currency."""
    return state.account.balances.get(currency, ZERO)


def forget_rows(state: State, reference_ids: set[str]) -> None:
    """Drop the rows of these things; what they moved stays in the balances."""
    state.rows = {key: row for key, row in state.rows.items() if row.reference_id not in reference_ids}


def account_id(state: State, currency: str) -> str:
    """Return the id of the account in this currency."""
    return _fixed_id(state, "account", currency)


def project_id(state: State) -> str:
    """Return the id of the merchant's one project, which all its accounts and channels belong to."""
    return _fixed_id(state, "project")


def account_currencies(state: State) -> list[str]:
    """Return the currencies in which there is an account, oldest first."""
    rows = (row.currency for row in state.rows.values())
    return list(dict.fromkeys((*_FIRST_ACCOUNTS, *coins_of(state.variants["coins"]), *state.account.balances, *rows)))


def list_accounts(state: State) -> list[dict[str, Any]]:
    """Return every account with its balance, newest first."""
    return [
        {
            "id": account_id(state, currency),
            "balance": spell(balance_of(state, currency)),
            "currency": currency,
            "project_id": project_id(state),
        }
        for currency in reversed(account_currencies(state))
    ]


def rows_with_balances(state: State) -> Iterator[tuple[Row, Decimal]]:
    """Yield the rows, newest first, each with its account's subtotal after it, in the order of the rows.

    Recorded: an invoice that is paid later counts in the balance of its own row, not of a later one.
    """
    balances = dict(state.account.balances)
    for row in reversed(state.rows.values()):
        balance = balances.get(row.currency, ZERO)
        yield row, balance
        balances[row.currency] = EXACT.subtract(balance, row.moves)


def _key(reference_type: str, reference_id: str, currency: str) -> str:
    return f"{reference_type} {reference_id} {currency}"


def _fixed_id(state: State, *labels: str) -> str:
    return str(uuid.UUID(bytes=derive(state.seed, *labels, size=16), version=4))
