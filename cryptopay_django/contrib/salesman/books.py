"""Keeps an order of django-salesman equal to what the gateway has settled and sent back for it.

Everything is read anew each time, so it does not matter how often, or in which order, events arrive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import router, transaction
from salesman.checkout.payment import payment_methods_pool
from salesman.core.utils import get_salesman_model
from salesman.orders.models import BaseOrder

from ...models import EventKind, Invoice, InvoiceEvent, InvoiceStatus, Refund, RefundStatus
from ...services import PaymentSummary, payment_summary

if TYPE_CHECKING:
    from .payment import CryptopayPayment

METHOD = "payment_method"
"""The key of an invoice's metadata that has the identifier of the payment method."""

_CENT = Decimal("0.01")


def book(order: BaseOrder, kind: str = "") -> None:
    """Write what has become of an order: its payments, its status and a note for staff. Locks its row.

    A completed invoice is an OrderPayment over what was settled. A refund of it is one over a negative amount, as soon
    as it is on its way. `kind` is that of the event that is delivered: only `invoice_completed` makes an order paid,
    and `refund_failed` one that was refunded. `status_changed` is sent once for each change of the status.
    """
    using = router.db_for_write(order._meta.model)
    rows = order._meta.model._default_manager.using(using)
    with transaction.atomic(using=using):
        locked = rows.select_for_update().filter(pk=order.pk).first()
        if locked is None:
            return  # deleted by the shop
        found = _Found.of(locked, kind)
        if found is None:
            return  # the shop has taken its payment method out, or made these invoices in another way
        found.write_payments()
        for message in found.notes():
            note(locked, message)
        status = found.status
        if status == locked.status:
            return
        if locked.status == locked.Status.REFUNDED:  # its refund has failed; shops ship at the signal
            rows.filter(pk=locked.pk).update(status=status)
            note(locked, "a refund has failed: the order was set back from refunded")
        else:
            locked.status = status
            locked.save(update_fields=["status"])


def invoices_of(order: BaseOrder) -> list[Invoice]:
    """Return the invoices of an order, the newest first, as the database has them that is written to."""
    return list(Invoice.objects.for_order(order).using(router.db_for_write(Invoice)))


def note(order: BaseOrder, message: str) -> None:
    """Leave a note for staff, once."""
    notes = get_salesman_model("OrderNote").objects
    if not notes.filter(order=order, message=message).exists():
        notes.create(order=order, message=message)


def in_cents(amount: Decimal) -> Decimal:
    """Return an amount as salesman stores it, rounded down: nothing is booked that did not come."""
    return amount.quantize(_CENT, rounding=ROUND_DOWN)


