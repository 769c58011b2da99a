"""Which snapshot means what. Pure decisions on a locked row: no query, no call, no clock.

Snapshots have no order, so a merge is a join: what is ahead of our row moves it, what is behind
changes nothing, and what contradicts it is for the gateway (GET) or a person to decide.
The door through which snapshots come in is `intake.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum

from ..conf import app_settings
from ..fields import EXACT
from ..gateway.schemas import InvoiceSnapshot, Transaction
from ..models import EventKind, Invoice, InvoiceEvent, InvoiceStatus, Payment, PaymentStatus, RiskLevel
from ..models.invoice import FINAL_STATUSES
from ..models.risk import gravest_risk, storable_score
from .events import new_event

CONFIRMATION_EVENT = "transaction_confirmed"

_RANK = {InvoiceStatus.NEW: 0, InvoiceStatus.UNRESOLVED: 1} | dict.fromkeys(FINAL_STATUSES, 2)


class Relation(Enum):
    """How a snapshot's status stands to our row's."""

    AHEAD = "ahead"
    SAME = "same"
    BEHIND = "behind"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"


@dataclass
class Merge:
    """What a merge did to the objects it was given; `intake` writes it down."""

    changed: set[str] = field(default_factory=set)
    new_payments: list[Payment] = field(default_factory=list)
    changed_payments: dict[Payment, set[str]] = field(default_factory=dict)
    events: list[InvoiceEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changed or self.new_payments or self.changed_payments or self.events)


def relation(invoice: Invoice, snapshot: InvoiceSnapshot) -> Relation:
    """Compare statuses along the documented graph: new < unresolved < completed, refunded, cancelled.

    Two final statuses, and two contexts of unresolved, have no order: that is a conflict.
    """
    if snapshot.status not in _RANK:
        return Relation.UNKNOWN
    ours, theirs = _RANK[InvoiceStatus(invoice.status)], _RANK[InvoiceStatus(snapshot.status)]
    if ours != theirs:
        return Relation.AHEAD if theirs > ours else Relation.BEHIND
    if snapshot.status != invoice.status:
        return Relation.CONFLICT
    if snapshot.status == InvoiceStatus.UNRESOLVED and (snapshot.status_context or "") != invoice.status_context:
        return Relation.CONFLICT
    return Relation.SAME


def needs_confirmation(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Tell whether the gateway must be asked (GET) before this snapshot of a callback is taken in.

    Final statuses and contradictions. A conflict is checked even with CRYPTOPAY_CONFIRM_WITH_API off:
    nothing but the gateway can decide it.
    """
    how = relation(invoice, snapshot)
    if how is Relation.CONFLICT:
        return True
    finishing = how is Relation.AHEAD and snapshot.status in FINAL_STATUSES
    doubtful = how is Relation.UNKNOWN or bool(contradictions(invoice, snapshot))
    return app_settings.CONFIRM_WITH_API and (finishing or doubtful)


