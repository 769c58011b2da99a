"""Defines invoices with their transactions, recalculations and refunds, and how each looks in an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from .addresses import make_uri, spell_address
from .amounts import ZERO, spell
from .clock import spell_time


class Status(StrEnum):
    """The status of an invoice; the last three are final."""

    NEW = "new"
    UNRESOLVED = "unresolved"
    COMPLETED = "completed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


class Context(StrEnum):
    """The reason why an invoice is unresolved."""

    UNDERPAID = "underpaid"
    OVERPAID = "overpaid"
    PAID_LATE = "paid_late"
    ILLICIT_RESOURCE = "illicit_resource"


class Risk(StrEnum):
    """The result of screening a wallet."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


# Decimals of a score: in answers of the API, and in callbacks.
SCORE_DIGITS, CALLBACK_SCORE_DIGITS = 2, 16
FINAL = frozenset({Status.COMPLETED, Status.REFUNDED, Status.CANCELLED})


@dataclass(slots=True)
class Exchange:
    """The rate that was frozen. `fee` is the service's share, where it is taken out of the exchange."""

    pair: str
    rate: Decimal
    fee_currency: str
    fee: Decimal = ZERO

    def to_wire(self) -> dict[str, Any]:
        """Return the object as the API shows it."""
        return {"pair": self.pair, "rate": spell(self.rate), "fee": spell(self.fee), "fee_currency": self.fee_currency}


