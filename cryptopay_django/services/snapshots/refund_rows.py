"""Stores one row for each refund that the gateway shows, no matter who started it.

Snapshots do not contain refunds. The gateway's list of an invoice's refunds does, and so does its answer when one is
made. Both are stored here, under the invoice's lock. When the list is read: `resolution/follow_refunds.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from ...fields import EXACT, canonical
from ...gateway.currencies import FIAT
from ...gateway.field_lengths import AMOUNT_INTEGER_DIGITS
from ...gateway.schemas import InvoiceSnapshot
from ...gateway.schemas import Refund as ShownRefund
from ...gateway.tags import is_same_place, parted
from ...models import (
    EventKind,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    Refund,
    RefundCause,
    RefundStatus,
    Resolution,
    ResolutionStatus,
    RiskLevel,
    StatusContext,
)
from ..accounts import in_force
from ..events.outbox import new_event, write_events

_COIN_PLACES = 8
_LONGEST_LAG = timedelta(minutes=10)
"""How long the gateway's list may lack what the gateway has answered."""


def shows_refund(snapshot: InvoiceSnapshot) -> bool:
    """Return whether an invoice that is in this state had money returned: all of it, or an overage."""
    if snapshot.status == InvoiceStatus.COMPLETED:
        return snapshot.paid_amount > snapshot.pay_amount
    return snapshot.status == InvoiceStatus.REFUNDED


def followed_invoices() -> QuerySet[Invoice]:
    """Return the invoices whose refunds are still to be read, now or later, at the gateway that has them."""
    return Invoice.objects.primary().filter(in_force(), refunds_due_at__isnull=False)


def value_of(invoice: Invoice, amount: Decimal) -> Decimal | None:
    """Return what an amount of the coin is worth in the price currency, at the rate of the order; None if unknown."""
    if invoice.price_currency == invoice.pay_currency:
        return amount
    if invoice.pay_amount:
        value = EXACT.divide(EXACT.multiply(invoice.price_amount, amount), invoice.pay_amount)
    elif invoice.exchange_rate:
        value = EXACT.multiply(amount, invoice.exchange_rate)
    else:
        return None
    places = FIAT.get(invoice.price_currency, _COIN_PLACES)
    is_storable = value.adjusted() < AMOUNT_INTEGER_DIGITS - 1
    return value.quantize(Decimal(1).scaleb(-places), context=EXACT) if is_storable else None


def refunds_of(invoice: Invoice) -> list[Refund]:
    """Return the refunds of an invoice, oldest first."""
    rows = list(Refund.objects.primary().filter(invoice=invoice).order_by("created_at", "gateway_id"))
    for row in rows:
        row.invoice = invoice
    return rows


def expect_refunds(invoice: Invoice, *, at: datetime) -> None:
    """Make the refunds of a locked invoice due to be read, unless they are due already, now or later."""
    if invoice.refunds_due_at is None:
        Invoice.objects.change(invoice, refunds_due_at=at)


def store_refunds(invoice: Invoice, shown: Iterable[ShownRefund], *, at: datetime) -> list[InvoiceEvent]:
    """Take what the gateway shows of refunds into the rows of a locked invoice; return the events that were written.

    Each refund has one row, made when it is first seen. What the gateway shows of it later is taken over, and what it
    leaves out then is kept. A refund that may be that of a call under way is left until the call has its answer.
    """
    rows = {row.gateway_id: row for row in refunds_of(invoice)}
    decisions = [row for row in Resolution.objects.primary().filter(invoice=invoice) if row.returns_money]
    events: list[InvoiceEvent] = []
    for one in shown:
        if one.invoice_id != invoice.gateway_id:
            continue
        row = rows.get(one.id)
        decision = _decision_behind(one, decisions, rows.values())
        if row is None:
            if decision is None and any(map(_is_under_way, decisions)):
                continue
            row = Refund(invoice=invoice, gateway_id=one.id, created_at=at, updated_at=at)
            for name, value in _facts(row, one, decision).items():
                setattr(row, name, value)
            rows[one.id] = Refund.objects.insert(row)
            events.append(refund_event(row, EventKind.REFUND_CREATED, at))
        else:
            _change(row, _facts(row, one, decision) | _mistaken(row, one, decisions), at=at)
        if row.status != RefundStatus.SUCCEEDED and _has_arrived(row):
            row.succeed(at=at)
            Refund.objects.change(row, status=row.status, succeeded_at=at, updated_at=at)
            events.append(refund_event(row, EventKind.REFUND_SUCCEEDED, at))
    write_events(events)
    return events


