"""Books on oscar's order what happens to its invoices: sources, transactions, payment events, statuses and notes.

Each invoice has a Source, whose reference is the invoice's id. Money is booked once: the reference of a transaction is
the gateway's id of the invoice or refund.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from oscar.core.loading import get_class, get_model

from cryptopay_django import signals
from cryptopay_django.adapters import OrderAdapter, OrderMoney, OrderState, in_cents
from cryptopay_django.handlers import on_invoice_completed
from cryptopay_django.models import EventKind, Invoice, InvoiceEvent, Refund

from .mails import send_order_confirmation
from .sources import Transaction, credit, debit, has, kept_of, source_of
from .statuses import PAID_EVENT, Order, move, note, paid_event_of, status_for, waits

PaymentEventType = get_model("order", "PaymentEventType")
EventHandler = get_class("order.processing", "EventHandler")

REFUNDED_EVENT = "Refunded"


class NotPaidYetError(Exception):
    """The order is not marked as paid yet, so its confirmation has to wait."""


class OscarOrders(OrderAdapter):
    """Books one event at a time, each sum once. An order that staff have moved on by hand gets notes only."""

    name = "django-oscar"
    model = Order
    signals = (signals.invoice_created, *OrderAdapter.signals)

    def get_price(self, order: Any) -> tuple[Decimal, str]:
        return order.total_incl_tax, order.currency

    def write(self, order: Any, money: OrderMoney) -> None:
        event = money.event
        if event is None or event.invoice is None:
            return
        invoice, kind = event.invoice, event.kind
        if kind == EventKind.INVOICE_CREATED:
            source_of(order, invoice)  # the order says by what it is to be paid
        elif kind in (EventKind.INVOICE_COMPLETED, EventKind.INVOICE_SETTLED_SHORT):
            credit(order, invoice)
        if kind == EventKind.INVOICE_COMPLETED:
            _pay(order, money, invoice)
        elif kind in _FOR_STAFF:
            _ask_staff(order, money)
        elif kind in (EventKind.INVOICE_CANCELLED, EventKind.INVOICE_REFUNDED):
            _close(order, money, invoice)
        elif kind == EventKind.REFUND_SUCCEEDED and event.refund:
            _book_refund(order, invoice, event.refund)
        elif kind == EventKind.REFUND_FAILED and event.refund:
            coins = f"{event.refund.amount:f} {event.refund.currency}"
            note(order, f"A refund of {_named(invoice)} has failed: {coins} were not sent.")


_FOR_STAFF = (EventKind.INVOICE_UNRESOLVED, EventKind.INVOICE_QUARANTINED, EventKind.INVOICE_SETTLED_SHORT)

orders = OscarOrders().follow()


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


def _pay(order: Any, money: OrderMoney, invoice: Invoice) -> None:
    """Mark the order as paid when its whole price is, once."""
    paid_event = paid_event_of(order)
    if paid_event is None and money.is_covered:
        lines = list(order.lines.all())
        _record(order, PAID_EVENT, kept_of(order), str(invoice.pk), lines, [line.quantity for line in lines])
        move(order, OrderState.PAID, f"{_named(invoice)} is paid.")
    elif paid_event is None or paid_event.reference != str(invoice.pk):
        _ask_staff(order, money)


def _ask_staff(order: Any, money: OrderMoney) -> None:
    """Write down what is wrong, if anything is, and hold an order that is not paid."""
    is_held = waits(order) or order.status == status_for(OrderState.CANCELLED)
    for problem in money.problems():
        _move_if(is_held, order, OrderState.ATTENTION, f"This needs a decision: {problem}.")


def _close(order: Any, money: OrderMoney, invoice: Invoice) -> None:
    """Close an order that nobody has paid, when none of its invoices can be paid, or waits for staff, any more."""
    is_closed = waits(order) and money.state in (OrderState.CANCELLED, OrderState.REFUNDED)
    if money.kind == EventKind.INVOICE_REFUNDED:
        message = f"{_named(invoice)} was refunded and has not paid for the order."
        _move_if(is_closed, order, OrderState.REFUNDED, message)
    elif is_closed:
        move(order, OrderState.CANCELLED, f"{_named(invoice)} was not paid.")


def _book_refund(order: Any, invoice: Invoice, refund: Refund) -> None:
    """Book coins that were sent back, no matter who asked for it and where."""
    source, reference = source_of(order, invoice), str(refund.gateway_id)
    if has(source, Transaction.REFUND, reference):
        return
    coins, where = f"{refund.amount:f} {refund.currency}", refund.address or "the shop's own coin account"
    if refund.value_amount is None:
        note(order, f"{coins} of {_named(invoice)} went to {where}. Their value is not known: book it by hand.")
        return
    value = in_cents(refund.value_amount, ROUND_HALF_UP)
    if not refund.is_withdrawal:  # it was never credited, so that it is not on record as received
        debit(source, value, reference, status="returned")
    source.refund(value, reference=reference, status="sent back")
    _record(order, REFUNDED_EVENT, value, reference)
    left = kept_of(order)
    is_less = refund.is_withdrawal and left < order.total_incl_tax
    message = f"{value} {invoice.price_currency} of {_named(invoice)} were refunded: {coins} to {where}."
    _move_if(is_less, order, OrderState.PARTLY_REFUNDED if left > 0 else OrderState.REFUNDED, message)


def _move_if(is_moved: bool, order: Any, state: OrderState, message: str) -> None:  # noqa: FBT001
    """Move an order, with a note; or write the note alone."""
    if is_moved:
        move(order, state, message)
    else:
        note(order, message)


def _record(order: Any, kind: str, amount: Decimal, reference: str, *lines: Any) -> None:
    """Record a payment event on an order, and with it the lines that it is for."""
    event_type, _ = PaymentEventType.objects.get_or_create(name=kind)
    EventHandler().create_payment_event(order, event_type, amount, *lines, reference=reference)


def _named(invoice: Invoice) -> str:
    """Return an invoice in words for a note."""
    return f"Invoice {invoice.pk} ({invoice.price_amount:f} {invoice.price_currency} in {invoice.pay_currency})"
