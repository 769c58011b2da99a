"""Keeps an order of django-salesman equal to what the gateway has settled and sent back for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from salesman.checkout.payment import payment_methods_pool
from salesman.core.utils import get_salesman_model
from salesman.orders.models import BaseOrder

from ...adapters import OrderAdapter, OrderMoney, OrderState, in_cents, invoices_of
from ...models import EventKind, Invoice, Refund, RefundStatus

if TYPE_CHECKING:
    from .payment import CryptopayPayment

METHOD = "payment_method"
"""The key of an invoice's metadata that has the identifier of the payment method."""


class SalesmanOrders(OrderAdapter):
    """Writes payments, notes and the status of an order.

    A credited invoice is an OrderPayment over what was settled. A refund of it is one over a negative amount, as soon
    as it is on its way. Only `invoice_completed` makes an order paid, and `refund_failed` one that was refunded.
    `status_changed` is sent once for each change of the status.
    """

    name = "django-salesman"
    model = BaseOrder

    def get_price(self, order: BaseOrder) -> tuple[Decimal, str]:
        method = _method_of(invoices_of(order))
        return due_amount(order), method.get_currency(order) if method else ""

    def get_refund_address(self, order: BaseOrder, invoice: Invoice) -> dict[str, Any] | None:
        method = _method_of([invoice])
        return method.get_refund_address(order, invoice) if method else None

    def write(self, order: BaseOrder, money: OrderMoney) -> None:
        method = _method_of(money.invoices)
        if method is None:
            return  # the shop has taken its payment method out, or made these invoices in another way
        messages, status = list(_notes(order, money)), _status(order, money, method)
        _write_payments(order, money, method)
        for message in messages:
            note(order, message)
        if status == order.status:
            return
        if order.status == order.Status.REFUNDED:  # its refund has failed; shops ship at the signal
            type(order)._base_manager.using(order._state.db).filter(pk=order.pk).update(status=status)
            note(order, "a refund has failed: the order was set back from refunded")
        else:
            order.status = status
            order.save(update_fields=["status"])


orders = SalesmanOrders()
book = orders.book


def due_amount(order: BaseOrder) -> Decimal:
    """Return what an order costs, less what was paid for it in other ways, such as by a voucher or in cash."""
    ours = invoices_of(order)
    refunds = Refund.objects.primary().filter(invoice__in=ours)
    others = order.payments.exclude(transaction_id__in=[str(one.pk) for one in (*ours, *refunds)])
    due: Decimal = order.total - sum(others.values_list("amount", flat=True), Decimal(0))
    return max(due, Decimal(0))


def note(order: BaseOrder, message: str) -> None:
    """Leave a note for staff, once."""
    notes = get_salesman_model("OrderNote").objects
    if not notes.filter(order=order, message=message).exists():
        notes.create(order=order, message=message)


def _write_payments(order: BaseOrder, money: OrderMoney, method: CryptopayPayment) -> None:
    """Write a payment for each credited invoice and each refund; take back those of refunds that have failed.

    What was booked for an invoice that is quarantined now stays: a person decides.
    """
    amounts = {one.pk: in_cents(one.settled_amount) for one in money.credited}
    amounts |= {one.pk: -in_cents(one.value_amount) for one in money.booked_refunds}
    payments = get_salesman_model("OrderPayment").objects
    for key, amount in amounts.items():
        values = {"amount": amount, "payment_method": method.identifier}
        payments.update_or_create(order=order, transaction_id=str(key), defaults=values)
    failed = [str(one.pk) for one in money.refunds if one.status == RefundStatus.FAILED]
    payments.filter(order=order, transaction_id__in=failed).delete()


def _notes(order: BaseOrder, money: OrderMoney) -> Iterator[str]:
    yield from money.problems()
    is_kept = money.kind == EventKind.INVOICE_COMPLETED and money.summary.kept_amount > 0
    if is_kept and str(order.status) in ("CANCELLED", "REFUNDED"):
        yield f"paid after it was {str(order.status).lower()}: refund it, or ship it"


def _status(order: BaseOrder, money: OrderMoney, method: CryptopayPayment) -> str:
    """Return the status that the order belongs in. What staff have set stays until there is news of it."""
    now, status = str(order.status), ""
    if money.accepted and money.is_returned:
        is_on_its_way = any(one.status == RefundStatus.PENDING for one in money.refunds)
        status = "" if is_on_its_way else order.Status.REFUNDED
    elif money.accepted and money.kind == EventKind.REFUND_FAILED and now == order.Status.REFUNDED:
        return method.paid_status
    elif now not in order.Status.get_payable():
        return now
    elif money.accepted:
        if _is_news(order, money) and (money.is_paid_now or not money.is_covered):
            status = method.paid_status if money.is_covered else method.attention_status
    elif money.state == OrderState.ATTENTION or money.is_returned:
        status = method.attention_status
    elif money.state != OrderState.OPEN:
        status = method.failed_status
    return _allowed(order, status) if status else now


def _is_news(order: BaseOrder, money: OrderMoney) -> bool:
    """Return whether an invoice is completed now. Delivered again, that is none, unless the order has lost it."""
    if money.event is None or money.kind != EventKind.INVOICE_COMPLETED:
        return False
    is_known = order.payments.filter(transaction_id=str(money.event.invoice_id)).exists()
    return not (money.event.is_repetition and is_known)


def _allowed(order: BaseOrder, status: str) -> str:
    """Return a status if the shop's statuses have it and allow the step, else the one that the order has."""
    if status in order.Status.values:
        with suppress(ValidationError):
            return str(order.Status.validate_transition(status, order))
    return str(order.status)


def _method_of(invoices: Sequence[Invoice]) -> CryptopayPayment | None:
    """Return the payment method that the newest invoice was made by."""
    for invoice in invoices:
        method: CryptopayPayment | None = payment_methods_pool.get_payment(invoice.metadata.get(METHOD, ""))
        if hasattr(method, "get_currency"):
            return method
    return None