def fail_missing(rows: Sequence[Refund], listed: Collection[UUID], *, at: datetime) -> list[InvoiceEvent]:
    """Mark refunds failed that are under way and not in the gateway's list, and return the events that were written.

    Call it in the transaction that has locked the invoice. When absence counts is the caller's decision. One that the
    gateway has shown only just now is left: its list can lag.
    """
    events = []
    for row in rows:
        is_new = at - row.updated_at < _LONGEST_LAG
        if row.is_withdrawal:  # not the gateway's refund: its list does not have it
            continue
        if row.status == RefundStatus.PENDING and row.gateway_id not in listed and not is_new:
            row.fail(at=at)
            Refund.objects.change(row, status=row.status, failed_at=at, updated_at=at)
            events.append(refund_event(row, EventKind.REFUND_FAILED, at))
    write_events(events)
    return events


def returned_amount(invoice: Invoice, rows: Sequence[Refund]) -> Decimal:
    """Return how much of the coin the gateway's own refunds on record sent back, the failed ones left out."""
    total = Decimal(0)
    for row in rows:
        is_counted = row.status != RefundStatus.FAILED and not row.is_withdrawal
        if is_counted and row.currency == invoice.pay_currency:
            total = EXACT.add(total, row.amount)
    return total


def is_completed_though_returned(invoice: Invoice, snapshot: InvoiceSnapshot) -> bool:
    """Return whether a snapshot completes an unresolved invoice whose refunds on record sent back all of it."""
    if (invoice.status, snapshot.status) != (InvoiceStatus.UNRESOLVED, InvoiceStatus.COMPLETED):
        return False
    return 0 < snapshot.paid_amount <= returned_amount(invoice, refunds_of(invoice))


def figures_of_return(invoice: Invoice, amount: Decimal) -> dict[str, Any]:
    """Return, as JSON, how much of the coin went back and what it is worth in the price currency."""
    value = value_of(invoice, amount)
    return {
        "amount": _text(amount),
        "currency": invoice.pay_currency,
        "value_amount": _text(value),
        "price_currency": invoice.price_currency,
    }


def name_refunds(invoice: Invoice, events: Iterable[InvoiceEvent]) -> None:
    """Give an unsaved `invoice_refunded` the figures of the refunds on record, and the refund where it is one."""
    for event in events:
        if event.kind == EventKind.INVOICE_REFUNDED:
            rows = [row for row in refunds_of(invoice) if row.status != RefundStatus.FAILED]
            amount = returned_amount(invoice, rows)
            # All that was paid went back, also where the list that was read has only a part of it.
            event.detail |= figures_of_return(invoice, max(amount, invoice.paid_amount))
            event.refund = rows[0] if len(rows) == 1 and amount >= invoice.paid_amount else None


def _decision_behind(one: ShownRefund, decisions: Sequence[Resolution], rows: Collection[Refund]) -> Resolution | None:
    """Return the decision of a person here that a refund carries out: by its answer, or without one by its place.

    One that was there before is no decision's, and a decision makes one refund. While a call is under way, what has
    no answer may be that call's.
    """
    new = [row for row in decisions if str(one.id) not in row.known_refund_ids]
    for row in new:
        if row.result.get("refund_id") == str(one.id):
            return row
    if any(map(_is_under_way, decisions)):
        return None
    carried_out = {row.resolution_id for row in rows if row.gateway_id != one.id}
    for row in new:
        is_lost = row.status == ResolutionStatus.UNKNOWN or row.is_followed_after_end
        is_there = is_same_place(row.parameters.get("address"), one.address, with_tags=False)
        if is_lost and is_there and not row.result and row.pk not in carried_out:
            return row
    return None


