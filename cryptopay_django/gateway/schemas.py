"""Defines the gateway's answers about invoices, as frozen dataclasses: snapshots, callbacks, recalculations, refunds.

Channels, withdrawals, accounts and the other families are in modules of their names; coins, rates, customers and
errors in `market_answers.py`. Types say what may be null, defaults what may be absent. Values are checked for form
only: an unknown status, event or coin stays a string, and `services/snapshots/merge.py` decides what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from ..exceptions import WireError
from .channels import ChannelPaymentSnapshot
from .message_base import WireObject
from .rate_and_risk import Exchange, Risk
from .strictjson import Json, join_path, parse_json_tolerantly
from .tags import parted
from .values import (
    Address,
    Amount,
    Code,
    Link,
    Moment,
    Name,
    PositiveAmount,
    Reference,
    Text,
    Txid,
    Url,
    read_object,
    read_required,
)  # fmt: skip

INVOICE_TYPE = "Invoice"
CHANNEL_PAYMENT_TYPE = "ChannelPayment"


@dataclass(frozen=True, slots=True)
class Transaction(WireObject):
    """One on-chain transaction of an invoice. It carries no amount and no confirmation flag."""

    facts = frozenset({"txid"})

    txid: Txid
    risk: Risk | None = None
    source_addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSnapshot(WireObject):
    """An invoice as the gateway reported it, in a callback or an answer.

    What money depends on is read or refused. What only informs is left out where it is odd: `expires_at` too, for
    the gateway alone decides what was too late.
    """

    facts = frozenset(
        {
            "id", "custom_id", "status", "status_context", "address", "network", "price_amount", "price_currency",
            "pay_amount", "pay_currency", "paid_amount", "transactions",
        }
    )  # fmt: skip

    id: UUID
    custom_id: Reference | None = None
    customer_id: Reference | None = None
    subscription_id: Reference | None = None
    status: Code
    status_context: Code | None = None
    address: Address | None = None
    network: Code | None = None
    uri: Url | None = None
    price_amount: Amount
    price_currency: Code
    pay_amount: PositiveAmount
    pay_currency: Code
    paid_amount: Amount
    fee: Amount | None = None
    fee_currency: Code | None = None
    exchange: Exchange | None = None
    transactions: tuple[Transaction, ...] = ()
    name: Name | None = None
    description: Text | None = None
    metadata: Mapping[str, str] | None = field(default=None, hash=False)
    # The shop's own; they may lead into an app, so any scheme is taken. Check it before showing a link.
    success_redirect_url: Url | None = None
    unsuccess_redirect_url: Url | None = None
    hosted_page_url: Link | None = None
    created_at: Moment | None = None
    expires_at: Moment | None = None

    @property
    def address_and_tag(self) -> tuple[str | None, str | None]:
        """The plain address and the destination tag, where there are such; `address` is the wire's text."""
        return parted(self.address) if self.address is not None else (None, None)


@dataclass(frozen=True, slots=True)
class CallbackMessage(WireObject):
    """One callback. For types other than Invoice and ChannelPayment `data` is not interpreted; it stays in `extra`."""

    type: Code
    event: Code
    invoice: InvoiceSnapshot | None = None
    channel_payment: ChannelPaymentSnapshot | None = None

    @classmethod
    def from_wire(cls, obj: object, path: str = "") -> Self:
        """Read the envelope and, in a callback of an invoice or a channel payment, that."""
        members = dict(read_object(obj, path))
        envelope = _Envelope.from_wire(members, path)
        extra = dict(envelope.extra)
        invoice = payment = None
        if envelope.type in (INVOICE_TYPE, CHANNEL_PAYMENT_TYPE):
            data, where = read_required(members, "data", path), join_path(path, "data")
            if envelope.type == INVOICE_TYPE:
                invoice = InvoiceSnapshot.from_wire(data, where)
            else:
                payment = ChannelPaymentSnapshot.from_wire(data, where)
            del extra["data"]
        notes = (*envelope.notes, *(part for subject in (invoice, payment) if subject for part in subject.notes))
        return cls(envelope.type, envelope.event, invoice, payment, extra=extra, notes=notes)

    @property
    def data(self) -> Mapping[str, Json]:
        """The members of `data` as they came, of a type that has no dataclass; empty where `data` is no object."""
        data = self.extra.get("data")
        return data if isinstance(data, Mapping) else {}

    def to_wire(self) -> dict[str, Json]:
        """Write the callback's body, ready for `dump_json`."""
        subject = self.invoice or self.channel_payment
        data: dict[str, Json] = {} if subject is None else {"data": subject.to_wire()}
        return {"type": self.type, "event": self.event, **data, **self.extra}


@dataclass(frozen=True, slots=True)
class _Envelope(WireObject):
    facts = frozenset({"type"})

    type: Code
    event: Code = "unknown"


@dataclass(frozen=True, slots=True)
class InvoiceId(WireObject):
    """The id of an invoice or a refund, whatever else is said of it."""

    id: UUID


@dataclass(frozen=True, slots=True)
class _PaymentIds(WireObject):
    id: UUID
    channel_id: UUID


def parse_callback(body: bytes) -> CallbackMessage:
    """Read the raw body of a callback, once its signature is verified; raise WireError if it is none."""
    return CallbackMessage.from_wire(parse_json_tolerantly(body))


def read_invoice_id(body: bytes) -> UUID | None:
    """Return the id of the invoice that a body speaks of, also where the rest cannot be read; None without one."""
    try:
        return InvoiceId.from_wire(read_object(parse_json_tolerantly(body)).get("data")).id
    except WireError:
        return None


def read_payment_ids(body: bytes) -> tuple[UUID, UUID] | None:
    """Return the ids of the channel and of the payment that a body speaks of, also where the rest cannot be read."""
    try:
        members = read_object(parse_json_tolerantly(body))
        ids = _PaymentIds.from_wire(members.get("data"))
    except WireError:
        return None
    return (ids.channel_id, ids.id) if members.get("type") == CHANNEL_PAYMENT_TYPE else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalculation(WireObject):
    """A new price for what was paid. Until it is committed, a preview that changes nothing."""

    facts = frozenset({"id", "invoice_id", "pay_amount", "pay_currency", "price_amount", "price_currency"})

    id: UUID
    invoice_id: UUID
    pay_amount: Amount
    pay_currency: Code
    price_amount: Amount
    price_currency: Code
    fee: Amount | None = None
    fee_currency: Code | None = None
    previous_pay_amount: Amount | None = None
    previous_price_amount: Amount | None = None
    previous_exchange_rate: Amount | None = None
    exchange: Exchange | None = None
    created_at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund(WireObject):
    """Coins sent back. Without an `address` they went to the merchant's own coin account."""

    facts = frozenset({"id", "invoice_id", "amount", "amount_currency", "address"})

    id: UUID
    custom_id: Reference | None = None
    invoice_id: UUID
    amount: Amount
    amount_currency: Code
    fee: Amount | None = None
    fee_currency: Code | None = None
    address: Address | None = None
    network: Code | None = None
    txid: Txid | None = None
    risk: Risk | None = None
    created_at: Moment | None = None