def is_recalculated(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Tell whether a changed price can be a recalculation: what is to pay has become what was paid.

    Only an invoice that was paid can be recalculated, and only on its way from unresolved to completed.
    Priced in its own coin, the new price is the paid amount itself.
    """
    return (
        snapshot.status in (InvoiceStatus.UNRESOLVED, InvoiceStatus.COMPLETED)
        and snapshot.pay_amount == snapshot.paid_amount > 0
        and (snapshot.price_currency != snapshot.pay_currency or snapshot.price_amount == snapshot.pay_amount)
        and invoice.pay_amount is not None
    )


def contradictions(invoice: Invoice, snapshot: InvoiceSnapshot) -> list[str]:
    """Return what in a snapshot breaks the price seal, in words; empty when it is what was ordered."""
    tag = snapshot.address_and_tag
    sealed: list[tuple[str, object, object]] = [
        ("id", invoice.gateway_id, snapshot.id),
        ("price_currency", invoice.price_currency, snapshot.price_currency),
        ("pay_currency", invoice.pay_currency, snapshot.pay_currency),
        ("custom_id", invoice.custom_id, snapshot.custom_id),
        ("network", invoice.network, snapshot.network),
        ("address", invoice.address, tag[0]),
        ("destination_tag", invoice.destination_tag, tag[1]),
    ]
    if not is_recalculated(invoice, snapshot):
        sealed.append(("price_amount", invoice.price_amount, snapshot.price_amount))
        sealed.append(("pay_amount", invoice.pay_amount, snapshot.pay_amount))
    return [
        f"{name} is {_text(theirs)}, ordered was {_text(ours)}"
        for name, ours, theirs in sealed
        if ours not in (None, "") and theirs is not None and ours != theirs
    ]


def _text(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)[:100]


def merge_snapshot(
    invoice: Invoice,
    payments: Mapping[str, Payment],
    snapshot: InvoiceSnapshot,
    *,
    confirmed: bool,
    outdated: bool = False,
    at: datetime,
    doubts: list[str] | None = None,
    message: str = "",
) -> Merge:
    """Take a snapshot into a locked invoice and its payments (by txid), in memory; return what changed.

    `confirmed`: it is the gateway's answer to a GET made after our row's version was read. `outdated`: it
    was here before the last such GET, so amounts of the same status are no news. `doubts`: contradictions
    of the callback that led here. `message`: the callback's event, if it came by one.
    1. Fill in what the gateway decided at creation and we do not know yet.
    2. Contradictions and unknown statuses hold the invoice for a person.
    3. Behind us: change nothing else.
    4. Take new knowledge: payments and their risk, amounts.
    5. Move the status by its transition, and tell of it unless the invoice is held. With a broken seal
       it never becomes completed.
    """
    merge = Merge()
    how = relation(invoice, snapshot)
    broken = (doubts or []) + contradictions(invoice, snapshot)
    _take_identity(merge, invoice, snapshot, at=at)
    if how is Relation.UNKNOWN:
        broken.append(f"its status is unknown here: {_text(snapshot.status)}")
    if broken and (how is not Relation.CONFLICT or confirmed):
        _hold(merge, invoice, broken, at=at)
    if how in (Relation.BEHIND, Relation.UNKNOWN) or (how is Relation.CONFLICT and not confirmed):
        return merge
    _take_payments(merge, invoice, payments, snapshot, at=at, message=message)
    if not broken and not (outdated and how is Relation.SAME):
        _take_amounts(merge, invoice, snapshot, advance=confirmed or how is Relation.AHEAD)
    if how is not Relation.SAME and not (broken and snapshot.status == InvoiceStatus.COMPLETED):
        _move(merge, invoice, snapshot, at=at)
    return merge


def _set(merge: Merge, invoice: Invoice, **values: object) -> None:
    for name, value in values.items():
        if getattr(invoice, name) != value:
            setattr(invoice, name, value)
            merge.changed.add(name)


def _hold(merge: Merge, invoice: Invoice, reasons: list[str], *, at: datetime) -> None:
    """Quarantine the invoice for these reasons. One that is held keeps its first reason and is told of once."""
    if invoice.quarantine_reason:
        return
    reason = "; ".join(dict.fromkeys(reasons))
    _set(merge, invoice, quarantine_reason=reason)
    merge.events.append(new_event(invoice, EventKind.INVOICE_QUARANTINED, at=at, detail={"reason": reason}))


def _take_identity(merge: Merge, invoice: Invoice, snapshot: InvoiceSnapshot, *, at: datetime) -> None:
    """Fill in what the gateway decided at creation. Once known, none of it changes."""
    address, tag = snapshot.address_and_tag
    learned = {
        "gateway_id": snapshot.id,
        "address": address,
        "destination_tag": tag,
        "network": snapshot.network,
        "uri": snapshot.uri,
        "hosted_page_url": snapshot.hosted_page_url,
        "expires_at": snapshot.expires_at,
        "pay_amount": snapshot.pay_amount,
        "exchange_rate": snapshot.exchange.rate if snapshot.exchange else None,
    }
    is_created = invoice.gateway_id is None
    _set(
        merge,
        invoice,
        **{
            name: value
            for name, value in learned.items()
            if value not in (None, "") and getattr(invoice, name) in (None, "")
        },
    )
    if is_created:
        merge.events.append(new_event(invoice, EventKind.INVOICE_CREATED, at=at, once=EventKind.INVOICE_CREATED))


def _take_amounts(merge: Merge, invoice: Invoice, snapshot: InvoiceSnapshot, *, advance: bool) -> None:
    """Take paid amount and fee: as they are from a later snapshot, upwards only from one of unknown age."""
    if advance or snapshot.paid_amount > invoice.paid_amount:
        _set(merge, invoice, paid_amount=snapshot.paid_amount)
    if snapshot.fee is not None and (advance or invoice.fee_amount is None):
        _set(merge, invoice, fee_amount=snapshot.fee, fee_currency=snapshot.fee_currency or "")


def _take_payments(
    merge: Merge,
    invoice: Invoice,
    payments: Mapping[str, Payment],
    snapshot: InvoiceSnapshot,
    *,
    at: datetime,
    message: str,
) -> None:
    """Add unseen transactions, take new risk, confirm those that this snapshot can mean.

    `payments` are all that the invoice has, or none where the snapshot lists none.
    """
    if not snapshot.transactions:
        return
    listed: list[Payment] = []
    for entry in {entry.txid: entry for entry in snapshot.transactions}.values():
        payment = payments.get(entry.txid)
        if payment is None:
            payment = Payment(invoice=invoice, txid=entry.txid, detected_at=at)
            merge.new_payments.append(payment)
            merge.events.append(_payment_event(invoice, payment, EventKind.PAYMENT_DETECTED, at))
        was = payment.risk_level
        _take_risk(merge, payment, entry)
        if payment.risk_level == RiskLevel.HIGH != was:
            merge.events.append(new_event(invoice, EventKind.RISK_HIGH, at=at, payment=payment))
        listed.append(payment)
    known = [*payments.values(), *merge.new_payments]
    _set(merge, invoice, risk_level=gravest_risk(payment.risk_level for payment in known))
    _explain_amount(merge, listed, snapshot.paid_amount)
    open_payments = [payment for payment in listed if payment.status == PaymentStatus.DETECTED]
    settled = snapshot.status in (InvoiceStatus.COMPLETED, InvoiceStatus.UNRESOLVED)
    if settled or (message == CONFIRMATION_EVENT and len(open_payments) == 1):
        for payment in open_payments:
            payment.confirm(at=at)
            _touch(merge, payment, "status", "confirmed_at")
            merge.events.append(_payment_event(invoice, payment, EventKind.PAYMENT_CONFIRMED, at))


def _payment_event(invoice: Invoice, payment: Payment, kind: EventKind, at: datetime) -> InvoiceEvent:
    return new_event(invoice, kind, at=at, payment=payment, once=f"{kind}:{payment.txid}")


def _touch(merge: Merge, payment: Payment, *names: str) -> None:
    if payment not in merge.new_payments:
        merge.changed_payments.setdefault(payment, set()).update(names)


def _take_risk(merge: Merge, payment: Payment, entry: Transaction) -> None:
    """Take score, level and source addresses when they are there; never lose them to a snapshot without."""
    known: dict[str, object] = {}
    if entry.risk is not None:
        score = entry.risk.score
        known |= {
            "risk_score": None if score is None else storable_score(score),
            "risk_level": entry.risk.level,
            "risk_resource_name": entry.risk.resource_name or "",
            "risk_resource_category": entry.risk.resource_category or "",
        }
    if entry.source_addresses:
        known["source_addresses"] = list(entry.source_addresses)
    for name, value in known.items():
        if value is not None and getattr(payment, name) != value:
            setattr(payment, name, value)
            _touch(merge, payment, name)


def _explain_amount(merge: Merge, listed: list[Payment], paid_amount: Decimal) -> None:
    """Give the one payment of unknown amount what the others do not explain of the total."""
    unknown = [payment for payment in listed if payment.amount is None]
    if len(unknown) != 1:
        return
    rest = paid_amount
    for payment in listed:
        rest = EXACT.subtract(rest, payment.amount or Decimal(0))
    if rest > 0:
        unknown[0].amount = rest
        _touch(merge, unknown[0], "amount")


def _move(merge: Merge, invoice: Invoice, snapshot: InvoiceSnapshot, *, at: datetime) -> None:
    """Run the transition into the snapshot's status."""
    before = invoice.status
    settled = snapshot.price_amount if snapshot.status == InvoiceStatus.COMPLETED else None
    if before in FINAL_STATUSES:
        reason = f"the gateway changed its final status from {before} to {snapshot.status}"
        invoice.overrule(snapshot.status, reason=reason, settled_amount=settled, at=at)
        detail = {"from": before, "to": snapshot.status}
        merge.events.append(new_event(invoice, EventKind.STATUS_OVERRULED, at=at, detail=detail))
        merge.events.append(new_event(invoice, EventKind.INVOICE_QUARANTINED, at=at, detail={"reason": reason}))
    elif settled is not None:
        invoice.complete(settled_amount=settled, at=at)
    elif snapshot.status == InvoiceStatus.REFUNDED:
        invoice.refund(at=at)
    elif snapshot.status == InvoiceStatus.CANCELLED:
        invoice.cancel(at=at)
    else:
        invoice.mark_unresolved(snapshot.status_context or "")
    merge.changed |= {"status", "status_context", "settled_amount", "finished_at", "quarantine_reason"}
    if not invoice.quarantine_reason:
        merge.events.append(status_event(invoice, at=at))


def status_event(invoice: Invoice, *, at: datetime, is_shortfall_accepted: bool = False) -> InvoiceEvent:
    """Return the event that tells a shop of the status the invoice is in now."""
    detail: dict[str, str] = {}
    once: str | None
    if invoice.status == InvoiceStatus.COMPLETED:
        is_paid = is_shortfall_accepted or is_covered(invoice)
        kind = EventKind.INVOICE_COMPLETED if is_paid else EventKind.INVOICE_SETTLED_SHORT
        once = kind
        detail = {
            "settled_amount": f"{invoice.settled_amount:f}",
            "ordered_amount": f"{invoice.price_amount:f}",
        }
    elif invoice.status == InvoiceStatus.UNRESOLVED:
        kind, once = EventKind.INVOICE_UNRESOLVED, None
        detail = {"context": invoice.status_context}
    else:
        kind = once = {
            InvoiceStatus.REFUNDED: EventKind.INVOICE_REFUNDED,
            InvoiceStatus.CANCELLED: EventKind.INVOICE_CANCELLED,
        }[InvoiceStatus(invoice.status)]
    return new_event(invoice, kind, at=at, once=once, detail=detail)


def is_covered(invoice: Invoice) -> bool:
    """Tell whether the settled amount pays for the order, by the two settings on shortfalls."""
    ruling = app_settings.of(invoice.account)
    if ruling.FULFIL_SHORT_SETTLEMENTS:
        return True
    lowest = EXACT.multiply(invoice.price_amount, 1 - ruling.SHORTFALL_TOLERANCE)
    return invoice.settled_amount is not None and invoice.settled_amount >= lowest
