"""Defines the merchant's accounts and the rows of their ledger, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from .message_base import WireObject
from .rate_and_risk import Risk
from .values import Amount, Code, Moment, Reference, SignedAmount, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Account(WireObject):
    """The merchant's account in one currency. Amounts on hold are not in the balance."""

    facts = frozenset({"id", "currency", "balance"})

    id: UUID
    currency: Code
    balance: SignedAmount
    project_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTransaction(WireObject):
    """One row of the ledger. `reference_type` and `reference_id` name the thing that it is about.

    `status` is the thing's present one: the same row shows another later. A row exists before any money moves, and
    keeps its amount when the thing is cancelled: amounts do not add up to a balance. `amount` is negative for what
    leaves the account; `balance` is what the account has after the row.
    """

    facts = frozenset(
        {"id", "reference_type", "amount", "currency", "balance", "status", "status_context", "fee", "fee_currency"}
    )  # fmt: skip

    id: UUID
    reference_type: Code
    reference_id: UUID | None = None
    custom_id: Reference | None = None
    customer_id: Reference | None = None
    amount: SignedAmount
    currency: Code
    balance: SignedAmount
    fee: Amount | None = None
    fee_currency: Code | None = None
    description: Text | None = None
    status: Code | None = None
    status_context: Code | None = None
    risk: Risk | None = None
    created_at: Moment | None = None
