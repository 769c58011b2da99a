"""Defines channels and the payments to them as frozen dataclasses: a lasting address, and each transaction to it.

They are read as an invoice is (`schemas.py`): facts strictly, everything else tolerantly.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from .message_base import WireObject
from .rate_and_risk import Exchange, Risk
from .tags import parted
from .values import Address, Amount, Code, Link, Moment, Name, Reference, Text, Txid, Url


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSnapshot(WireObject):
    """A channel as the gateway reported it: one address, one pay currency, credited in one receiver currency.

    It carries no time stamp. Its `custom_id` is inherited by every payment to it.
    """

    facts = frozenset(
        {"id", "custom_id", "status", "address", "network", "pay_currency", "receiver_currency"}
    )  # fmt: skip

    id: UUID
    custom_id: Reference | None = None
    customer_id: Reference | None = None
    project_id: UUID | None = None
    status: Code
    name: Name | None = None
    description: Text | None = None
    receiver_currency: Code
    pay_currency: Code
    address: Address | None = None
    network: Code | None = None
    uri: Url | None = None
    hosted_page_url: Link | None = None

    @property
    def address_and_tag(self) -> tuple[str | None, str | None]:
        """The plain address and the destination tag, where there are such; `address` is the wire's text."""
        return parted(self.address) if self.address is not None else (None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPaymentSnapshot(WireObject):
    """One transaction to a channel's address, as the gateway reported it, in a callback or an answer.

    `received_amount` is what was credited, net of `fee`: zero until then. `custom_id` and `customer_id` are the
    channel's: many payments share them.
    """

    facts = frozenset(
        {
            "id", "channel_id", "txid", "status", "status_context", "paid_amount", "paid_currency", "received_amount",
            "received_currency",
        }
    )  # fmt: skip

    id: UUID
    channel_id: UUID
    custom_id: Reference | None = None
    customer_id: Reference | None = None
    txid: Txid
    status: Code
    status_context: Code | None = None
    paid_amount: Amount
    paid_currency: Code
    received_amount: Amount
    received_currency: Code
    fee: Amount | None = None
    fee_currency: Code | None = None
    exchange: Exchange | None = None
    address: Address | None = None
    network: Code | None = None
    refund_address: Address | None = None
    coin_withdrawal_id: UUID | None = None
    risk: Risk | None = None
    hosted_page_url: Link | None = None
    created_at: Moment | None = None
