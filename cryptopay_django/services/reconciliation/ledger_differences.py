"""Compares rows of the gateway's ledger with our rows. Pure: makes neither queries nor calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from ...fields import EXACT, canonical
from ...gateway.ledger import LedgerTransaction
from ...models import ChannelPayment, ChannelPaymentStatus, Invoice, InvoiceStatus, Refund, RefundStatus

Row: TypeAlias = Invoice | ChannelPayment | Refund
"""What a row of the ledger can be about that has a model here."""

FAMILY_OF: dict[type[Invoice] | type[ChannelPayment] | type[Refund], str] = {
    Invoice: "Invoice",
    ChannelPayment: "ChannelPayment",
    Refund: "InvoiceRefund",
}
"""The gateway's `reference_type` of each model: of refunds, that of the gateway's own."""

WITHDRAWAL = "CoinWithdrawal"
"""The `reference_type` of a refund of a completed order, and of withdrawals that are not ours."""

_ENDS = {"completed": RefundStatus.SUCCEEDED.value, "cancelled": RefundStatus.FAILED.value}
"""The ledger's statuses of a withdrawal that has ended, as those of a refund."""

NOTHING = "nothing"


class DifferenceKind(StrEnum):
    """How the ledger and our rows differ."""

    MISSING_HERE = "missing here"
    MISSING_THERE = "missing in the ledger"
    TWICE = "twice in the ledger"
    STATUS = "status"
    AMOUNT = "amount"
    CURRENCY = "currency"
    FEE = "fee"


@dataclass(frozen=True, slots=True)
class LedgerDifference:
    """One difference: `row` is ours, `entry` the ledger's, None where there is none; `here` and `there` are values."""

    kind: DifferenceKind
    family: str
    row: Row | None
    entry: LedgerTransaction | None
    here: str
    there: str

    @property
    def gateway_id(self) -> UUID | None:
        """The gateway's id of the invoice, payment or refund."""
        if self.entry is not None:
            return self.entry.reference_id
        return None if self.row is None else self.row.gateway_id

    @property
    def reference(self) -> str:
        """The custom_id where there is one: of an invoice, of a refund, or of the channel of a payment."""
        custom_id = self.entry and self.entry.custom_id
        if not custom_id and self.row is not None:
            custom_id = self.row.channel.custom_id if isinstance(self.row, ChannelPayment) else self.row.custom_id
        return custom_id or ""

    @property
    def summary(self) -> str:
        """What differs, without amounts: for readers who may not see the ledger."""
        name = f"{self.family} {self.gateway_id}" + (f" ({self.reference})" if self.reference else "")
        return f"{name}: {self.kind}"

    def __str__(self) -> str:
        return f"{self.summary}: {self.here} here, {self.there} in the ledger"


def family_of(row: Row) -> str:
    """Return the gateway's `reference_type` of a row."""
    return WITHDRAWAL if isinstance(row, Refund) and row.is_withdrawal else FAMILY_OF[type(row)]


def compare_entry(entry: LedgerTransaction, row: Row) -> Iterator[LedgerDifference]:
    """Yield how a row of the ledger differs from our row. What one of both does not say is not compared.

    Amounts count where both are completed: before that, and once it is refunded or cancelled, the ledger shows what
    the thing would have brought. Those of a withdrawal count from its beginning, when it is taken from the account.
    """
    status = _status_there(entry, row)
    if status is not None and status != _status(row):
        yield _differ(DifferenceKind.STATUS, entry, row, row.status, entry.status or status)
        return
    if not _is_credited(row):
        return
    currency, fee, fee_currency = _currency(row), row.fee_amount, row.fee_currency
    if entry.currency != currency:
        yield _differ(DifferenceKind.CURRENCY, entry, row, currency, entry.currency)
        return
    compared = _amounts(entry, row)
    if compared is not None and compared[0] != compared[1]:
        here, there = (f"{canonical(amount):f} {currency}" for amount in compared)
        yield _differ(DifferenceKind.AMOUNT, entry, row, here, there)
    if entry.fee is None or fee is None:
        return
    is_same_currency = not entry.fee_currency or not fee_currency or entry.fee_currency == fee_currency
    if entry.fee != fee or not is_same_currency:
        here = f"{canonical(fee):f} {fee_currency}"
        yield _differ(DifferenceKind.FEE, entry, row, here, f"{canonical(entry.fee):f} {entry.fee_currency or ''}")


