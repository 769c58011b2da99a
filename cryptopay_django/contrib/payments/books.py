"""Keeps a payment of django-payments equal to what the gateway has settled and sent back for it.

Everything is read anew each time, so it does not matter how often, or in which order, events arrive.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.db import router, transaction
from django.db.models import QuerySet
from payments import FraudStatus, PaymentStatus
from payments.models import BasePayment

from ...models import (
    EventKind,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    Refund,
    RefundCause,
    RiskLevel,
    StatusContext,
)
from ...services import PaymentSummary, payment_summary
from ..common import CENT, is_covered, reason_of

RECORD = "cryptopay"
"""Where the figures are that BasePayment has no field for: `payment.attrs.cryptopay`."""

FIGURES = ["captured_amount", "extra_data", "fraud_status", "fraud_message"]
BOOKED = [*FIGURES, "status", "message"]
"""The fields of a payment that `book` writes."""

_OPEN = (InvoiceStatus.NEW, InvoiceStatus.UNRESOLVED)


def book(payment: BasePayment, event: InvoiceEvent | None = None) -> None:
    """Write what has become of a payment: amounts, fraud status, status and message. Locks its row.

    Only the event `invoice_completed` confirms a payment, and `refund_failed` one that was refunded; one that is
    delivered again changes no status of a payment that was confirmed before. `status_changed` is sent once for each
    change, after the amounts are written; but shops ship at `confirmed`, so a payment that was confirmed before is
    confirmed again without it.
    """
    rows = lock_payment(payment)
    with transaction.atomic(using=rows.db):
        locked = rows.first()
        if locked is None:
            return  # deleted by the shop
        found = _Found.of(locked, event)
        status, message, was_confirmed = found.status, found.message, found.was_confirmed
        found.write_figures(status)
        if status == locked.status or (status == PaymentStatus.CONFIRMED and was_confirmed):
            rows.update(status=status, message=message)
        else:
            locked.change_status(status, message)


def lock_payment(payment: BasePayment) -> QuerySet[BasePayment]:
    """Return the rows to lock a payment by, in the database that is written to: read them in a transaction there."""
    model = payment._meta.model
    rows: QuerySet[BasePayment] = model._default_manager.using(router.db_for_write(model)).select_for_update()
    return rows.filter(pk=payment.pk)


def invoices_of(payment: BasePayment) -> list[Invoice]:
    """Return the invoices of a payment, the newest first, as the database has them that is written to."""
    return list(Invoice.objects.for_order(payment).using(router.db_for_write(Invoice)))


def in_cents(amount: Decimal) -> Decimal:
    """Return an amount as BasePayment stores it, rounded down: nothing is booked that did not come."""
    return amount.quantize(CENT, rounding=ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class _Found:
    """A locked payment, and what is known of its money. `kind` is that of an event that may change its status.

    `extra` is None if the shop keeps something else in `extra_data` than a JSON object.
    """

    payment: BasePayment
    kind: str
    invoices: list[Invoice]
    summary: PaymentSummary
    is_paid: bool
    was_confirmed: bool
    extra: dict[str, Any] | None

    @classmethod
    def of(cls, payment: BasePayment, event: InvoiceEvent | None) -> _Found:
        summary = payment_summary(payment, due_amount=payment.total, currency=payment.currency)
        extra, now = _extra_of(payment), payment.status
        was_confirmed = now == PaymentStatus.CONFIRMED or (
            now == PaymentStatus.REFUNDED and summary.returned_amount > 0
            if extra is None
            else bool(extra.get(RECORD, {}).get("was_confirmed"))
        )
        if event is not None and event.is_repetition and (was_confirmed or extra is None):
            event = None
        return cls(
            payment=payment,
            kind=event.kind if event else "",
            invoices=invoices_of(payment),
            summary=summary,
            is_paid=is_covered(payment, price=payment.total, currency=payment.currency),
            was_confirmed=was_confirmed,
            extra=extra,
        )

    @property
    def is_returned(self) -> bool:
        return self.summary.returned_amount > 0 and in_cents(self.summary.kept_amount) <= 0

    @property
    def has_quarantined(self) -> bool:
        return any(one.quarantine_reason for one in self.invoices)

    @property
    def status(self) -> str:
        """Return the status that the payment belongs in. What staff have set stays until there is news of it."""
        now = str(self.payment.status)
        is_open = any(one.status in _OPEN for one in self.invoices)
        if self.is_returned and (self.is_paid or not (is_open or self.has_quarantined)):
            return str(PaymentStatus.REFUNDED)
        if self.is_paid:
            is_back = self.kind == EventKind.REFUND_FAILED and now == PaymentStatus.REFUNDED
            is_confirmed = is_back or self.kind == EventKind.INVOICE_COMPLETED
            return str(PaymentStatus.CONFIRMED) if is_confirmed else now
        if now == PaymentStatus.CONFIRMED or self.has_quarantined:
            return now  # something contradicts it: a person decides
        if is_open or any(one.status == InvoiceStatus.COMPLETED for one in self.invoices):
            is_ended = now in (PaymentStatus.REJECTED, PaymentStatus.REFUNDED)
            return str(PaymentStatus.WAITING) if is_ended else now
        if any(one.status == InvoiceStatus.REFUNDED for one in self.invoices):
            return str(PaymentStatus.REFUNDED)
        return now if now == PaymentStatus.CANCELLED else str(PaymentStatus.REJECTED)

    @property
    def message(self) -> str:
        """Return in words for staff what waits for them, with the invoice that it is about; empty if nothing does."""
        for invoice in self.invoices:
            where = f"; invoice {invoice.custom_id}"
            if invoice.quarantine_reason:
                return f"quarantined: {invoice.quarantine_reason}{where}"
            if invoice.status == InvoiceStatus.UNRESOLVED:
                return f"{reason_of(invoice)}{where}"
            if invoice.status == InvoiceStatus.COMPLETED and not self.is_paid:
                return f"settled for {invoice.settled_amount:f} {invoice.price_currency}{where}"
        if not self.summary.is_certain:
            return "paid in another currency, or refunded at a value that is not known: see its invoices"
        return "paid twice: see its invoices" if self.summary.is_paid_twice else ""

    @property
    def fraud(self) -> tuple[str, str]:
        """Return the fraud status, and why: what the gateway or this app holds is for review."""
        for invoice in self.invoices:
            if invoice.quarantine_reason:
                return FraudStatus.REVIEW, f"quarantined: {invoice.quarantine_reason}"
            if invoice.status_context == StatusContext.ILLICIT_RESOURCE:
                return FraudStatus.REVIEW, "held by the gateway as high-risk"
        sent_back = Refund.objects.primary().filter(invoice__in=self.invoices, cause=RefundCause.MONITORING)
        if not self.is_paid and sent_back.exists():
            return FraudStatus.REJECT, "sent back by the gateway's monitoring team"
        levels = {invoice.risk_level for invoice in self.invoices} - {""}
        if not levels:
            return FraudStatus.UNKNOWN, ""
        is_usual = levels <= {RiskLevel.LOW, RiskLevel.MEDIUM}
        return FraudStatus.ACCEPT if is_usual else FraudStatus.REVIEW, f"risk: {', '.join(sorted(levels))}"

    def write_figures(self, status: str) -> None:
        """Write amounts and fraud status. What a person has made of the latter stays until something new is known."""
        payment, was_confirmed = self.payment, self.was_confirmed
        if self.is_paid or not self.has_quarantined:
            payment.captured_amount = in_cents(self.summary.kept_amount)
        fraud, why = self.fraud
        known = (self.extra or {}).get(RECORD, {})
        if known.get("fraud_status") != fraud:
            payment.change_fraud_status(fraud, why, commit=False)
        is_reopened = payment.status == PaymentStatus.CANCELLED or (was_confirmed and payment.status != status)
        if is_reopened and self.kind == EventKind.INVOICE_COMPLETED:
            why = f"paid after it was {payment.status}"
            payment.change_fraud_status(FraudStatus.REVIEW, why, commit=False)
        if self.extra is not None:
            record = {
                "settled_amount": f"{in_cents(self.summary.paid_amount):f}",
                "refunded_amount": f"{in_cents(self.summary.returned_amount):f}",
                "fraud_status": fraud,
                "was_confirmed": was_confirmed or status == PaymentStatus.CONFIRMED,
            }
            payment.extra_data = json.dumps({**self.extra, RECORD: record})
        payment.save(update_fields=FIGURES)


def _extra_of(payment: BasePayment) -> dict[str, Any] | None:
    """Return the extra data of a payment; None if the shop keeps something else there than a JSON object."""
    try:
        extra = json.loads(payment.extra_data or "{}")
    except ValueError:
        return None
    return extra if isinstance(extra, dict) and isinstance(extra.get(RECORD, {}), dict) else None
