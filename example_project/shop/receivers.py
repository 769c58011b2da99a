"""Changes orders and balances when money arrives, or does not. The one place where orders become paid.

Each receiver runs in a transaction whose commit also marks the event as delivered: what it writes to the database
happens exactly once for an event, and there is nothing to guard against. A receiver that raises is called again later.
The invoice itself is not held back by it.

What is done outside of the database stands in `cryptopay_handlers.py`.
"""

from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.dispatch import receiver

from cryptopay_django.models import (
    Channel,
    ChannelPayment,
    EventKind,
    Invoice,
    InvoiceEvent,
    InvoiceStatus,
    Refund,
    RefundStatus,
)
from cryptopay_django.signals import (
    channel_payment_completed,
    channel_payment_refunded,
    invoice_cancelled,
    invoice_completed,
    invoice_quarantined,
    invoice_refunded,
    invoice_settled_short,
    invoice_unresolved,
    refund_created,
    refund_failed,
    refund_succeeded,
)

from .models import LedgerEntry, Order, Payable, TopUp

Status = Payable.Status
CENT = Decimal("0.01")
UNPAID = [Status.OPEN, Status.ATTENTION, Status.REFUNDED, Status.CANCELLED]


class NotEurosError(Exception):
    """The amount is not in whole cents of EUR, and a person has to book it. The doctor reports the event."""


