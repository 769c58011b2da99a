"""Books in pretix what cryptopay_django reports. Each receiver's writes happen once for each event.

cryptopay_django imports this module at start. Each receiver runs in a transaction and is called again if it fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.db import transaction
from django_scopes import scopes_disabled
from pretix.base.models import Order, OrderPayment, OrderRefund, Quota
from pretix.helpers import OF_SELF

from cryptopay_django import signals
from cryptopay_django.adapters import OrderAdapter, OrderMoney, in_cents, reason_of
from cryptopay_django.models import EventKind, Invoice, Refund

from .refunds import BOOKED, fail, find_asked

REFUND = "cryptopay_refund"
"""The key in `OrderRefund.info` with a refund that was not asked for in pretix."""

OPEN = (OrderPayment.PAYMENT_STATE_CREATED, OrderPayment.PAYMENT_STATE_PENDING)


class Tickets(OrderAdapter):
    """Books one event at a time on the payments of an order. Whether these pay the order is pretix' to decide."""

    name = "pretix"
    model = OrderPayment
    signals = (signals.payment_detected, *OrderAdapter.signals)

    def receive(self, *args: Any, **kwargs: Any) -> None:
        """Bring the payment of an invoice up to date, of whichever organizer."""
        with scopes_disabled():
            super().receive(*args, **kwargs)

    @contextmanager
    def locked(self, payment: OrderPayment) -> Iterator[OrderPayment | None]:
        """Lock the order of a payment, as pretix does, and yield the payment as it is now."""
        with transaction.atomic():
            Order.objects.select_for_update(of=OF_SELF).filter(pk=payment.order_id).first()
            yield OrderPayment.objects.select_related("order__event__organizer").filter(pk=payment.pk).first()

    def get_price(self, payment: OrderPayment) -> tuple[Decimal, str]:
        """Return the amount of the payment, which pretix has computed."""
        return payment.amount, payment.order.event.currency

    def write(self, payment: OrderPayment, money: OrderMoney) -> None:
        """Book what an event says, once."""
        event = money.event
        if event is None or event.invoice is None:
            return
        invoice, kind = event.invoice, event.kind
        if kind in (EventKind.INVOICE_COMPLETED, EventKind.INVOICE_SETTLED_SHORT):
            _book(payment, invoice, is_accepted=kind == EventKind.INVOICE_COMPLETED)
        elif kind in (EventKind.INVOICE_CANCELLED, EventKind.INVOICE_REFUNDED):
            _close(payment, invoice, is_newest=money.invoices[0] == invoice)
        elif kind == EventKind.REFUND_SUCCEEDED and event.refund and event.refund.is_withdrawal:
            _book_refund(payment, invoice, event.refund)
        elif kind == EventKind.REFUND_FAILED and event.refund:
            asked = find_asked(payment.order, event.refund.reason)
            if asked is not None:
                fail(asked, "the gateway has cancelled it, and nothing was sent")
        elif kind in _LOGGED:
            data = {"invoice": str(invoice.pk), "local_id": str(payment.local_id)}
            is_unresolved = kind == EventKind.INVOICE_UNRESOLVED
            data["reason"] = reason_of(invoice) if is_unresolved else invoice.quarantine_reason
            payment.order.log_action(f"pretix_cryptopay.order.{kind}", data)


_LOGGED = (EventKind.PAYMENT_DETECTED, EventKind.INVOICE_UNRESOLVED, EventKind.INVOICE_QUARANTINED)
"""The events with an entry of the same name in the log of the order."""

tickets = Tickets().follow()


def _book(payment: OrderPayment, invoice: Invoice, *, is_accepted: bool) -> None:
    """Put on record what the gateway has credited, and let pretix decide whether the order is paid by it.

    Of an invoice that was settled short this is a part of the price: the customer can pay the rest. If a person has
    accepted it, the rest is taken as paid by hand.
    """
    if invoice.settled_amount is None:
        return
    if booked_payment(payment.order, invoice) is None:
        _confirm(_place_for(payment, invoice))
    shortfall = invoice.price_amount - in_cents(invoice.settled_amount)
    if is_accepted and shortfall > 0:
        _accept(payment.order, invoice, shortfall)


def _close(payment: OrderPayment, invoice: Invoice, *, is_newest: bool) -> None:
    """Let a payment fail that never came, or went back before it was booked; the order can be paid in another way.

    If it was on record as paid, pretix asks its staff what becomes of the order.
    """
    booked = booked_payment(payment.order, invoice)
    if booked is not None:
        _return_from_outside(booked, booked.amount - booked.refunded_amount, f"invoice {invoice.pk}")
    elif payment.state in OPEN and is_newest:
        payment.fail(log_data={"invoice": str(invoice.pk), "status": invoice.status})


def _book_refund(payment: OrderPayment, invoice: Invoice, refund: Refund) -> None:
    """Complete the refund that was asked for in pretix, or put one on record that was asked for elsewhere.

    Only what had been credited counts: an overage that goes back was never on record.
    """
    asked = find_asked(payment.order, refund.reason)
    booked = booked_payment(payment.order, invoice)
    if asked is None and booked is not None and refund.value_amount:
        _return_from_outside(booked, refund.value_amount, str(refund.pk))
    elif asked is not None and asked.state != OrderRefund.REFUND_STATE_DONE:
        asked.done()


def booked_payment(order: Order, invoice: Invoice) -> OrderPayment | None:
    """Return the payment on which the money of an invoice is on record, or None."""
    return next((one for one in order.payments.all() if one.info_data.get(BOOKED) == str(invoice.pk)), None)


def _place_for(payment: OrderPayment, invoice: Invoice) -> OrderPayment:
    """Return the payment to confirm: this one, or another for a second invoice of it that was paid, too."""
    if payment.info_data.get(BOOKED):
        payment = OrderPayment(
            order=payment.order, provider=payment.provider, state=OrderPayment.PAYMENT_STATE_CREATED
        )
    payment.amount = in_cents(invoice.settled_amount or Decimal(0))
    payment.info_data = {**payment.info_data, BOOKED: str(invoice.pk)}
    payment.save()
    return payment


def _accept(order: Order, invoice: Invoice, shortfall: Decimal) -> None:
    """Mark what is missing of an accepted payment as paid by hand, as staff do, once."""
    key = f"shortfall of {invoice.pk}"
    missing = min(in_cents(shortfall), order.pending_sum)
    if missing > 0 and not any(one.info_data.get(BOOKED) == key for one in order.payments.all()):
        rest = OrderPayment(order=order, provider="manual", amount=missing, state=OrderPayment.PAYMENT_STATE_CREATED)
        rest.info_data = {BOOKED: key}
        rest.save()
        _confirm(rest)


def _confirm(payment: OrderPayment) -> None:
    was_ended = payment.order.status in (Order.STATUS_PAID, Order.STATUS_CANCELED)
    try:
        payment.confirm()
    except Quota.QuotaExceededException as error:
        # The money is on record; the order has expired and its tickets are sold. Staff refund it, or allow more.
        payment.order.log_action("pretix.event.order.quotaexceeded", {"message": str(error)})
    if was_ended and payment.order.pending_sum < 0:
        payment.order.log_action("pretix.event.order.overpaid", {})


def _return_from_outside(payment: OrderPayment, amount: Decimal, key: str) -> None:
    """Put a refund on record, once, that was not asked for in pretix."""
    known = any(one.info_data.get(REFUND) == key for one in payment.order.refunds.all())
    if amount > 0 and not known:
        refund = payment.create_external_refund(amount=in_cents(amount))
        refund.info_data = {REFUND: key}
        refund.save(update_fields=["info"])
