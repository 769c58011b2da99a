"""Keeps a payment of django-payments equal to what the gateway has settled and sent back for it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from payments import FraudStatus, PaymentStatus
from payments.core import provider_factory
from payments.models import BasePayment

from ...adapters import OrderAdapter, OrderMoney, OrderState, in_cents
from ...models import EventKind, Invoice, Refund, RefundCause, RiskLevel, StatusContext
from .refunds import ask_customer

RECORD = "cryptopay"
"""Where the figures are that BasePayment has no field for: `payment.attrs.cryptopay`."""

BOOKED = ["captured_amount", "extra_data", "fraud_status", "fraud_message", "status", "message"]
"""The fields of a payment that are written here."""


class Payments(OrderAdapter):
    """Writes the amounts, fraud status, status and message of a payment.

    Only `invoice_completed` confirms a payment, and `refund_failed` one that was refunded; an event that is delivered
    again changes no status of a payment that was confirmed before. `status_changed` is sent once for each change,
    after the amounts are written; but shops ship at `confirmed`, so a payment that was confirmed before is confirmed
    again without it.
    """

    name = "django-payments"
    model = BasePayment

    def get_price(self, payment: BasePayment) -> tuple[Decimal, str]:
        return payment.total, payment.currency

    def get_refund_address(self, payment: BasePayment, invoice: Invoice) -> dict[str, Any] | None:
        address: dict[str, Any] | None = provider_factory(payment.variant, payment).get_refund_address(
            payment, invoice
        )
        return address

    def ask_for_place(self, payment: BasePayment, invoice: Invoice) -> Exception:
        return ask_customer(invoice, actor=self.name)

    def write(self, payment: BasePayment, money: OrderMoney) -> None:
        extra = _extra_of(payment)
        known = (extra or {}).get(RECORD, {})
        was_confirmed = payment.status == PaymentStatus.CONFIRMED or bool(known.get("was_confirmed"))
        if extra is None and payment.status == PaymentStatus.REFUNDED:
            was_confirmed = money.summary.returned_amount > 0
        is_known = money.event and money.event.is_repetition and (was_confirmed or extra is None)
        kind = "" if is_known else money.kind
        status, message = _status(payment, money, kind), next(money.problems(), "")
        is_reopened = payment.status == PaymentStatus.CANCELLED or (was_confirmed and payment.status != status)
        late = f"paid after it was {payment.status}" if is_reopened and kind == EventKind.INVOICE_COMPLETED else ""
        fraud = _write_fraud(payment, money, known, late)
        if money.is_covered or not money.has_quarantined:
            payment.captured_amount = in_cents(money.summary.kept_amount)
        if extra is not None:
            record = {
                "settled_amount": f"{in_cents(money.summary.paid_amount):f}",
                "refunded_amount": f"{in_cents(money.summary.returned_amount):f}",
                "fraud_status": fraud,
                "was_confirmed": was_confirmed or status == PaymentStatus.CONFIRMED,
            }
            payment.extra_data = json.dumps({**extra, RECORD: record})
        is_news = status != payment.status and not (status == PaymentStatus.CONFIRMED and was_confirmed)
        if not is_news:
            payment.status, payment.message = status, message
        payment.save(update_fields=BOOKED)
        if is_news:
            payment.change_status(status, message)


payments = Payments()
book = payments.book


def _status(payment: BasePayment, money: OrderMoney, kind: str) -> str:
    """Return the status that the payment belongs in. What staff have set stays until there is news of it."""
    now, state = str(payment.status), money.state
    if money.is_returned and state == OrderState.REFUNDED:
        return str(PaymentStatus.REFUNDED)
    if money.is_covered:
        is_back = kind == EventKind.REFUND_FAILED and now == PaymentStatus.REFUNDED
        return str(PaymentStatus.CONFIRMED) if is_back or kind == EventKind.INVOICE_COMPLETED else now
    if now == PaymentStatus.CONFIRMED or money.has_quarantined:
        return now  # something contradicts it: a person decides
    if state in (OrderState.OPEN, OrderState.ATTENTION):
        is_ended = now in (PaymentStatus.REJECTED, PaymentStatus.REFUNDED)
        return str(PaymentStatus.WAITING) if is_ended else now
    if state == OrderState.REFUNDED:
        return str(PaymentStatus.REFUNDED)
    return now if now == PaymentStatus.CANCELLED else str(PaymentStatus.REJECTED)


def _write_fraud(payment: BasePayment, money: OrderMoney, known: dict[str, Any], late: str) -> str:
    """Write the fraud status; return the gateway's. What a person has made of it stays until there is news."""
    fraud, why = _fraud(money)
    if known.get("fraud_status") != fraud:
        payment.change_fraud_status(fraud, why, commit=False)
    if late:
        payment.change_fraud_status(FraudStatus.REVIEW, late, commit=False)
    return fraud


def _fraud(money: OrderMoney) -> tuple[str, str]:
    """Return the fraud status, and why: what the gateway or this app holds is for review."""
    for invoice in money.invoices:
        if invoice.quarantine_reason:
            return FraudStatus.REVIEW, f"quarantined: {invoice.quarantine_reason}"
        if invoice.status_context == StatusContext.ILLICIT_RESOURCE:
            return FraudStatus.REVIEW, "held by the gateway as high-risk"
    sent_back = Refund.objects.primary().filter(invoice__in=money.invoices, cause=RefundCause.MONITORING)
    if not money.is_covered and sent_back.exists():
        return FraudStatus.REJECT, "sent back by the gateway's monitoring team"
    levels = {invoice.risk_level for invoice in money.invoices} - {""}
    if not levels:
        return FraudStatus.UNKNOWN, ""
    is_usual = levels <= {RiskLevel.LOW, RiskLevel.MEDIUM}
    return FraudStatus.ACCEPT if is_usual else FraudStatus.REVIEW, f"risk: {', '.join(sorted(levels))}"


def _extra_of(payment: BasePayment) -> dict[str, Any] | None:
    """Return the extra data of a payment; None if the shop keeps something else there than a JSON object."""
    try:
        extra = json.loads(payment.extra_data or "{}")
    except ValueError:
        return None
    return extra if isinstance(extra, dict) and isinstance(extra.get(RECORD, {}), dict) else None
