"""Merges a snapshot into our row. Pure decisions on a locked row: no query, no call, no clock.

Snapshots have no order. So one that is ahead of our row moves it, one that is behind changes nothing, and where one
contradicts our row, the gateway (asked by GET) or a person decides. `compare.py` compares the two; snapshots arrive
through `apply.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from ...conf import app_settings
from ...fields import EXACT
from ...gateway.schemas import InvoiceSnapshot, Transaction
from ...models import EventKind, Invoice, InvoiceEvent, InvoiceStatus, Payment, PaymentStatus, RiskLevel
from ...models.invoice import FINAL_STATUSES
from ...models.risk import gravest_risk
from ..events.outbox import new_event
from .compare import (
    Relation,
    contradictions,
    differences,
    is_ours,
    is_proven,
    is_unpaid_completion,
    relation,
    risk_news,
    state_of,
)

CONFIRMATION_EVENT = "transaction_confirmed"

_MOST_REASONS = 20


class Source(Enum):
    """Where a snapshot comes from, and so how much it decides."""

    # Adds what needs no proof; names no identity, quarantines nothing, decides nothing backwards.
    CALLBACK = "callback"
    # The gateway's own, but maybe older than our row: of a creation, or of a list.
    ANSWER = "answer"
    # The gateway's own, asked for after our row's version was read: it decides.
    GET = "get"


@dataclass
class Merge:
    """What a merge did to the objects it was given; `apply.py` writes it."""

    changed: set[str] = field(default_factory=set)
    new_payments: list[Payment] = field(default_factory=list)
    changed_payments: dict[Payment, set[str]] = field(default_factory=dict)
    events: list[InvoiceEvent] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changed or self.new_payments or self.changed_payments or self.events)


def merge_snapshot(
    invoice: Invoice,
    payments: Mapping[str, Payment],
    snapshot: InvoiceSnapshot,
    *,
    source: Source,
    outdated: bool = False,
    is_returned: bool = False,
    at: datetime,
    message: str = "",
) -> Merge:
    """Merge a snapshot into a locked invoice and its payments (by txid), in memory; return what changed.

    `outdated`: it was here before the last GET, so in the same status it is no news. `is_returned`: it completes an
    invoice whose payment was sent back. `message`: the callback's event, if one led here.
    1. The gateway's own answer adds what it decided at creation, and quarantines the invoice for what it contradicts.
    2. A GET also decides backwards: a status that was taken back is merged, and quarantined.
    3. Take new knowledge: payments and their risk, amounts.
    4. Move the status by its transition, and write its event unless the invoice is quarantined. With a broken seal it
       never becomes completed.
    """
    merge = Merge()
    how = relation(invoice, snapshot)
    is_known = source is Source.ANSWER or invoice.gateway_id is not None or is_ours(invoice, snapshot)
    broken = bool(differences(invoice, snapshot)) or not is_known
    if source is Source.CALLBACK:
        if broken or how not in (Relation.SAME, Relation.AHEAD):
            return merge
    else:
        _check_seal(merge, invoice, snapshot, is_known=is_known, at=at)
        if is_known:
            _merge_identity(merge, invoice, snapshot, at=at)
    is_backwards = how in (Relation.BEHIND, Relation.CONFLICT)
    if not is_known or how is Relation.UNKNOWN or (is_backwards and source is not Source.GET):
        return merge
    is_unpaid = is_unpaid_completion(invoice, snapshot)
    is_news = not (outdated and how is Relation.SAME)
    _merge_payments(merge, invoice, payments, snapshot, at=at, message=message, is_news=is_news)
    if is_news and not broken:
        _merge_amounts(merge, invoice, snapshot, advance=source is Source.GET or how is Relation.AHEAD)
    if is_unpaid and not broken:
        _quarantine(merge, invoice, ["it is completed, and nothing was paid"], at=at)
    if is_returned and not broken:
        _quarantine(merge, invoice, ["it is completed, and all that was paid was sent back"], at=at)
    if how is not Relation.SAME and not (broken and snapshot.status == InvoiceStatus.COMPLETED):
        _move(merge, invoice, snapshot, how, at=at)
    return merge


def _set(merge: Merge, invoice: Invoice, **values: object) -> None:
    for name, value in values.items():
        if getattr(invoice, name) != value:
            setattr(invoice, name, value)
            merge.changed.add(name)


def _check_seal(merge: Merge, invoice: Invoice, snapshot: InvoiceSnapshot, *, is_known: bool, at: datetime) -> None:
    """Keep what the gateway says otherwise than our row, and quarantine the invoice for it, once."""
    said, reasons = differences(invoice, snapshot), contradictions(invoice, snapshot)
    if not is_known:
        said |= {name: str(value) for name, value in _identity(snapshot).items() if value not in (None, "")}
        if not is_proven(invoice, snapshot):
            reasons.append(f"nothing proves that invoice {snapshot.id}, which has its custom_id, was made for it")
    if relation(invoice, snapshot) is Relation.UNKNOWN:
        said["status"] = snapshot.status
        reasons.append(f"its status is unknown here: {snapshot.status}")
    if said != invoice.contradicted:
        _set(merge, invoice, contradicted=said)
        _quarantine(merge, invoice, reasons, at=at)


def _quarantine(merge: Merge, invoice: Invoice, reasons: list[str], *, at: datetime) -> None:
    """Quarantine the invoice for these reasons. If it is quarantined already, new reasons are added and reported."""
    known = invoice.quarantine_reason.split("; ") if invoice.quarantine_reason else []
    new = [reason for reason in dict.fromkeys(reasons) if reason not in known]
    if not new:
        return
    _set(merge, invoice, quarantine_reason="; ".join([*known, *new][-_MOST_REASONS:]))
    detail = {"reason": "; ".join(new)}
    merge.events.append(new_event(invoice, EventKind.INVOICE_QUARANTINED, at=at, detail=detail))


def _identity(snapshot: InvoiceSnapshot) -> dict[str, Any]:
    """Return what the gateway decides at creation, by column."""
    address, tag = snapshot.address_and_tag
    return {
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


def _merge_identity(merge: Merge, invoice: Invoice, snapshot: InvoiceSnapshot, *, at: datetime) -> None:
    """Fill in what the gateway decided at creation. Once known, none of it changes."""
    is_created = invoice.gateway_id is None
    _set(
        merge,
        invoice,
        **{
            name: value
            for name, value in _identity(snapshot).items()
            if value not in (None, "") and getattr(invoice, name) in (None, "")
        },
    )
    if is_created:
        merge.events.append(new_event(invoice, EventKind.INVOICE_CREATED, at=at, once=EventKind.INVOICE_CREATED))


def _merge_amounts(merge: Merge, invoice: Invoice, snapshot: InvoiceSnapshot, *, advance: bool) -> None:
    """Take paid amount and fee: as they are from a later snapshot, upwards only from one of unknown age."""
    if advance or snapshot.paid_amount > invoice.paid_amount:
        _set(merge, invoice, paid_amount=snapshot.paid_amount)
    if snapshot.fee is not None and (advance or invoice.fee_amount is None):
        _set(merge, invoice, fee_amount=snapshot.fee, fee_currency=snapshot.fee_currency or "")


def _merge_payments(
    merge: Merge,
    invoice: Invoice,
    payments: Mapping[str, Payment],
    snapshot: InvoiceSnapshot,
    *,
    at: datetime,
    message: str,
    is_news: bool,
) -> None:
    """Add unseen transactions, take new risk, confirm those that this snapshot can mean.

    `payments` are all that the invoice has, or none where the snapshot lists none. What is no news can still be a
    message that a known transaction was confirmed, which the gateway's answers do not carry.
    """
    if not snapshot.transactions:
        return
    listed: list[Payment] = []
    for entry in {entry.txid: entry for entry in snapshot.transactions}.values():
        payment = payments.get(entry.txid)
        if not is_news:
            listed += [payment] if payment is not None else []
            continue
        if payment is None:
            payment = Payment(invoice=invoice, txid=entry.txid, detected_at=at)
            merge.new_payments.append(payment)
            merge.events.append(_payment_event(invoice, payment, EventKind.PAYMENT_DETECTED, at))
        was = payment.risk_level
        _merge_risk(merge, payment, entry)
        if payment.risk_level == RiskLevel.HIGH != was:
            merge.events.append(new_event(invoice, EventKind.RISK_HIGH, at=at, payment=payment))
        listed.append(payment)
    if is_news:
        known = [*payments.values(), *merge.new_payments]
        _set(merge, invoice, risk_level=gravest_risk(payment.risk_level for payment in known))
        _explain_amount(merge, listed, snapshot.paid_amount)
    open_payments = [payment for payment in listed if payment.status == PaymentStatus.DETECTED]
    # The gateway credits, holds and returns only what was confirmed; the callback that said so may never arrive.
    settled = snapshot.status in (InvoiceStatus.COMPLETED, InvoiceStatus.UNRESOLVED, InvoiceStatus.REFUNDED)
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


def _merge_risk(merge: Merge, payment: Payment, entry: Transaction) -> None:
    """Take a score and source addresses when they are there; never lose them to a snapshot without."""
    for name, value in risk_news(payment, entry).items():
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


def _move(merge: Merge, invoice: Invoice, snapshot: InvoiceSnapshot, how: Relation, *, at: datetime) -> None:
    """Run the transition into the snapshot's status."""
    before, was_final = state_of(invoice), invoice.status in FINAL_STATUSES
    settled = snapshot.price_amount if snapshot.status == InvoiceStatus.COMPLETED else None
    if was_final or how is Relation.BEHIND:
        invoice.overrule(snapshot.status, context=snapshot.status_context or "", settled_amount=settled, at=at)
        after = state_of(invoice)
        detail = {"from": before, "to": after}
        merge.events.append(new_event(invoice, EventKind.STATUS_OVERRULED, at=at, detail=detail))
        what = "changed its final status" if how is Relation.CONFLICT else "took its status back,"
        _quarantine(merge, invoice, [f"the gateway {what} from {before} to {after}"], at=at)
    elif settled is not None:
        invoice.complete(settled_amount=settled, at=at)
    elif snapshot.status == InvoiceStatus.REFUNDED:
        invoice.refund(at=at)
    elif snapshot.status == InvoiceStatus.CANCELLED:
        invoice.cancel(at=at)
    else:
        invoice.mark_unresolved(snapshot.status_context or "")
    merge.changed |= {"status", "status_context", "settled_amount", "finished_at"}
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
    """Return whether the settled amount pays for the order."""
    return pays_for_order(invoice, invoice.settled_amount)


def pays_for_order(invoice: Invoice, settled: Decimal | None) -> bool:
    """Return whether this much pays for the order when it is settled, by the two settings on shortfalls."""
    ruling = app_settings.of(invoice.account)
    if ruling.FULFIL_SHORT_SETTLEMENTS:
        return True
    lowest = EXACT.multiply(invoice.price_amount, 1 - ruling.SHORTFALL_TOLERANCE)
    return settled is not None and settled >= lowest
