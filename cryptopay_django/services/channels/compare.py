"""Compares what the gateway says of a channel, or of a payment on it, with our row.

Pure decisions: no query, no call, no clock. `merge.py` decides what follows from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from ...fields import canonical
from ...gateway.channels import ChannelPaymentSnapshot, ChannelSnapshot
from ...gateway.tags import is_same_place, parted
from ...models import Channel, ChannelPayment, ChannelPaymentStatus
from ...models.channel_payment import FINAL_PAYMENT_STATUSES
from ...models.risk import storable_score
from ..snapshots.compare import Relation

Difference: TypeAlias = tuple[str, str]
"""What is known here, and what the gateway says, as texts."""

_WORTH_A_CALL = ("risk_level", "refund_address", "coin_withdrawal_id")

_RANK = {ChannelPaymentStatus.PENDING: 0, ChannelPaymentStatus.ON_HOLD: 1} | dict.fromkeys(FINAL_PAYMENT_STATUSES, 2)


def relation(payment: ChannelPayment, snapshot: ChannelPaymentSnapshot) -> Relation:
    """Compare statuses along the documented graph: pending < on_hold < completed, refunded, cancelled.

    Two final statuses, and two contexts of on_hold, have no order: that is a conflict.
    """
    if snapshot.status not in _RANK:
        return Relation.UNKNOWN
    ours, theirs = _RANK[ChannelPaymentStatus(payment.status)], _RANK[ChannelPaymentStatus(snapshot.status)]
    if ours != theirs:
        return Relation.AHEAD if theirs > ours else Relation.BEHIND
    is_same = is_in_state(payment, snapshot.status, snapshot.status_context)
    return Relation.SAME if is_same else Relation.CONFLICT


def is_in_state(payment: ChannelPayment, status: str, context: str | None) -> bool:
    """Return whether a payment is in this status. Only of `on_hold` the context counts: the row keeps no other."""
    if status != payment.status:
        return False
    return status != ChannelPaymentStatus.ON_HOLD or (context or "") == payment.status_context


def differences(payment: ChannelPayment, snapshot: ChannelPaymentSnapshot) -> dict[str, Difference]:
    """Return by name what a snapshot says otherwise than the channel, or than what is known of the payment.

    The credited amount is sealed once it is credited; what is not said is no difference.
    """
    return _differing(_pairs(payment, snapshot))


def agreements(payment: ChannelPayment, snapshot: ChannelPaymentSnapshot) -> set[str]:
    """Return the names of what a snapshot says just as the channel and the row do."""
    pairs = _pairs(payment, snapshot)
    differing = _differing(pairs)
    return {name for name, (_, said) in pairs.items() if said is not None and name not in differing}


def _pairs(payment: ChannelPayment, snapshot: ChannelPaymentSnapshot) -> dict[str, tuple[Any, Any]]:
    """Return by name what is known here and what a snapshot says.

    A release can have taken another currency over from the gateway: then it counts as well as the channel's.
    """
    channel = payment.channel
    pairs: dict[str, tuple[Any, Any]] = {
        "channel_id": (channel.gateway_id, snapshot.channel_id),
        "paid_currency": _currencies(channel.pay_currency, payment.paid_currency, snapshot.paid_currency),
        "received_currency": _currencies(
            channel.receiver_currency, payment.received_currency, snapshot.received_currency
        ),
        "network": (channel.network, snapshot.network),
        "txid": (payment.txid, snapshot.txid),
        "paid_amount": (payment.paid_amount, snapshot.paid_amount),
    }
    if payment.status == ChannelPaymentStatus.COMPLETED == snapshot.status:
        pairs["received_amount"] = payment.received_amount, snapshot.received_amount
    if snapshot.address and not _is_at(channel, snapshot.address):
        pairs["address"] = channel.address, snapshot.address
    return pairs


def _currencies(of_channel: str, of_payment: str, said: str) -> tuple[str, str]:
    return (of_payment if said == of_channel else of_channel), said


def brings_news(payment: ChannelPayment, snapshot: ChannelPaymentSnapshot) -> bool:
    """Return whether a snapshot of the same status says what our row does not have: contradictions, risk, a return.

    A score that the gateway writes with other digits is no news.
    """
    found = differences(payment, snapshot)
    if any(payment.contradicted.get(name) != said for name, (_, said) in found.items()):
        return True
    facts = facts_of(snapshot)
    return any(name in facts and getattr(payment, name) != facts[name] for name in _WORTH_A_CALL)


def facts_of(snapshot: ChannelPaymentSnapshot) -> dict[str, Any]:
    """Return what a snapshot says beside the status and what is sealed, by column; nothing of what it leaves out."""
    known: dict[str, Any] = {
        "fee_amount": snapshot.fee,
        "fee_currency": snapshot.fee_currency,
        "exchange_rate": snapshot.exchange.rate if snapshot.exchange else None,
        "refund_address": snapshot.refund_address,
        "coin_withdrawal_id": None if snapshot.coin_withdrawal_id is None else str(snapshot.coin_withdrawal_id),
        "gateway_created_at": snapshot.created_at,
    }
    if snapshot.risk is not None:
        score = snapshot.risk.score
        known |= {
            "risk_score": None if score is None else storable_score(score),
            "risk_level": snapshot.risk.level,
            "risk_resource_name": snapshot.risk.resource_name,
            "risk_resource_category": snapshot.risk.resource_category,
        }
    return {name: value for name, value in known.items() if value not in (None, "")}


def channel_differences(channel: Channel, snapshot: ChannelSnapshot) -> dict[str, Difference]:
    """Return by column what the gateway says of a channel otherwise than our row."""
    pairs: dict[str, tuple[Any, Any]] = {
        "gateway_id": (channel.gateway_id, snapshot.id),
        "custom_id": (channel.custom_id, snapshot.custom_id),
        "pay_currency": (channel.pay_currency, snapshot.pay_currency),
        "receiver_currency": (channel.receiver_currency, snapshot.receiver_currency),
        "network": (channel.network, snapshot.network),
    }
    if channel.address and snapshot.address and not _is_at(channel, snapshot.address, is_tag_needed=True):
        pairs["address"] = channel.address, snapshot.address
    return _differing(pairs)


def reasons_of(found: Mapping[str, Difference]) -> list[str]:
    """Return differences in words."""
    return [
        f"{name} is {said[:100] or 'empty'} at the gateway, and {known[:100]} here"
        for name, (known, said) in found.items()
    ]


def state_of(subject: ChannelPayment | ChannelPaymentSnapshot) -> str:
    """Return status and context in one text."""
    return f"{subject.status} {subject.status_context or ''}".strip()


def _differing(pairs: Mapping[str, tuple[Any, Any]]) -> dict[str, Difference]:
    return {
        name: (_text(known), _text(said))
        for name, (known, said) in pairs.items()
        if said is not None and known not in (None, "") and said != known
    }


def _text(value: object) -> str:
    return f"{canonical(value):f}" if isinstance(value, Decimal) else str(value)


def _is_at(channel: Channel, address: str, *, is_tag_needed: bool = False) -> bool:
    """Return whether an address is the channel's. Payments may be reported without its tag."""
    plain, tag = parted(address)
    is_tag_same = tag == (channel.destination_tag or None) or (tag is None and not is_tag_needed)
    return is_tag_same and is_same_place(plain, channel.address)
