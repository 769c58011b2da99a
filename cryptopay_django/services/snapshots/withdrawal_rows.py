"""Stores the refunds of completed invoices: one row for each withdrawal that a resolution of ours has made.

The gateway's own refunds, which withdrawals may deliver too, have their rows in `refund_rows.py`: a withdrawal that is
not ours makes none.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ...fields import EXACT
from ...gateway.currencies import FIAT
from ...gateway.tags import parted
from ...gateway.withdrawals import CoinWithdrawal
from ...models import EventKind, InvoiceEvent, Refund, RefundCause, RefundStatus, Resolution
from ..events.outbox import write_events
from .refund_rows import refund_event

PREVIEW, COMPLETED, CANCELLED = "new", "completed", "cancelled"
"""The gateway's statuses of a withdrawal that decide something. Its `failed` is not final."""

_COIN_PLACES = 8


def resolution_id_of(custom_id: str | None) -> UUID | None:
    """Return the key of the resolution that a withdrawal's custom_id names; None where it is not one of ours."""
    try:
        return UUID((custom_id or "")[:36])
    except ValueError:
        return None


def take_withdrawal(decision: Resolution, shown: CoinWithdrawal, *, at: datetime) -> list[InvoiceEvent]:
    """Take what the gateway shows of a withdrawal into its row; return the events that were written.

    Call it in the transaction that has locked the decision's invoice. A preview makes no row. A row whose end is known
    takes only what is missing: what is older than its end says nothing new.
    """
    if shown.status == PREVIEW or shown.id is None:
        return []
    invoice = decision.invoice
    row = Refund.objects.primary().filter(invoice=invoice, gateway_id=shown.id).first()
    facts, events = _facts(decision, shown), []
    if row is None:
        row = Refund(invoice=invoice, gateway_id=shown.id, created_at=at, updated_at=at, **facts)
        Refund.objects.insert(row)
        events.append(refund_event(row, EventKind.REFUND_CREATED, at))
    else:
        row.invoice = invoice
        if row.status != RefundStatus.PENDING and shown.status not in (COMPLETED, CANCELLED):
            facts = {name: value for name, value in facts.items() if getattr(row, name) in (None, "")}
        changed = {name: value for name, value in facts.items() if getattr(row, name) != value}
        if changed:
            Refund.objects.change(row, **changed, updated_at=at)
    if shown.status == COMPLETED and row.status != RefundStatus.SUCCEEDED:
        row.succeed(at=at)
        Refund.objects.change(row, status=row.status, succeeded_at=at, updated_at=at)
        events.append(refund_event(row, EventKind.REFUND_SUCCEEDED, at))
    elif shown.status == CANCELLED and row.status == RefundStatus.PENDING:
        row.fail(at=at)
        Refund.objects.change(row, status=row.status, failed_at=at, updated_at=at)
        events.append(refund_event(row, EventKind.REFUND_FAILED, at))
    write_events(events)
    return events


def reversal_of(decision: Resolution, shown: CoinWithdrawal) -> str:
    """Return in words how the gateway takes back an end that is on record; empty where it does not."""
    if shown.id is None:
        return ""
    row = Refund.objects.primary().filter(invoice_id=decision.invoice_id, gateway_id=shown.id).first()
    if row is None:
        return ""
    if row.status == RefundStatus.SUCCEEDED and shown.status == CANCELLED:
        return f"withdrawal {shown.id} was completed, and is cancelled now: ask the gateway whether coins were sent"
    if row.status == RefundStatus.FAILED and shown.status == COMPLETED:
        return f"withdrawal {shown.id} was cancelled, and is completed after all: check what else was refunded"
    return ""


def _facts(decision: Resolution, shown: CoinWithdrawal) -> dict[str, Any]:
    """Return the columns of what the gateway shows of a withdrawal; what it does not show is left out."""
    address, tag = parted(shown.address)
    exchange, coin = shown.exchange, shown.received_currency
    fee, fee_currency = (exchange.fee, exchange.fee_currency) if exchange else (shown.fee, shown.fee_currency)
    borne_by, amount = decision.parameters.get("network_fee_borne_by", ""), shown.received_amount
    if borne_by == "customer":
        amount = EXACT.add(amount, shown.network_fee or Decimal(0))
    value = decision.parameters.get("value_amount")
    facts: dict[str, Any] = {
        "custom_id": shown.custom_id,
        "withdrawal_status": shown.status,
        "cause": RefundCause.PERSON,
        "resolution_id": decision.pk,
        "amount": amount,
        "currency": coin,
        "value_amount": None if value is None else Decimal(value),
        "present_value_amount": present_value(shown, decision.invoice.price_currency, borne_by=borne_by),
        "received_amount": shown.received_amount,
        "network_fee_amount": shown.network_fee,
        "charged_amount": shown.charged_amount,
        "charged_currency": shown.charged_currency,
        "fee_amount": fee,
        "fee_currency": fee_currency,
        "address": address,
        "destination_tag": tag,
        "network": shown.network,
        "txid": shown.txid,
        "gateway_created_at": shown.created_at,
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def present_value(shown: CoinWithdrawal, price: str, *, borne_by: str) -> Decimal | None:
    """Return what the coins of a withdrawal are worth when they are sent: the charge without the fees on top.

    None where it is not charged in the price currency. The network's fee is on top unless the "customer" bears it.
    """
    sent = EXACT.add(shown.received_amount, shown.network_fee or Decimal(0))
    if shown.charged_currency != price or not sent:
        return None
    fee = shown.fee if shown.exchange is None else shown.exchange.fee
    value = EXACT.subtract(shown.charged_amount, fee or Decimal(0))
    if borne_by != "customer":
        value = EXACT.divide(EXACT.multiply(value, shown.received_amount), sent)
    places = FIAT.get(price, _COIN_PLACES)
    return max(value, Decimal(0)).quantize(Decimal(1).scaleb(-places), context=EXACT)