@dataclass(slots=True)
class Transaction:
    """One payment on the chain.

    `doomed` means that another spend of the same coins will replace it, so it never confirms;
    `dropped` that the service has noticed, so it counts no more.
    """

    txid: str
    amount: Decimal
    source_address: str
    risk: Risk
    score: float
    broadcast_at: datetime
    required: int
    block_seconds: float
    doomed: bool = False
    dropped: bool = False
    confirmed_at: datetime | None = None

    @property
    def waits(self) -> timedelta:
        """The time that its confirmations take."""
        return timedelta(seconds=self.required * self.block_seconds)

    def confirmations(self, now: datetime) -> int:
        """Count the blocks on top of it at this time."""
        if self.confirmed_at is not None:
            return self.required
        if self.doomed:
            return 0
        return min(self.required, int((now - self.broadcast_at).total_seconds() // self.block_seconds))

    def to_wire(self, *, digits: int = SCORE_DIGITS) -> dict[str, Any]:
        """Return the object as the API shows it: without amount, and without risk until it is scored."""
        risk = score_to_wire(self.risk, self.score, digits) if self.confirmed_at is not None else None
        return {"txid": self.txid, "risk": risk}


@dataclass(slots=True)
class Recalculation:
    """A new price for what was really paid; a preview until it is committed."""

    id: str
    invoice_id: str
    pay_amount: Decimal
    pay_currency: str
    price_amount: Decimal
    price_currency: str
    fee: Decimal
    previous_pay_amount: Decimal
    previous_price_amount: Decimal
    previous_exchange_rate: Decimal | None
    exchange: Exchange | None
    created_at: datetime
    committed_at: datetime | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return the object as the API shows it; a preview spells its time with a Z."""
        created_at = spell_time(self.created_at)
        rate = self.previous_exchange_rate
        return {
            "id": self.id,
            "invoice_id": self.invoice_id,
            "pay_amount": spell(self.pay_amount),
            "pay_currency": self.pay_currency,
            "price_amount": spell(self.price_amount),
            "price_currency": self.price_currency,
            "fee": spell(self.fee),
            "fee_currency": self.price_currency,
            "previous_pay_amount": spell(self.previous_pay_amount),
            "previous_price_amount": spell(self.previous_price_amount),
            "previous_exchange_rate": None if rate is None else spell(rate),
            "exchange": None if self.exchange is None else self.exchange.to_wire(),
            "created_at": created_at if self.committed_at else created_at.replace("+00:00", "Z"),
        }


@dataclass(slots=True)
class Refund:
    """Coins on their way back; without an address, to the merchant's own coin account."""

    id: str
    invoice_id: str
    amount: Decimal
    currency: str
    fee: Decimal
    address: str | None
    network: str
    created_at: datetime
    txid: str | None = None
    score: float = 0

    def to_wire(self) -> dict[str, Any]:
        """Return the object as the API shows it."""
        return {
            "id": self.id,
            "custom_id": None,
            "invoice_id": self.invoice_id,
            "amount": spell(self.amount),
            "amount_currency": self.currency,
            "fee": spell(self.fee),
            "fee_currency": self.currency,
            "address": self.address,
            "txid": self.txid,
            "risk": score_to_wire(Risk.LOW, self.score) if self.txid and self.address else None,
            "created_at": spell_time(self.created_at),
            "network": self.network,
        }


@dataclass(slots=True)
class Invoice:
    """One invoice. Prices change by recalculation only; the ordered ones are in the recalculations."""

    type: ClassVar[str] = "Invoice"
    absent_in_2022: ClassVar[frozenset[str]] = frozenset(
        {"customer_id", "subscription_id", "network", "uri", "fee", "fee_currency", "hosted_page_url"}
    )

    id: str
    custom_id: str | None
    customer_id: str | None
    address: str
    tag: int | None
    network: str
    price_amount: Decimal
    price_currency: str
    pay_amount: Decimal
    pay_currency: str
    fee: Decimal
    exchange: Exchange | None
    hosted_page_url: str
    created_at: datetime
    expires_at: datetime
    texts: dict[str, str | None]
    metadata: dict[str, str] | None = None
    subscription_id: str | None = None
    status: Status = Status.NEW
    context: Context | None = None
    transactions: list[Transaction] = field(default_factory=list)
    recalculations: list[Recalculation] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    timeline: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def paid_amount(self) -> Decimal:
        """Everything that was seen on the chain, confirmed or not."""
        return sum((payment.amount for payment in self.transactions if not payment.dropped), ZERO)

    @property
    def is_final(self) -> bool:
        """Return whether nothing will ever change any more."""
        return self.status in FINAL

    @property
    def tagged_address(self) -> str:
        """The address as the API shows it, with its tag where the network has one."""
        return spell_address(self.address, self.tag)

    @property
    def uri(self) -> str:
        """The payment link, which is what a QR code encodes."""
        return make_uri(self.pay_currency, self.network, address=self.address, tag=self.tag, amount=self.pay_amount)

    def to_callback(self) -> dict[str, Any]:
        """Return the object as callbacks show it: with every digit of a score."""
        return self.to_wire(digits=CALLBACK_SCORE_DIGITS)

    def to_wire(self, *, digits: int = SCORE_DIGITS) -> dict[str, Any]:
        """Return the object as the API shows it."""
        texts = self.texts
        wire: dict[str, Any] = {
            "id": self.id,
            "custom_id": self.custom_id,
            "customer_id": self.customer_id,
            "subscription_id": self.subscription_id,
            "status": self.status.value,
            "status_context": None if self.context is None else self.context.value,
            "address": self.tagged_address,
            "network": self.network,
            "uri": self.uri,
            "price_amount": spell(self.price_amount),
            "price_currency": self.price_currency,
            "pay_amount": spell(self.pay_amount),
            "pay_currency": self.pay_currency,
            "fee": spell(self.fee),
            "fee_currency": self.price_currency,
            "paid_amount": spell(self.paid_amount),
        }
        if self.exchange is not None:
            wire["exchange"] = self.exchange.to_wire()
        wire |= {
            "transactions": [transaction.to_wire(digits=digits) for transaction in self.transactions],
            "name": texts["name"],
            "description": texts["description"],
            "metadata": self.metadata,
            "success_redirect_url": texts["success_redirect_url"],
            "unsuccess_redirect_url": texts["unsuccess_redirect_url"],
            "hosted_page_url": self.hosted_page_url,
            "created_at": spell_time(self.created_at),
            "expires_at": spell_time(self.expires_at),
        }
        return wire


def score_to_wire(risk: Risk, score: float, digits: int = SCORE_DIGITS) -> dict[str, Any]:
    """Return a risk as the API shows it."""
    return {
        "score": round(score, digits),
        "level": risk.value,
        "resource_name": "default",
        "resource_category": "unknown",
    }
