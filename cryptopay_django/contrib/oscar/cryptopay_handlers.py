"""Books on oscar's order what happens to its invoices: sources, transactions, payment events, statuses and notes.

Each invoice has a Source, whose reference is the invoice's id. Money is booked once: the reference of a transaction is
the gateway's id of the invoice or refund. The receivers lock the order.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.dispatch import receiver
from oscar.core.loading import get_class, get_model

from cryptopay_django.handlers import on_invoice_completed
from cryptopay_django.models import Invoice, InvoiceEvent, InvoiceStatus, Refund
from cryptopay_django.signals import (
    invoice_cancelled,
    invoice_completed,
    invoice_created,
    invoice_quarantined,
    invoice_refunded,
    invoice_settled_short,
    invoice_unresolved,
    refund_failed,
    refund_succeeded,
)

from ..common import in_cents, is_covered, reason_of
from .mails import send_order_confirmation
from .sources import Transaction, credit, debit, has, kept_of, source_of
from .statuses import (
    ATTENTION,
    CANCELLED,
    PAID,
    PAID_EVENT,
    PARTLY_REFUNDED,
    REFUNDED,
    Order,
    move,
    note,
    paid_event_of,
    status_for,
    waits,
)

PaymentEventType = get_model("order", "PaymentEventType")
EventHandler = get_class("order.processing", "EventHandler")

REFUNDED_EVENT = "Refunded"


class NotPaidYetError(Exception):
    """The order is not marked as paid yet, so its confirmation has to wait."""


@receiver(invoice_created, dispatch_uid="cryptopay_oscar.begin")
def begin(invoice: Invoice, **kwargs: Any) -> None:
    """Say on the order by what it is to be paid. Nothing is on the source yet."""
    if order := locked_order(invoice):
        source_of(order, invoice)


@receiver(invoice_completed, dispatch_uid="cryptopay_oscar.pay_order")
def pay_order(invoice: Invoice, **kwargs: Any) -> None:
    """Book what was credited. The order is paid when its whole price is, once."""
    order = locked_order(invoice)
    if order is None:
        return
    credit(order, invoice)
    paid_event = paid_event_of(order)
    if paid_event is not None:
        if paid_event.reference != str(invoice.pk):
            kept, price = kept_of(order), order.total_incl_tax
            is_too_much = invoice.price_currency != order.currency or kept > price
            advice = "Refund one of the payments." if is_too_much else f"Of {price} {order.currency}, {kept} are kept."
            note(order, f"{named(invoice)} is paid too, and the order was paid before. {advice}")
        return
    if not is_covered(order, price=order.total_incl_tax, currency=order.currency):
        move(order, ATTENTION, f"{named(invoice)} is paid, but it does not cover the price of the order.")
        return
    lines = list(order.lines.all())
    record(order, PAID_EVENT, kept_of(order), str(invoice.pk), lines, [line.quantity for line in lines])
    move(order, PAID, f"{named(invoice)} is paid.")


@on_invoice_completed
def confirm_order(invoice: Invoice, event: InvoiceEvent) -> None:
    """Mail oscar's confirmation when the order is paid: not before, not for a second payment, and not again."""
    order = invoice.order
    if event.is_repetition or not isinstance(order, Order):
        return
    paid_event = paid_event_of(order)
    if paid_event is None and event.delivered_at is None:
        raise NotPaidYetError(f"order {order.number} is not marked as paid yet: this is tried again")
    if paid_event is not None and paid_event.reference == str(invoice.pk):
        send_order_confirmation(order)


@receiver(invoice_unresolved, dispatch_uid="cryptopay_oscar.unresolved")
def need_decision(invoice: Invoice, **kwargs: Any) -> None:
    """Coins came, but not as ordered."""
    need_attention(invoice, f"{named(invoice)} needs a decision: {reason_of(invoice)}.")


@receiver(invoice_quarantined, dispatch_uid="cryptopay_oscar.quarantined")
def need_check(invoice: Invoice, **kwargs: Any) -> None:
    """Something contradicts the order."""
    need_attention(invoice, f"{named(invoice)} is quarantined: {invoice.quarantine_reason or 'released since'}")