def _mistaken(row: Refund, one: ShownRefund, decisions: Sequence[Resolution]) -> dict[str, Any]:
    """Return what to correct of a row that was taken for a decision's, where its answer names another refund."""
    names_other = [taken.pk for taken in decisions if taken.result.get("refund_id", str(one.id)) != str(one.id)]
    is_mistaken = row.resolution_id in names_other
    return {"resolution_id": None, "cause": _cause_of(row.invoice, one)} if is_mistaken else {}


def _is_under_way(row: Resolution) -> bool:
    return row.status == ResolutionStatus.SENT and not row.result


def _facts(row: Refund, one: ShownRefund, decision: Resolution | None) -> dict[str, Any]:
    """Return the columns of what the gateway shows of a refund; what it does not show is left out."""
    address, tag = (None, None) if one.address is None else parted(one.address)
    facts: dict[str, Any] = {
        "custom_id": one.custom_id,
        "amount": one.amount,
        "currency": one.amount_currency,
        "value_amount": value_of(row.invoice, one.amount) if one.amount_currency == row.invoice.pay_currency else None,
        "fee_amount": one.fee,
        "fee_currency": one.fee_currency,
        "address": address,
        "destination_tag": tag,
        "network": one.network,
        "txid": one.txid,
        "gateway_created_at": one.created_at,
    }
    if decision is not None:
        facts |= {"resolution_id": decision.pk, "cause": RefundCause.PERSON}
    elif row._state.adding:
        facts["cause"] = _cause_of(row.invoice, one)
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _cause_of(invoice: Invoice, one: ShownRefund) -> RefundCause:
    """Return who started a refund that nobody here has asked for, as far as the facts show.

    Money that was held as high-risk is the monitoring team's to return. A setting of the account returns to the
    merchant's own coin account, and so does a person there who names no address. The gateway asks customers whose
    e-mail address it has where to.
    """
    seen = InvoiceEvent.objects.primary().filter(invoice=invoice, kind=EventKind.INVOICE_UNRESOLVED).order_by("-pk")
    detail: dict[str, Any] = seen.values_list("detail", flat=True).first() or {}
    context = detail.get("context") or invoice.status_context
    if context == StatusContext.ILLICIT_RESOURCE or (not context and invoice.risk_level == RiskLevel.HIGH):
        return RefundCause.MONITORING
    if not one.address:
        return RefundCause.ACCOUNT
    return RefundCause.EMAIL if invoice.payer_email else RefundCause.UNKNOWN


def _has_arrived(row: Refund) -> bool:
    """Return whether the coins have left, or are in the merchant's own account because the invoice has ended."""
    return bool(row.txid) or (not row.address and row.invoice.is_final)


def _change(row: Refund, facts: dict[str, Any], *, at: datetime) -> None:
    changed = {name: value for name, value in facts.items() if getattr(row, name) != value}
    if changed:
        Refund.objects.change(row, **changed, updated_at=at)


def refund_event(row: Refund, kind: EventKind, at: datetime) -> InvoiceEvent:
    """Return what a shop is notified of, with the figures: it needs no arithmetic."""
    tagged = {"address": row.address, "destination_tag": row.destination_tag, "network": row.network, "txid": row.txid}
    detail = {
        "gateway_refund_id": str(row.gateway_id),
        "amount": _text(row.amount),
        "currency": row.currency,
        "value_amount": _text(row.value_amount),
        "present_value_amount": _text(row.present_value_amount),
        "price_currency": row.invoice.price_currency,
        "received_amount": _text(row.received_amount),
        "received_currency": row.currency if row.received_amount is not None else "",
        "network_fee_amount": _text(row.network_fee_amount),
        "charged_amount": _text(row.charged_amount),
        "charged_currency": row.charged_currency,
        "fee_amount": _text(row.fee_amount),
        "fee_currency": row.fee_currency,
        "cause": str(row.cause),
        **tagged,
    }
    return new_event(row.invoice, kind, at=at, once=f"{kind}:{row.gateway_id}", refund=row, detail=detail)


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{canonical(amount):f}"
