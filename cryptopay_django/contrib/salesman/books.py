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


def book(order: BaseOrder, event: InvoiceEvent | None = None) -> None:
    """Write what has become of an order: its payments, its status and a note for staff. Locks its row.

    A completed invoice is an OrderPayment over what was settled. A refund of it is one over a negative amount, as soon
    as it is on its way. `event` is the one that is delivered: only `invoice_completed` makes an order paid, and
    `refund_failed` one that was refunded. `status_changed` is sent once for each change of the status.
    """
    using = router.db_for_write(order._meta.model)
    rows = order._meta.model._default_manager.using(using)
    with transaction.atomic(using=using):
        locked = rows.select_for_update().filter(pk=order.pk).first()
        if locked is None:
            return  # deleted by the shop
        found = _Found.of(locked, event)
        if found is None:
            return  # the shop has taken its payment method out, or made these invoices in another way
        messages, status = list(found.notes()), found.status
        found.write_payments()
        for message in messages:
            note(locked, message)
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


def due_amount(order: BaseOrder, invoices: Sequence[Invoice] | None = None) -> Decimal:
    """Return what an order costs, less what was paid for it in other ways, such as by a voucher or in cash."""
    ours = invoices_of(order) if invoices is None else invoices
    refunds = Refund.objects.primary().filter(invoice__in=ours)
    others = order.payments.exclude(transaction_id__in=[str(one.pk) for one in (*ours, *refunds)])
    due: Decimal = order.total - sum(others.values_list("amount", flat=True), Decimal(0))
    return max(due, Decimal(0))


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

    `paid_by` are the invoices that have paid it, by key: `invoice_completed` is on record, and nothing contradicts it.
    The value says whether the event was delivered before.
    """

    order: BaseOrder
    event: InvoiceEvent | None
    method: CryptopayPayment
    invoices: list[Invoice]
    paid_by: dict[UUID, bool]
    refunds: list[Refund]
    summary: PaymentSummary

    @classmethod
    def of(cls, order: BaseOrder, event: InvoiceEvent | None) -> _Found | None:
        """Read everything; return None if none of the invoices was made by a payment method of the shop."""
        invoices = invoices_of(order)
        method = _method_of(invoices)
        if method is None:
            return None
        done = [one for one in invoices if one.status == InvoiceStatus.COMPLETED and not one.quarantine_reason]
        events = InvoiceEvent.objects.primary().filter(invoice__in=done, kind=EventKind.INVOICE_COMPLETED)
        paid_by = {one.invoice_id: bool(one.delivered_at or one.is_repetition) for one in events if one.invoice_id}
        refunds = Refund.objects.primary().filter(invoice__in=invoices).exclude(withdrawal_status="")
        due = due_amount(order, invoices)
        summary = payment_summary(order, due_amount=due, currency=method.get_currency(order))
        return cls(order, event, method, invoices, paid_by, list(refunds), summary)

    @property
    def kind(self) -> str:
        return self.event.kind if self.event else ""

    @property
    def makes_it_paid(self) -> bool:
        """Return whether this event pays the order: not if it was paid before, by this invoice or by others.

        An invoice that was sent back as a whole counts no longer.
        """
        if self.event is None or self.kind != EventKind.INVOICE_COMPLETED:
            return False
        this = self.event.invoice_id
        if self.event.is_repetition and self.order.payments.filter(transaction_id=str(this)).exists():
            return False
        before = {key for key, is_known in self.paid_by.items() if is_known and key != this and self._kept(key) > 0}
        return not before or self._missing(before) > 0

    @property
    def uncovered_amount(self) -> Decimal:
        """Return what the order costs more than its invoices asked for: the shop has changed its total meanwhile."""
        return self._missing({key for key in self.paid_by if self._kept(key) > 0})

    def _missing(self, paid: set[UUID]) -> Decimal:
        """Return what is missing, in whole cents, if these invoices have paid what they asked for."""
        asked = Decimal(0)
        for invoice in self.invoices:
            if invoice.pk in paid:
                asked += invoice.price_amount
            elif invoice.status in _WAITS_FOR_STAFF and invoice.pk not in self.paid_by:
                asked += Decimal(0) if invoice.quarantine_reason else invoice.settled_amount or Decimal(0)
        return in_cents(max((self.summary.due_amount or Decimal(0)) - asked, Decimal(0)))

    def _kept(self, key: UUID) -> Decimal:
        """Return what was settled by an invoice, and not sent back."""
        settled = sum((one.settled_amount or Decimal(0) for one in self.invoices if one.pk == key), Decimal(0))
        gone = [one for one in self.refunds if one.invoice_id == key and one.status != RefundStatus.FAILED]
        return settled - sum((one.value_amount or Decimal(0) for one in gone), Decimal(0))

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
        if self.summary.is_paid_twice or (self.kind == EventKind.INVOICE_COMPLETED and not self.summary.due_amount):
            yield "paid twice: see its invoices"
        status = str(self.order.status)
        is_paid_now = self.kind == EventKind.INVOICE_COMPLETED and self.summary.kept_amount > 0
        if self.makes_it_paid and self.uncovered_amount:
            yield f"{self.uncovered_amount:f} is missing: the order costs more than when its payment began"
        if is_paid_now and status in ("CANCELLED", "REFUNDED"):
            yield f"paid after it was {status.lower()}: refund it, or ship it"

    @property
    def status(self) -> str:
        """Return the status that the order belongs in. What staff have set stays until there is news of it."""
        now, statuses = str(self.order.status), self.order.Status
        if self.paid_by:
            return self._status_of_paid(now)
        if now not in statuses.get_payable():
            return now
        if any(one.quarantine_reason or one.status in _WAITS_FOR_STAFF for one in self.invoices):
            return self._allowed(self.method.attention_status)
        is_open = any(one.status == InvoiceStatus.NEW for one in self.invoices)
        return now if is_open else self._allowed(self.method.failed_status)

    def _status_of_paid(self, now: str) -> str:
        statuses = self.order.Status
        if self.summary.returned_amount > 0 and in_cents(self.summary.kept_amount) <= 0:
            is_on_its_way = any(one.status == RefundStatus.PENDING for one in self.refunds)
            return now if is_on_its_way else self._allowed(statuses.REFUNDED)
        if self.kind == EventKind.REFUND_FAILED and now == statuses.REFUNDED:
            return self.method.paid_status
        if now not in statuses.get_payable() or not self.makes_it_paid:
            return now
        return self._allowed(self.method.attention_status if self.uncovered_amount else self.method.paid_status)

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