def missing_here(entry: LedgerTransaction) -> LedgerDifference:
    """Return the difference of a row of the ledger that has none here."""
    there = f"{canonical(entry.amount):f} {entry.currency}" + (f" ({entry.status})" if entry.status else "")
    return LedgerDifference(DifferenceKind.MISSING_HERE, entry.reference_type, None, entry, NOTHING, there)


def missing_there(row: Row) -> LedgerDifference:
    """Return the difference of a row of ours that the ledger does not have."""
    here = f"{canonical(_gross(row) or Decimal(0)):f} {_currency(row)} ({row.status})"
    return LedgerDifference(DifferenceKind.MISSING_THERE, family_of(row), row, None, here, NOTHING)


def twice(entry: LedgerTransaction, other: LedgerTransaction, row: Row) -> LedgerDifference:
    """Return the difference of two rows of the ledger about one thing."""
    there = " and ".join(f"{canonical(one.amount):f} {one.currency} in row {one.id}" for one in (other, entry))
    return _differ(DifferenceKind.TWICE, entry, row, "once", there)


def _differ(kind: DifferenceKind, entry: LedgerTransaction, row: Row, here: str, there: str) -> LedgerDifference:
    return LedgerDifference(kind, entry.reference_type, row, entry, here, there.strip())


def _status_there(entry: LedgerTransaction, row: Row) -> str | None:
    """Return the ledger's status as ours is compared with it; None where it has none."""
    if not isinstance(row, Refund):
        return entry.status
    if not row.is_withdrawal:
        return "booked"
    return None if entry.status is None else _ENDS.get(entry.status, RefundStatus.PENDING.value)


def _status(row: Row) -> str:
    """Return our status as the ledger says it. A refund of the gateway's has none there: it is booked, or failed."""
    if isinstance(row, Refund) and not row.is_withdrawal:
        return RefundStatus.FAILED.value if row.status == RefundStatus.FAILED else "booked"
    return str(row.status)


def _is_credited(row: Row) -> bool:
    completed = {InvoiceStatus.COMPLETED, ChannelPaymentStatus.COMPLETED}
    if isinstance(row, Refund):
        return not row.is_withdrawal or (row.status != RefundStatus.FAILED and row.charged_amount is not None)
    return row.status in completed


def _currency(row: Row) -> str:
    if isinstance(row, Invoice):
        return row.price_currency
    if isinstance(row, ChannelPayment):
        return row.received_currency
    return row.charged_currency if row.is_withdrawal else row.currency


def _gross(row: Row) -> Decimal | None:
    if isinstance(row, Invoice):
        return row.settled_amount
    if isinstance(row, ChannelPayment):
        return row.received_amount
    return row.charged_amount if row.is_withdrawal else row.amount


def _amounts(entry: LedgerTransaction, row: Row) -> tuple[Decimal, Decimal] | None:
    """Return our amount and the ledger's, both with the fee or both without; None where that is not known.

    The ledger's is without the fee. So is the amount of a payment on a channel; an invoice and a refund have both. A
    withdrawal's is below zero, and has every fee in it.
    """
    gross = _gross(row)
    if gross is None or isinstance(row, ChannelPayment):
        return None if gross is None else (gross, entry.amount)
    if family_of(row) == WITHDRAWAL:
        return EXACT.minus(gross), entry.amount
    if entry.fee is not None and entry.fee_currency == entry.currency:
        return gross, EXACT.add(entry.amount, entry.fee)
    if row.fee_amount is not None and row.fee_currency == entry.currency:
        return EXACT.subtract(gross, row.fee_amount), entry.amount
    return None
