"""Books in pretix what cryptopay_django reports. Each receiver's writes happen once for each event.

cryptopay_django imports this module at start. Each receiver runs in a transaction and is called again if it fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.dispatch import receiver
from django_scopes import scopes_disabled
from pretix.base.models import Order, OrderPayment, OrderRefund, Quota
from pretix.helpers import OF_SELF

from cryptopay_django.models import Invoice, InvoiceEvent, Refund
from cryptopay_django.signals import (
    invoice_cancelled,
    invoice_completed,
    invoice_quarantined,
    invoice_refunded,
    invoice_settled_short,
    invoice_unresolved,
    payment_detected,
    refund_failed,
    refund_succeeded,
)

from .refunds import fail, find_asked

BOOKED = "cryptopay_invoice"
"""The key in `OrderPayment.info` with the invoice whose money is on record there."""

REFUND = "cryptopay_refund"
"""The key in `OrderRefund.info` with a refund that was not asked for in pretix."""

OPEN = (OrderPayment.PAYMENT_STATE_CREATED, OrderPayment.PAYMENT_STATE_PENDING)


@contextmanager
def locked(invoice: Invoice) -> Iterator[OrderPayment | None]:
    """Lock the order of an invoice, and yield its payment as it is now; None if the invoice is not one of pretix."""
    with scopes_disabled():
        payment = invoice.order
        if not isinstance(payment, OrderPayment):
            yield None
            return
        Order.objects.select_for_update(of=OF_SELF).get(pk=payment.order_id)
        yield OrderPayment.objects.select_related("order__event__organizer").get(pk=payment.pk)


@receiver([invoice_completed, invoice_settled_short])
def book(sender: Any, invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Put on record what the gateway has credited, and let pretix decide whether the order is paid by it.

    Of an invoice that was settled short this is a part of the price: the customer can pay the rest. If a person has
    accepted it (`invoice_completed` of less than the price), the rest is taken as paid by hand.
    """
    with locked(invoice) as payment:
        if payment is None or invoice.settled_amount is None:
            return
        if booked_payment(payment.order, invoice) is None:
            _confirm(_place_for(payment, invoice))
        shortfall = invoice.price_amount - _in_cents(invoice.settled_amount)
        if event.kind == "invoice_completed" and shortfall > 0:
            _accept(payment.order, invoice, shortfall)


@receiver(payment_detected)
def note_payment(sender: Any, invoice: Invoice, **kwargs: Any) -> None:
    """Write down that coins are on their way."""
    _log(invoice, "detected")


@receiver(invoice_unresolved)
def note_unresolved(sender: Any, invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Write down that staff have to decide about a payment: too little, too much, too late, or held."""
    _log(invoice, "unresolved", context=invoice.status_context)


@receiver(invoice_quarantined)
def note_quarantined(sender: Any, invoice: Invoice, **kwargs: Any) -> None:
    """Write down that something contradicts the order."""
    _log(invoice, "quarantined", reason=invoice.quarantine_reason)


@receiver([invoice_cancelled, invoice_refunded])
def close(sender: Any, invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Let a payment fail that never came, or went back before it was booked; the order can be paid in another way.

    If it was on record as paid, pretix asks its staff what becomes of the order.
    """
    with locked(invoice) as payment:
        if payment is None:
            return
        booked = booked_payment(payment.order, invoice)
        if booked is not None:
            _return_from_outside(booked, booked.amount - booked.refunded_amount, f"invoice {invoice.pk}")
        elif payment.state in OPEN and Invoice.objects.for_order(payment).first() == invoice:
            payment.fail(log_data={"invoice": str(invoice.pk), "status": invoice.status})


@receiver(refund_succeeded)
def book_refund(sender: Any, invoice: Invoice, refund: Refund, **kwargs: Any) -> None:
    """Complete the refund that was asked for in pretix, or put one on record that was asked for elsewhere.

    Only what had been credited counts: an overage that goes back was never on record.
    """
    with locked(invoice) as payment:
        if payment is None or not refund.is_withdrawal:
            return
        asked = find_asked(payment.order, refund.reason)
        if asked is not None:
            if asked.state != OrderRefund.REFUND_STATE_DONE:
                asked.done()
            return
        booked = booked_payment(payment.order, invoice)
        if booked is not None and refund.value_amount:
            _return_from_outside(booked, refund.value_amount, str(refund.pk))


@receiver(refund_failed)
def note_failed_refund(sender: Any, invoice: Invoice, refund: Refund, **kwargs: Any) -> None:
    """Let the refund of pretix fail: nothing was sent."""
    with locked(invoice) as payment:
        asked = None if payment is None else find_asked(payment.order, refund.reason)
        if asked is not None:
            fail(asked, "the gateway has cancelled it, and nothing was sent")


def booked_payment(order: Order, invoice: Invoice) -> OrderPayment | None:
    """Return the payment on which the money of an invoice is on record, or None."""
    return next((one for one in order.payments.all() if one.info_data.get(BOOKED) == str(invoice.pk)), None)


def _place_for(payment: OrderPayment, invoice: Invoice) -> OrderPayment:
    """Return the payment to confirm: this one, or another for a second invoice of it that was paid, too."""
    if payment.info_data.get(BOOKED):
        payment = OrderPayment(
            order=payment.order, provider=payment.provider, state=OrderPayment.PAYMENT_STATE_CREATED
        )
    payment.amount = _in_cents(invoice.settled_amount or Decimal(0))
    payment.info_data = {**payment.info_data, BOOKED: str(invoice.pk)}
    payment.save()
    return payment


def _accept(order: Order, invoice: Invoice, shortfall: Decimal) -> None:
    """Mark what is missing of an accepted payment as paid by hand, as staff do, once."""
    key = f"shortfall of {invoice.pk}"
    missing = min(_in_cents(shortfall), order.pending_sum)
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
        refund = payment.create_external_refund(amount=_in_cents(amount))
        refund.info_data = {REFUND: key}
        refund.save(update_fields=["info"])


def _log(invoice: Invoice, name: str, **data: str) -> None:
    with locked(invoice) as payment:
        if payment is not None:
            data = {"invoice": str(invoice.pk), "local_id": str(payment.local_id), **data}
            payment.order.log_action(f"pretix_cryptopay.order.{name}", data)


def _in_cents(amount: Decimal) -> Decimal:
    """Return an amount as pretix stores it, rounded down: nothing is booked that did not come."""
    return amount.quantize(Decimal("0.01"), rounding=ROUND_DOWN)