@dataclass(frozen=True, slots=True)
class _Found:
    """A locked order, and what is known of its money.

    `paid_by` are the keys of the invoices that have paid it: `invoice_completed` is on record, and nothing contradicts
    it.
    """

    order: BaseOrder
    kind: str
    method: CryptopayPayment
    invoices: list[Invoice]
    paid_by: set[UUID]
    refunds: list[Refund]
    summary: PaymentSummary

    @classmethod
    def of(cls, order: BaseOrder, kind: str) -> _Found | None:
        """Read everything; return None if none of the invoices was made by a payment method of the shop."""
        invoices = invoices_of(order)
        method = _method_of(invoices)
        if method is None:
            return None
        done = [one for one in invoices if one.status == InvoiceStatus.COMPLETED and not one.quarantine_reason]
        events = InvoiceEvent.objects.primary().filter(invoice__in=done, kind=EventKind.INVOICE_COMPLETED)
        paid_by = set(events.values_list("invoice_id", flat=True))
        refunds = Refund.objects.primary().filter(invoice__in=invoices).exclude(withdrawal_status="")
        summary = payment_summary(order, due_amount=order.total, currency=method.get_currency(order))
        return cls(order, kind, method, invoices, paid_by, list(refunds), summary)

    def write_payments(self) -> None:
        """Write a payment for each credited invoice and each refund; take back those of refunds that have failed.

        What was booked for an invoice that is quarantined now stays: a person decides.
        """
        amounts = {
            str(one.pk): in_cents(one.settled_amount or Decimal(0))
            for one in self.invoices
            if one.status == InvoiceStatus.COMPLETED and not one.quarantine_reason
        }
        failed = [str(one.pk) for one in self.refunds if one.status == RefundStatus.FAILED]
        alive = [one for one in self.refunds if one.status != RefundStatus.FAILED]
        amounts |= {str(one.pk): -in_cents(one.value_amount or Decimal(0)) for one in alive}
        payments = get_salesman_model("OrderPayment").objects
        for key, amount in amounts.items():
            values = {"amount": amount, "payment_method": self.method.identifier}
            payments.update_or_create(order=self.order, transaction_id=key, defaults=values)
        payments.filter(order=self.order, transaction_id__in=failed).delete()

    def notes(self) -> Iterator[str]:
        """Yield in words for staff what waits for them, with the invoice that it is about."""
        for invoice in self.invoices:
            where = f"; invoice {invoice.custom_id}"
            if invoice.quarantine_reason:
                yield f"quarantined: {invoice.quarantine_reason}{where}"
            elif invoice.status == InvoiceStatus.UNRESOLVED:
                yield f"{invoice.status_context.replace('_', ' ')}{where}"
            elif invoice.status == InvoiceStatus.COMPLETED and invoice.pk not in self.paid_by:
                amount = f"{invoice.settled_amount:f} {invoice.price_currency}"
                yield f"settled for {amount}, which nobody has accepted yet{where}"
        if self.summary.is_paid_twice:
            yield "paid twice: see its invoices"
        status = str(self.order.status)
        is_paid_now = self.kind == EventKind.INVOICE_COMPLETED and self.summary.kept_amount > 0
        if is_paid_now and status in ("CANCELLED", "REFUNDED"):
            yield f"paid after it was {status.lower()}: refund it, or ship it"

    @property
    def status(self) -> str:
        """Return the status that the order belongs in. What staff have set stays until there is news of it."""
        now, statuses = str(self.order.status), self.order.Status
        if self.paid_by:
            if self.summary.returned_amount > 0 and in_cents(self.summary.kept_amount) <= 0:
                is_on_its_way = any(one.status == RefundStatus.PENDING for one in self.refunds)
                return now if is_on_its_way else self._allowed(statuses.REFUNDED)
            is_back = self.kind == EventKind.REFUND_FAILED and now == statuses.REFUNDED
            is_new = self.kind == EventKind.INVOICE_COMPLETED and now in statuses.get_payable()
            if is_back:
                return self.method.paid_status
            return self._allowed(self.method.paid_status) if is_new else now
        if now not in statuses.get_payable():
            return now
        if any(one.quarantine_reason or one.status in _WAITS_FOR_STAFF for one in self.invoices):
            return self._allowed(self.method.attention_status)
        is_open = any(one.status == InvoiceStatus.NEW for one in self.invoices)
        return now if is_open else self._allowed(self.method.failed_status)

    def _allowed(self, status: str) -> str:
        """Return a status if the shop's statuses have it and allow the step, else the one that the order has."""
        if status not in self.order.Status.values:
            return str(self.order.status)
        try:
            return str(self.order.Status.validate_transition(status, self.order))
        except ValidationError:
            return str(self.order.status)


_WAITS_FOR_STAFF = (InvoiceStatus.UNRESOLVED, InvoiceStatus.COMPLETED)


def _method_of(invoices: Sequence[Invoice]) -> CryptopayPayment | None:
    """Return the payment method that the newest invoice was made by."""
    for invoice in invoices:
        method: CryptopayPayment | None = payment_methods_pool.get_payment(invoice.metadata.get(METHOD, ""))
        if hasattr(method, "get_currency"):
            return method
    return None
