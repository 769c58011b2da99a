"""Reads the state of a channel for its owner: the address, and the newest payments.

It contains no risk, no reason of a quarantine and no names of people. Makes two queries; pages and API share it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from ...fields import canonical
from ...models import Channel, ChannelPayment, ChannelPaymentStatus, ChannelStatus
from ..accounts import is_in_force

MOST = 20
"""The newest payments are shown, at most this many."""

# What pages and API need. The customer's id is not even loaded.
_OF_CHANNEL = (
    "status", "quarantine_reason", "gateway_id", "pay_currency", "network", "receiver_currency", "address",
    "destination_tag", "uri", "name", "description", "version", "account", "environment",
)  # fmt: skip
_OF_PAYMENT = (
    "channel", "status", "quarantine_reason", "txid", "paid_amount", "paid_currency", "received_amount",
    "received_currency", "version", "seen_at",
)  # fmt: skip


class ChannelState(StrEnum):
    """The state of a channel for the customer. Coins may be sent only while it is `open`."""

    PREPARING = "preparing"
    OPEN = "open"
    DISABLED = "disabled"
    REVIEW = "review"
    UNAVAILABLE = "unavailable"


class ReceiptState(StrEnum):
    """The state of a payment for the customer. Only `credited` means credited."""

    PENDING = "pending"
    CREDITED = "credited"
    REVIEW = "review"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


_RECEIPTS: dict[str, ReceiptState] = {
    ChannelPaymentStatus.PENDING: ReceiptState.PENDING,
    ChannelPaymentStatus.COMPLETED: ReceiptState.CREDITED,
    ChannelPaymentStatus.REFUNDED: ReceiptState.REFUNDED,
    ChannelPaymentStatus.CANCELLED: ReceiptState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment with its state for the customer."""

    payment: ChannelPayment
    state: ReceiptState

    @property
    def credited_amount(self) -> Decimal | None:
        """The credited amount in `payment.received_currency`, or None while nothing is credited."""
        return canonical(self.payment.credited_amount) if self.state is ReceiptState.CREDITED else None

    @property
    def public(self) -> dict[str, Any]:
        """The public data, ready for JSON; amounts are strings."""
        payment, credited = self.payment, self.credited_amount
        return {
            "id": str(payment.pk),
            "state": str(self.state),
            "txid": payment.txid,
            "paid_amount": f"{canonical(payment.paid_amount):f}",
            "paid_currency": payment.paid_currency,
            "credited_amount": None if credited is None else f"{credited:f}",
            "credited_currency": None if credited is None else payment.received_currency,
            "seen_at": payment.seen_at.isoformat(),
        }


@dataclass(frozen=True, slots=True)
class ChannelProgress:
    """A channel and its newest payments. `channel` is for our own pages; only `public` may be sent to clients."""

    channel: Channel
    state: ChannelState
    receipts: tuple[Receipt, ...]
    is_cut: bool

    @property
    def is_open(self) -> bool:
        """Whether coins may be sent to its address."""
        return self.state is ChannelState.OPEN

    @property
    def etag(self) -> str:
        """A tag that changes with the public data."""
        seen = [f"{self.channel.version} {self.state}"]
        seen += [f"{one.payment.pk} {one.payment.version} {one.state}" for one in self.receipts]
        return f'W/"{hashlib.sha256(" ".join(seen).encode()).hexdigest()[:32]}"'

    @property
    def public(self) -> dict[str, Any]:
        """The public data, ready for JSON. It has no address unless the channel is open."""
        channel = self.channel
        where = {
            "address": channel.address,
            "destination_tag": channel.destination_tag,
            "uri": channel.uri,
        }
        return {
            "id": str(channel.pk),
            "state": str(self.state),
            "pay_currency": channel.pay_currency,
            "network": channel.network,
            "receiver_currency": channel.receiver_currency,
            "payment": where if self.is_open else None,
            "receipts": [one.public for one in self.receipts],
            "has_more": self.is_cut,
        }


def read_channel_progress(channel_id: UUID) -> ChannelProgress | None:
    """Return the state of a channel with its newest payments, or None if it does not exist.

    Makes two queries, to the primary database.
    """
    channel = Channel.objects.primary().only(*_OF_CHANNEL).filter(pk=channel_id).first()
    if channel is None:
        return None
    rows = ChannelPayment.objects.primary().only(*_OF_PAYMENT).filter(channel=channel)
    found = list(rows.order_by("-seen_at", "-pk")[: MOST + 1])
    receipts = tuple(Receipt(payment, receipt_state(payment)) for payment in found[:MOST])
    return ChannelProgress(channel, channel_state(channel), receipts, len(found) > MOST)


def channel_state(channel: Channel) -> ChannelState:
    """Return the state of a channel: first whether its account still uses its gateway, then its quarantine."""
    if not is_in_force(channel):
        return ChannelState.UNAVAILABLE
    if channel.quarantine_reason:
        return ChannelState.REVIEW
    if channel.status != ChannelStatus.ENABLED:
        return ChannelState.DISABLED
    return ChannelState.OPEN if channel.is_open else ChannelState.PREPARING


def receipt_state(payment: ChannelPayment) -> ReceiptState:
    """Return the state of a payment. One that is on hold or quarantined is in review, without a reason."""
    if payment.quarantine_reason:
        return ReceiptState.REVIEW
    return _RECEIPTS.get(payment.status, ReceiptState.REVIEW)