@receiver(invoice_completed, dispatch_uid="shop.pay_order")
def pay_order(invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Mark the order paid, once. The warehouse is asked by a handler, with the key that is kept here."""
    order = invoice.order
    if not isinstance(order, Order):
        return
    if order.move(Status.PAID, only_from=UNPAID, paid_by=invoice, shipment_key=event.uuid):
        spare = invoice.settled_amount + credited_short(order, besides=invoice) - order.amount
    elif order.paid_by_id == invoice.pk:
        return  # Staff let the event be delivered again. What was too much was credited the first time.
    else:
        # Paid before, by another invoice or from the balance. The money came all the same.
        spare = invoice.settled_amount
    note = f"Paid too much for order {order.reference}"
    credit(order.customer, spare, invoice.price_currency, event, note=note, invoice=invoice)


def credited_short(order: Order, *, besides: Invoice) -> Decimal:
    """Return what earlier invoices of an order brought that were settled short: this one was for the rest."""
    completed = order.invoices.filter(status=InvoiceStatus.COMPLETED, quarantine_reason="").exclude(pk=besides.pk)
    short = completed.exclude(events__kind=EventKind.INVOICE_COMPLETED)
    return sum((one.settled_amount for one in short), Decimal(0))


@receiver(invoice_completed, dispatch_uid="shop.credit_top_up")
@receiver(invoice_settled_short, dispatch_uid="shop.credit_short_top_up")
def credit_top_up(invoice: Invoice, event: InvoiceEvent, **kwargs: Any) -> None:
    """Add what was credited to us, which can be more or less than what the customer had in mind."""
    top_up = invoice.order
    if isinstance(top_up, TopUp):
        note = f"Top-up {top_up.reference}"
        credit(top_up.customer, invoice.settled_amount, invoice.price_currency, event, note=note, invoice=invoice)
        top_up.move(Status.PAID, only_from=UNPAID, paid_by=invoice)


@receiver(channel_payment_completed, dispatch_uid="shop.credit_channel_payment")
def credit_channel_payment(payment: ChannelPayment, channel: Channel, event: InvoiceEvent, **kwargs: Any) -> None:
    """Add what the gateway has credited. A payment that is pending or held has no entry, so it cannot be spent."""
    if isinstance(channel.owner, get_user_model()):
        note = f"{payment.paid_amount:f} {payment.paid_currency} to your address"
        amount, currency = payment.received_amount, payment.received_currency
        credit(channel.owner, amount, currency, event, note=note, channel_payment=payment)


@receiver(channel_payment_refunded, dispatch_uid="shop.take_back_channel_payment")
def take_back_channel_payment(payment: ChannelPayment, event: InvoiceEvent, **kwargs: Any) -> None:
    """Take back what was credited, if the gateway sends the coins back after all. A balance can become negative."""
    credited = LedgerEntry.objects.filter(channel_payment=payment).first()
    if credited is not None:
        note = f"Sent back: {payment.paid_amount:f} {payment.paid_currency}"
        defaults = {"customer": credited.customer, "amount": -credited.amount, "note": note}
        LedgerEntry.objects.get_or_create(event_uuid=event.uuid, defaults=defaults)


@receiver(invoice_settled_short, dispatch_uid="shop.hold_short_order")
@receiver(invoice_unresolved, dispatch_uid="shop.hold_unresolved")
@receiver(invoice_quarantined, dispatch_uid="shop.hold_quarantined")
def hold_for_staff(invoice: Invoice, **kwargs: Any) -> None:
    """Something came, but not what was asked for. Staff decide in the admin; nothing is shipped yet."""
    if isinstance(invoice.order, Payable):
        invoice.order.move(Status.ATTENTION, only_from=[Status.OPEN, Status.CANCELLED])


@receiver(invoice_refunded, dispatch_uid="shop.close_refunded")
def close_refunded(invoice: Invoice, **kwargs: Any) -> None:
    close(invoice, Status.REFUNDED)


@receiver(refund_created, dispatch_uid="shop.lower_price")
@receiver(refund_succeeded, dispatch_uid="shop.book_refund")
@receiver(refund_failed, dispatch_uid="shop.raise_price")
def book_returned_goods(invoice: Invoice, refund: Refund, **kwargs: Any) -> None:
    """Note on a paid order how much of it is refunded. A refund that fails counts no longer.

    The rows are added up anew each time, so the order of the events does not matter. The lock makes two that arrive at
    once wait for each other.
    """
    if not refund.is_withdrawal or not isinstance(invoice.order, Order):
        return
    order = Order.objects.select_for_update().get(pk=invoice.order.pk)
    paid_by = [one for one in order.invoices if not is_in_balance(one, order)]
    refunds = Refund.objects.filter(invoice__in=paid_by).exclude(withdrawal_status="").select_related("invoice")
    order.returned_amount = sum((value_of(one) for one in refunds.exclude(status=RefundStatus.FAILED)), Decimal(0))
    order.save(update_fields=["returned_amount"])


@receiver(refund_succeeded, dispatch_uid="shop.take_from_balance")
def take_from_balance(invoice: Invoice, refund: Refund, event: InvoiceEvent, **kwargs: Any) -> None:
    """Take what was sent back from the balance, if the payment had been added to it. A balance can become negative.

    Not covered: of an order that was paid too much by one invoice, more than its price is sent back. What was added to
    the balance for it stays there.
    """
    payable = invoice.order
    if refund.is_withdrawal and isinstance(payable, Payable) and is_in_balance(invoice, payable):
        defaults = {"customer": payable.customer, "amount": -value_of(refund), "note": f"Sent back: {payable}"}
        LedgerEntry.objects.get_or_create(event_uuid=event.uuid, defaults=defaults)


def value_of(refund: Refund) -> Decimal:
    """Return what a refund returns of the price, in whole cents of EUR, or raise NotEurosError."""
    if refund.value_amount is None:
        raise NotEurosError(f"{refund.amount:f} {refund.currency}")
    return in_cents(refund.value_amount, refund.invoice.price_currency)


def is_in_balance(invoice: Invoice, payable: Payable) -> bool:
    """Return whether a payment was added to the balance: a top-up, or an order that was already paid."""
    is_price = isinstance(payable, Order) and payable.paid_by_id == invoice.pk
    return not is_price and LedgerEntry.objects.filter(invoice=invoice).exists()


@receiver(invoice_cancelled, dispatch_uid="shop.close_cancelled")
def close_cancelled(invoice: Invoice, **kwargs: Any) -> None:
    close(invoice, Status.CANCELLED)


def close(invoice: Invoice, status: str) -> None:
    """Close what was never paid. A paid order stays paid, whatever an older invoice of it comes to.

    An invoice that was settled for less than the price is completed: staff still decide on its order.
    """
    payable = invoice.order
    if not isinstance(payable, Payable):
        return
    others = payable.invoices.exclude(pk=invoice.pk)
    if others.filter(status__in=[InvoiceStatus.NEW, InvoiceStatus.UNRESOLVED, InvoiceStatus.COMPLETED]).exists():
        return
    payable.move(status, only_from=[Status.OPEN, Status.ATTENTION])


def credit(customer: Any, amount: Decimal, currency: str, event: InvoiceEvent, *, note: str, **source: Any) -> None:
    """Add to the customer's balance, at most once for the `source`: an invoice or a payment to an address."""
    if amount > 0:
        defaults = {"customer": customer, "amount": in_cents(amount, currency), "event_uuid": event.uuid, "note": note}
        LedgerEntry.objects.get_or_create(**source, defaults=defaults)


def in_cents(amount: Decimal, currency: str) -> Decimal:
    """Return the amount with two places, or raise NotEurosError: databases round what has more, and do not say so."""
    cents = amount.quantize(CENT)
    if currency != "EUR" or cents != amount:
        raise NotEurosError(f"{amount:f} {currency}")
    return cents
