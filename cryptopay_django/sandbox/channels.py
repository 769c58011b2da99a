"""Defines channels, which are lasting addresses, and the payments to them, and how each looks in an answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from .addresses import make_uri, spell_address
from .amounts import ZERO, spell
from .clock import spell_time
from .invoices import CALLBACK_SCORE_DIGITS, SCORE_DIGITS, Exchange, Risk, Transaction, score_to_wire


class ChannelStatus(StrEnum):
    """The status of a channel. Coins that come to a disabled one are held, never refused."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class PaymentStatus(StrEnum):
    """The status of a channel payment; the last three are final."""

    PENDING = "pending"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


class HoldReason(StrEnum):
    """The reason why a channel payment is on hold."""

    ILLICIT_RESOURCE = "illicit_resource"
    CHANNEL_DISABLED = "channel_disabled"


_CALLBACK_ORDER = (
    "id", "txid", "address", "network", "paid_amount", "paid_currency", "received_amount", "received_currency", "fee",
    "fee_currency", "exchange", "status", "status_context", "channel_id", "custom_id", "customer_id", "risk",
    "refund_address", "coin_withdrawal_id", "created_at",
)  # fmt: skip


@dataclass(slots=True)
class ChannelPayment:
    """One transaction to a channel. `rate` is that of its receipt; None where nothing is converted.

    `came_disabled` remembers that the channel was disabled when the coins came.
    """

    type: ClassVar[str] = "ChannelPayment"
    absent_in_2022: ClassVar[frozenset[str]] = frozenset({"customer_id", "address", "network"})

    id: str
    channel_id: str
    custom_id: str | None
    customer_id: str | None
    address: str
    network: str
    paid_currency: str
    received_currency: str
    transaction: Transaction
    rate: Decimal | None
    came_disabled: bool
    created_at: datetime
    status: PaymentStatus = PaymentStatus.PENDING
    context: HoldReason | None = None
    received_amount: Decimal = ZERO
    fee: Decimal = ZERO
    refund_address: str | None = None
    coin_withdrawal_id: str | None = None
    timeline: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def txid(self) -> str:
        """The id of its transaction."""
        return self.transaction.txid

    @property
    def is_final(self) -> bool:
        """Return whether nothing will ever change any more."""
        return self.status not in {PaymentStatus.PENDING, PaymentStatus.ON_HOLD}

    @property
    def exchange(self) -> Exchange | None:
        """The rate that coins were credited at; None while they are not, and where nothing was converted."""
        if self.rate is None or self.status is not PaymentStatus.COMPLETED:
            return None
        return Exchange(self.paid_currency + self.received_currency, self.rate, self.received_currency)

    def risk_to_wire(self, digits: int = SCORE_DIGITS) -> dict[str, Any] | None:
        """Return the risk; None until it is scored, which it is not while the channel is why it is on hold."""
        scored = self.transaction.confirmed_at is not None and self.context is not HoldReason.CHANNEL_DISABLED
        return score_to_wire(self.transaction.risk, self.transaction.score, digits) if scored else None

    def to_callback(self) -> dict[str, Any]:
        """Return the object as callbacks show it: in their own order, with every digit of a score."""
        wire = self.to_wire(digits=CALLBACK_SCORE_DIGITS)
        return {name: wire[name] for name in _CALLBACK_ORDER if name in wire}

    def to_wire(self, *, digits: int = SCORE_DIGITS) -> dict[str, Any]:
        """Return the object as the API shows it."""
        wire: dict[str, Any] = {
            "id": self.id,
            "paid_amount": spell(self.transaction.amount),
            "paid_currency": self.paid_currency,
            "received_amount": spell(self.received_amount),
            "received_currency": self.received_currency,
            "fee": spell(self.fee),
            "fee_currency": self.received_currency,
            "txid": self.txid,
        }
        if self.exchange is not None:
            wire["exchange"] = self.exchange.to_wire()
        return wire | {
            "status": self.status.value,
            "status_context": None if self.context is None else self.context.value,
            "refund_address": self.refund_address,
            "coin_withdrawal_id": self.coin_withdrawal_id,
            "custom_id": self.custom_id,
            "customer_id": self.customer_id,
            "channel_id": self.channel_id,
            "address": self.address,
            "network": self.network,
            "risk": self.risk_to_wire(digits),
            "created_at": spell_time(self.created_at),
        }


@dataclass(slots=True)
class Channel:
    """A lasting address with one coin and network, credited in one currency. It has no time stamp on the wire."""

    id: str
    custom_id: str | None
    customer_id: str | None
    name: str
    description: str | None
    receiver_currency: str
    pay_currency: str
    network: str
    address: str
    tag: int | None
    project_id: str
    hosted_page_url: str
    status: ChannelStatus = ChannelStatus.ENABLED
    payments: list[ChannelPayment] = field(default_factory=list)

    @property
    def tagged_address(self) -> str:
        """The address as the API shows it, with its tag where the network has one."""
        return spell_address(self.address, self.tag)

    @property
    def uri(self) -> str:
        """The payment link, without an amount."""
        return make_uri(self.pay_currency, self.network, address=self.address, tag=self.tag, amount=None)

    @property
    def waiting(self) -> list[ChannelPayment]:
        """The payments that wait for their confirmation."""
        return [payment for payment in self.payments if payment.status is PaymentStatus.PENDING]

    def to_wire(self) -> dict[str, Any]:
        """Return the object as the API shows it."""
        return {
            "id": self.id,
            "status": self.status.value,
            "name": self.name,
            "description": self.description,
            "receiver_currency": self.receiver_currency,
            "pay_currency": self.pay_currency,
            "address": self.tagged_address,
            "network": self.network,
            "project_id": self.project_id,
            "custom_id": self.custom_id,
            "customer_id": self.customer_id,
            "uri": self.uri,
            "hosted_page_url": self.hosted_page_url,
        }


def is_risky(payment: ChannelPayment) -> bool:
    """Return whether the service's own team has to decide on a payment."""
    return payment.transaction.risk is Risk.HIGH
