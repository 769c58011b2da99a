"""Moves coin withdrawals through their statuses: debited, sent, confirmed; or on hold, failed, cancelled."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from ..gateway.networks import NETWORKS
from .addresses import make_txid
from .amounts import EXACT, ZERO, spell
from .clock import spell_time
from .invoices import CALLBACK_SCORE_DIGITS, SCORE_DIGITS, Exchange, Risk, score_to_wire
from .ledger import record
from .refusals import invalid, not_now, not_one_of
from .risks import score_address, score_of

if TYPE_CHECKING:
    from .state import State

# Together a minute, as long as the coins of a refund to the own account take.
_PENDING_TIME = timedelta(seconds=10)
_PROCESSING_TIME = timedelta(seconds=50)


class WithdrawalStatus(StrEnum):
    """The status of a withdrawal. Completed and cancelled are final; failed is not."""

    NEW = "new"
    PENDING = "pending"
    PROCESSING = "processing"
    SENT = "sent"
    COMPLETED = "completed"
    ON_HOLD = "on_hold"
    FAILED = "failed"
    CANCELLED = "cancelled"


_FINAL = frozenset({WithdrawalStatus.COMPLETED, WithdrawalStatus.CANCELLED})


@dataclass(slots=True)
class Withdrawal:
    """One withdrawal. `invoice_id` and `refund_id` name the refund that it delivers; `quiet` sends no callbacks.

    `from_hold` says that the coins come out of a payment on hold, so that no account is debited.
    """

    type: ClassVar[str] = "CoinWithdrawal"
    absent_in_2022: ClassVar[frozenset[str]] = frozenset({"network", "customer_id", "description"})

    id: str
    custom_id: str | None
    customer_id: str | None
    address: str
    network: str
    charged_amount: Decimal
    charged_currency: str
    received_amount: Decimal
    received_currency: str
    network_fee: Decimal
    network_fee_level: str
    fee: Decimal
    fee_currency: str
    exchange: Exchange | None
    created_at: datetime
    status: WithdrawalStatus = WithdrawalStatus.NEW
    txid: str | None = None
    risk: Risk | None = None
    score: float = 0
    invoice_id: str | None = None
    refund_id: str | None = None
    quiet: bool = False
    from_hold: bool = False
    timeline: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def is_final(self) -> bool:
        """Return whether nothing will ever change any more."""
        return self.status in _FINAL

    @property
    def is_preview(self) -> bool:
        """Return whether it was not committed."""
        return self.status is WithdrawalStatus.NEW

    def risk_to_wire(self, digits: int = SCORE_DIGITS) -> dict[str, Any] | None:
        """Return the risk; None until it is scored."""
        return None if self.risk is None else score_to_wire(self.risk, self.score, digits)

    def to_wire(self, *, digits: int = SCORE_DIGITS) -> dict[str, Any]:
        """Return the object as the API shows it; a preview spells its time with a Z."""
        created_at = spell_time(self.created_at)
        wire: dict[str, Any] = {
            "id": self.id,
            "custom_id": self.custom_id,
            "customer_id": self.customer_id,
            "address": self.address,
            "network": self.network,
            "txid": self.txid,
            "status": self.status.value,
            "charged_amount": spell(self.charged_amount),
            "charged_currency": self.charged_currency,
            "received_amount": spell(self.received_amount),
            "received_currency": self.received_currency,
            "network_fee": spell(self.network_fee),
            "network_fee_level": self.network_fee_level,
            "fee": spell(self.fee),
            "fee_currency": self.fee_currency,
            "description": None,
        }
        if self.exchange is not None:
            wire["exchange"] = self.exchange.to_wire()
        return wire | {
            "risk": self.risk_to_wire(digits),
            "created_at": created_at.replace("+00:00", "Z") if self.is_preview else created_at,
        }

    def to_callback(self) -> dict[str, Any]:
        """Return the object as callbacks show it: with every digit of a score."""
        return self.to_wire(digits=CALLBACK_SCORE_DIGITS)


_DECISIONS = {
    "hold": (WithdrawalStatus.PENDING, WithdrawalStatus.PROCESSING),
    "release": (WithdrawalStatus.ON_HOLD,),
    "fail": (WithdrawalStatus.PENDING, WithdrawalStatus.PROCESSING, WithdrawalStatus.SENT),
    "complete": (
        WithdrawalStatus.PENDING, WithdrawalStatus.PROCESSING, WithdrawalStatus.SENT, WithdrawalStatus.FAILED,
    ),
    "cancel": (WithdrawalStatus.ON_HOLD, WithdrawalStatus.FAILED),
}  # fmt: skip


def debit(state: State, withdrawal: Withdrawal, at: datetime) -> None:
    """Take the charged amount from the account, and start the withdrawal on its way."""
    withdrawal.status = WithdrawalStatus.PENDING
    _record(state, withdrawal, at)
    if not withdrawal.quiet:
        state.announce("created", withdrawal, at)
    _schedule(state, withdrawal, at + _PENDING_TIME)


def advance(state: State, withdrawal_id: str, expected: str, at: datetime) -> None:
    """Take the next step of a withdrawal, if it is still where the agenda expects it."""
    withdrawal = state.withdrawals[withdrawal_id]
    if withdrawal.status != expected:
        return
    if withdrawal.status is WithdrawalStatus.PENDING and _is_above_the_maximum(state, withdrawal, at):
        _change_status(state, withdrawal, WithdrawalStatus.ON_HOLD, at)
    else:
        _step(state, withdrawal, at)


def possible_decisions(withdrawal: Withdrawal) -> list[str]:
    """Return what the service can decide about a withdrawal as it is now."""
    return [decision for decision, statuses in _DECISIONS.items() if withdrawal.status in statuses]


def decide(state: State, withdrawal: Withdrawal, *, decision: str, at: datetime) -> None:
    """Let the service hold, release, fail, complete or cancel a withdrawal. RefusalError where it cannot."""
    if decision not in _DECISIONS:
        raise invalid(not_one_of("decision", _DECISIONS))
    if withdrawal.status not in _DECISIONS[decision]:
        possible = ", ".join(_DECISIONS[decision])
        raise not_now(f"The withdrawal is {withdrawal.status}; this needs one that is {possible}")
    if decision == "complete":
        while withdrawal.status is not WithdrawalStatus.COMPLETED:
            _step(state, withdrawal, at)
    elif decision == "release":
        _step(state, withdrawal, at)
    else:
        _change_status(state, withdrawal, _OUTCOMES[decision], at)


_OUTCOMES = {
    "hold": WithdrawalStatus.ON_HOLD,
    "fail": WithdrawalStatus.FAILED,
    "cancel": WithdrawalStatus.CANCELLED,
}


def _step(state: State, withdrawal: Withdrawal, at: datetime) -> None:
    """Take the next step towards completion, and put the one after it on the agenda."""
    status = withdrawal.status
    if status in {WithdrawalStatus.PENDING, WithdrawalStatus.ON_HOLD}:
        _change_status(state, withdrawal, WithdrawalStatus.PROCESSING, at)
        _schedule(state, withdrawal, at + _PROCESSING_TIME)
        return
    if withdrawal.txid is None:
        _broadcast(state, withdrawal, at)
    if status is WithdrawalStatus.PROCESSING:
        _change_status(state, withdrawal, WithdrawalStatus.SENT, at)
        _schedule(state, withdrawal, at + timedelta(seconds=NETWORKS[withdrawal.network].block_seconds))
        return
    plain_address = withdrawal.address.partition("?")[0]
    withdrawal.risk, withdrawal.score = score_address(state.seed, plain_address, withdrawal.network)
    _change_status(state, withdrawal, WithdrawalStatus.COMPLETED, at)


def _broadcast(state: State, withdrawal: Withdrawal, at: datetime) -> None:
    """Give the withdrawal its transaction, and the refund that it delivers the same one."""
    txid = make_txid(withdrawal.network, seed=state.seed, index=state.count("transaction"))
    withdrawal.txid = txid
    invoice = state.invoices.get(withdrawal.invoice_id or "")
    for refund in invoice.refunds if invoice else []:
        if invoice and refund.id == withdrawal.refund_id:
            refund.txid, refund.score = txid, score_of(txid)
            state.note(invoice, at, f"refund {refund.id} was sent in transaction {txid}")


def _change_status(state: State, withdrawal: Withdrawal, status: WithdrawalStatus, at: datetime) -> None:
    """Move the withdrawal and its row in the ledger, and notify the merchant."""
    withdrawal.status = status
    _record(state, withdrawal, at)
    if withdrawal.quiet:
        state.note(withdrawal, at, status.value)
    else:
        state.announce("status_changed", withdrawal, at)


def _record(state: State, withdrawal: Withdrawal, at: datetime) -> None:
    """Write the withdrawal's row. A cancelled one moved nothing in the end: the debit is returned."""
    debited = EXACT.minus(withdrawal.charged_amount)
    exchange = withdrawal.exchange
    record(
        state,
        reference_type="CoinWithdrawal",
        reference_id=withdrawal.id,
        currency=withdrawal.charged_currency,
        amount=debited,
        fee=exchange.fee if exchange else withdrawal.fee,
        fee_currency=exchange.fee_currency if exchange else withdrawal.charged_currency,
        custom_id=withdrawal.custom_id,
        customer_id=withdrawal.customer_id,
        status=withdrawal.status.value,
        risk=withdrawal.risk_to_wire(),
        moves=ZERO if withdrawal.from_hold or withdrawal.status is WithdrawalStatus.CANCELLED else debited,
        at=at,
    )


def _schedule(state: State, withdrawal: Withdrawal, at: datetime) -> None:
    state.schedule(at, "advance_withdrawal", withdrawal, withdrawal.status.value)


def _is_above_the_maximum(state: State, withdrawal: Withdrawal, at: datetime) -> bool:
    maximum = state.account.hold_withdrawals_above
    if maximum is None:
        return False
    worth = EXACT.multiply(withdrawal.charged_amount, state.rates.sell_rate(withdrawal.charged_currency, "EUR", at))
    return worth > maximum
