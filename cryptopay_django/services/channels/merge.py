"""Merges the gateway's answer about a payment into our row. Pure decisions on a locked row: no query, call or clock.

The answer was asked for after our row's version was read, so it decides, also backwards. A payment that
was final and is something else now is quarantined, and so is one that contradicts the channel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from ...fields import canonical
from ...gateway.channels import ChannelPaymentSnapshot
from ...models import Channel, ChannelPayment, ChannelPaymentStatus, EventKind, InvoiceEvent, RiskLevel
from ...models.channel_payment import FINAL_PAYMENT_STATUSES
from ..events.outbox import new_event
from ..snapshots.compare import Relation
from .compare import agreements, differences, facts_of, reasons_of, relation, state_of

_MOST_REASONS = 20

STATUS_KINDS = {
    ChannelPaymentStatus.ON_HOLD: EventKind.CHANNEL_PAYMENT_ON_HOLD,
    ChannelPaymentStatus.COMPLETED: EventKind.CHANNEL_PAYMENT_COMPLETED,
    ChannelPaymentStatus.REFUNDED: EventKind.CHANNEL_PAYMENT_REFUNDED,
    ChannelPaymentStatus.CANCELLED: EventKind.CHANNEL_PAYMENT_CANCELLED,
}


@dataclass
class Merge:
    """What a merge did to the object it was given; `apply.py` writes it down."""

    changed: set[str] = field(default_factory=set)
    events: list[InvoiceEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changed or self.events)


def begin_payment(channel: Channel, snapshot: ChannelPaymentSnapshot, *, at: datetime) -> ChannelPayment:
    """Return the unsaved row of a payment that is seen for the first time: pending, whatever it has become since."""
    return ChannelPayment(
        channel=channel,
        account=channel.account,
        environment=channel.environment,
        gateway_id=snapshot.id,
        txid=snapshot.txid,
        paid_amount=snapshot.paid_amount,
        paid_currency=snapshot.paid_currency,
        received_currency=snapshot.received_currency,
        seen_at=at,
        updated_at=at,
    )


def merge_payment(payment: ChannelPayment, snapshot: ChannelPaymentSnapshot, *, at: datetime) -> Merge:
    """Merge the gateway's answer into a locked or new payment, in memory; return what changed.

    1. A new row has its event `channel_payment_created`.
    2. What contradicts the channel, or what is known of the payment, quarantines it, once.
    3. Take new knowledge: fee, rate, risk, where it was sent back to.
    4. Move the status by its transition, and write its event. If the payment is quarantined, its release writes that.
    """
    merge = Merge()
    if payment._state.adding:
        kind = EventKind.CHANNEL_PAYMENT_CREATED
        merge.events.append(new_event(payment, kind, at=at, once=kind, detail=_figures(payment)))
    how = relation(payment, snapshot)
    _check_seal(merge, payment, snapshot, how, at=at)
    was = payment.risk_level
    _set(merge, payment, **facts_of(snapshot))
    if payment.risk_level == RiskLevel.HIGH != was:
        merge.events.append(new_event(payment, EventKind.RISK_HIGH, at=at))
    if how not in (Relation.SAME, Relation.UNKNOWN):
        _move(merge, payment, snapshot, how, at=at)
    return merge


def quarantine_payment(merge: Merge, payment: ChannelPayment, reasons: list[str], *, at: datetime) -> None:
    """Quarantine a payment for these reasons. If it is quarantined already, new reasons are added and reported."""
    known = payment.quarantine_reason.split("; ") if payment.quarantine_reason else []
    new = [reason for reason in dict.fromkeys(reasons) if reason not in known]
    if not new:
        return
    _set(merge, payment, quarantine_reason="; ".join([*known, *new][-_MOST_REASONS:]))
    detail = {"reason": "; ".join(new)}
    merge.events.append(new_event(payment, EventKind.CHANNEL_PAYMENT_QUARANTINED, at=at, detail=detail))


def payment_event(payment: ChannelPayment, *, at: datetime) -> InvoiceEvent | None:
    """Return the event that notifies a shop of the status a payment is in now; None while it is pending."""
    kind = STATUS_KINDS.get(ChannelPaymentStatus(payment.status))
    if kind is None:
        return None
    detail = _figures(payment)
    if payment.status == ChannelPaymentStatus.ON_HOLD:
        return new_event(payment, kind, at=at, detail={"context": payment.status_context, **detail})
    return new_event(payment, kind, at=at, once=kind, detail=detail)


def _figures(payment: ChannelPayment) -> dict[str, Any]:
    return {
        "paid_amount": f"{canonical(payment.paid_amount):f}",
        "paid_currency": payment.paid_currency,
        "received_amount": f"{canonical(payment.received_amount):f}",
        "received_currency": payment.received_currency,
        "txid": payment.txid,
    }


def _set(merge: Merge, payment: ChannelPayment, **values: Any) -> None:
    for name, value in values.items():
        if getattr(payment, name) != value:
            setattr(payment, name, value)
            merge.changed.add(name)


def _check_seal(
    merge: Merge, payment: ChannelPayment, snapshot: ChannelPaymentSnapshot, how: Relation, *, at: datetime
) -> None:
    """Keep what the gateway says otherwise, and quarantine the payment for it, once.

    What it does not say any more is forgotten: a release takes over the gateway's last word.
    """
    over = agreements(payment, snapshot) | (set() if how is Relation.UNKNOWN else {"status"})
    _forget(merge, payment, over)
    found = differences(payment, snapshot)
    said, reasons = {name: pair[1] for name, pair in found.items()}, reasons_of(found)
    if how is Relation.UNKNOWN:
        said["status"] = snapshot.status
        reasons.append(f"its status is unknown here: {snapshot.status}")
    if any(payment.contradicted.get(name) != value for name, value in said.items()):
        _set(merge, payment, contradicted={**payment.contradicted, **said})
        quarantine_payment(merge, payment, reasons, at=at)


def _forget(merge: Merge, payment: ChannelPayment, names: set[str]) -> None:
    left = {name: value for name, value in payment.contradicted.items() if name not in names}
    _set(merge, payment, contradicted=left)


def _move(
    merge: Merge, payment: ChannelPayment, snapshot: ChannelPaymentSnapshot, how: Relation, *, at: datetime
) -> None:
    """Run the transition into the snapshot's status."""
    before, was_final = state_of(payment), payment.status in FINAL_PAYMENT_STATUSES
    is_completed = snapshot.status == ChannelPaymentStatus.COMPLETED
    credited = snapshot.received_amount if is_completed else Decimal(0)
    if was_final or how is Relation.BEHIND:
        payment.overrule(snapshot.status, context=snapshot.status_context or "", received_amount=credited, at=at)
        detail = {"from": before, "to": state_of(payment)}
        merge.events.append(new_event(payment, EventKind.STATUS_OVERRULED, at=at, detail=detail))
        if was_final:
            reason = f"the gateway took its final status back: from {before} to {state_of(payment)}"
            quarantine_payment(merge, payment, [reason], at=at)
    elif is_completed:
        payment.complete(received_amount=credited, at=at)
    elif snapshot.status == ChannelPaymentStatus.REFUNDED:
        payment.refund(at=at)
    elif snapshot.status == ChannelPaymentStatus.CANCELLED:
        payment.cancel(at=at)
    else:
        payment.hold(snapshot.status_context or "")
    merge.changed |= {"status", "status_context", "received_amount", "finished_at"}
    _forget(merge, payment, {"received_amount"})  # said of a credit that was before this status
    if is_completed and not credited:
        quarantine_payment(merge, payment, ["it is completed, and nothing was credited"], at=at)
    if is_completed and not snapshot.paid_amount:
        quarantine_payment(merge, payment, ["it is completed, and nothing was paid"], at=at)
    if not payment.quarantine_reason and (event := payment_event(payment, at=at)):
        merge.events.append(event)