@receiver(invoice_settled_short, dispatch_uid="cryptopay_oscar.settled_short")
def need_rest(invoice: Invoice, **kwargs: Any) -> None:
    """Less was credited than the order costs: it is on record, and the order is not paid."""
    order = locked_order(invoice)
    if order is not None:
        credit(order, invoice)
    need_attention(invoice, f"{named(invoice)} was settled for {invoice.settled_amount:f} {invoice.price_currency}.")


def need_attention(invoice: Invoice, message: str) -> None:
    """Hold an order for staff, unless it is paid or they have moved it on. They get the note anyway."""
    order = locked_order(invoice)
    if order is None:
        return
    if waits(order) or order.status == status_for(CANCELLED):
        move(order, ATTENTION, message)
    else:
        note(order, message)


@receiver(invoice_cancelled, dispatch_uid="cryptopay_oscar.cancelled")
def cancel_order(invoice: Invoice, **kwargs: Any) -> None:
    """Cancel an order that nobody has paid, when its last open invoice is cancelled."""
    order = locked_order(invoice)
    if order is not None and waits(order) and not has_other(order, invoice):
        move(order, CANCELLED, f"{named(invoice)} was not paid.")


@receiver(invoice_refunded, dispatch_uid="cryptopay_oscar.refunded")
def close_order(invoice: Invoice, **kwargs: Any) -> None:
    """Close an order whose payment was sent back instead of credited. `book_refund` books the amount."""
    order = locked_order(invoice)
    if order is None:
        return
    message = f"{named(invoice)} was refunded and has not paid for the order."
    if waits(order) and not has_other(order, invoice):
        move(order, REFUNDED, message)
    else:
        note(order, message)


@receiver(refund_succeeded, dispatch_uid="cryptopay_oscar.book_refund")
def book_refund(invoice: Invoice, refund: Refund, **kwargs: Any) -> None:
    """Book coins that were sent back, no matter who asked for it and where."""
    order = locked_order(invoice)
    if order is None:
        return
    source, reference = source_of(order, invoice), str(refund.gateway_id)
    if has(source, Transaction.REFUND, reference):
        return
    coins, where = f"{refund.amount:f} {refund.currency}", refund.address or "the shop's own coin account"
    if refund.value_amount is None:
        note(order, f"{coins} of {named(invoice)} went to {where}. Their value is not known: book it by hand.")
        return
    value = in_cents(refund.value_amount)
    if not refund.is_withdrawal:  # it was never credited, so that it is not on record as received
        debit(source, value, reference, status="returned")
    source.refund(value, reference=reference, status="sent back")
    record(order, REFUNDED_EVENT, value, reference)
    message = f"{value} {invoice.price_currency} of {named(invoice)} were refunded: {coins} to {where}."
    left = kept_of(order)
    if not refund.is_withdrawal or left >= order.total_incl_tax:
        note(order, message)
    else:
        move(order, PARTLY_REFUNDED if left > 0 else REFUNDED, message)


@receiver(refund_failed, dispatch_uid="cryptopay_oscar.refund_failed")
def say_refund_failed(invoice: Invoice, refund: Refund, **kwargs: Any) -> None:
    """Say that nothing was sent. Nothing was booked, either."""
    if order := locked_order(invoice):
        note(order, f"A refund of {named(invoice)} has failed: {refund.amount:f} {refund.currency} were not sent.")


def locked_order(invoice: Invoice) -> Any:
    """Return the order of an invoice, locked, or None if the invoice is not for an order of oscar."""
    order = invoice.order
    return Order.objects.select_for_update().filter(pk=order.pk).first() if isinstance(order, Order) else None


def record(order: Any, kind: str, amount: Decimal, reference: str, *lines: Any) -> None:
    """Record a payment event on an order, and with it the lines that it is for."""
    event_type, _ = PaymentEventType.objects.get_or_create(name=kind)
    EventHandler().create_payment_event(order, event_type, amount, *lines, reference=reference)


def has_other(order: Any, invoice: Invoice) -> bool:
    """Return whether another invoice of the order can still be paid, or has brought money."""
    closed = (InvoiceStatus.CANCELLED, InvoiceStatus.REFUNDED)
    return Invoice.objects.for_order(order).exclude(pk=invoice.pk).exclude(status__in=closed).exists()


def named(invoice: Invoice) -> str:
    """Return an invoice in words for a note."""
    return f"Invoice {invoice.pk} ({invoice.price_amount:f} {invoice.price_currency} in {invoice.pay_currency})"
