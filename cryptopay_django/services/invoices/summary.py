"""Adds up what was paid for an order: over all its invoices and channels, in the currency of its price.

Nothing is guessed. Money whose value is not known, or that is in another currency, is listed in `unknown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef

from ...exceptions import AmountError, InvoiceRequestError, MissingUnknownError, NothingMissingError
from ...fields import EXACT, canonical
from ...models import (
    ChannelPayment,
    ChannelPaymentStatus,
    Invoice,
    InvoiceStatus,
    Payment,
    Refund,
    RefundStatus,
)
from ...models.orders import order_filter
from ..accounts import in_force
from ..snapshots.refund_rows import value_of

_OF_INVOICE = (
    "status", "quarantine_reason", "price_amount", "price_currency", "settled_amount", "pay_amount", "pay_currency",
    "paid_amount", "exchange_rate", "account", "environment",
)  # fmt: skip
_TAKES_CREDIT = "create_withdrawal"
"""The call of a refund that is paid from the merchant's account: it takes back what was credited before."""


class Part(StrEnum):
    """The part that an amount has in the sums of an order."""

    PAID = "paid"
    PENDING = "pending"
    QUARANTINED = "quarantined"
    REFUNDED = "refunded"
    RETURNED = "returned"


_PARTS: dict[str, Part] = {
    ChannelPaymentStatus.COMPLETED: Part.PAID,
    ChannelPaymentStatus.REFUNDED: Part.REFUNDED,
}


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """Money that is in no sum: its value in the currency of the summary is not known.

    `amount` is in `currency`, a coin or another price currency; None if not even that is known.
    """

    part: Part
    amount: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class PaymentSummary:
    """The sums of an order. All amounts are in `currency`, and none is negative."""

    currency: str
    """Empty only for an order without any invoice, payment or price."""

    due_amount: Decimal | None
    """What the order costs, as the caller says; None if it does not say."""

    paid_amount: Decimal
    """What the gateway has credited: completed invoices and channel payments that are not quarantined."""

    pending_amount: Decimal
    """What was seen and is neither credited nor sent back: unconfirmed, unresolved, or on hold at the gateway."""

    quarantined_amount: Decimal
    """What arrived by invoices and channel payments that are quarantined here. It is not paid."""

    refunded_amount: Decimal
    """Everything that was sent back or is on its way back, whether it had been credited before or not."""

    returned_amount: Decimal
    """The part of `refunded_amount` that had been credited: it no longer counts towards what is due."""

    has_pending: bool
    """Whether money is pending, also if its value is not known."""

    has_quarantined: bool
    """Whether an invoice or a payment of the order is quarantined."""

    completed_count: int
    """How many invoices of the order are completed at the gateway, quarantined ones too."""

    unknown: tuple[UnknownValue, ...] = ()

    @property
    def is_certain(self) -> bool:
        """Return whether the value of everything that was credited, or returned of it, is known."""
        return not any(one.part in (Part.PAID, Part.RETURNED) for one in self.unknown)

    @property
    def kept_amount(self) -> Decimal:
        """Return what was credited and not sent back."""
        return canonical(max(EXACT.subtract(self.paid_amount, self.returned_amount), Decimal(0)))

    @property
    def remaining_amount(self) -> Decimal | None:
        """Return what is still missing; None if the price, or the value of what was credited, is not known.

        Pending and quarantined money counts as missing: nobody has credited it.
        """
        if self.due_amount is None or not self.is_certain:
            return None
        return canonical(max(EXACT.subtract(self.due_amount, self.kept_amount), Decimal(0)))

    @property
    def overpaid_amount(self) -> Decimal | None:
        """Return what was credited, and kept, beyond the price; None as for `remaining_amount`."""
        if self.due_amount is None or not self.is_certain:
            return None
        return canonical(max(EXACT.subtract(self.kept_amount, self.due_amount), Decimal(0)))

    @property
    def is_paid(self) -> bool:
        """Return whether nothing is missing, as far as that is known."""
        return self.remaining_amount == 0

    @property
    def is_paid_twice(self) -> bool:
        """Return whether several invoices are completed, and together they are more than the price.

        A quarantined one counts. If the price or a value is not known, several completed invoices are enough: a person
        has to look.
        """
        if self.completed_count < 2:
            return False
        if self.due_amount is None or not self.is_certain:
            return True
        return EXACT.add(self.kept_amount, self.quarantined_amount) > self.due_amount


def payment_summary(
    order: models.Model, *, due_amount: Decimal | int | str | None = None, currency: str | None = None
) -> PaymentSummary:
    """Add up the payments of a saved order over all its invoices and channels, in the environment of each account.

    `due_amount` is the whole price of the order, in `currency`; it may be zero. Without it, what is missing is not
    known. Without `currency`, the currency is that of the order's invoices and channels. Raises InvoiceRequestError
    if they have several, or if the order is not saved, and AmountError. Uses three queries and locks nothing.
    """
    due = None if due_amount is None else _due(due_amount)
    try:
        found = order_filter(order)
        payments = list(_channel_payments(found))
    except ValueError as error:
        raise InvoiceRequestError(str(error)) from error
    rows = Invoice.objects.primary().filter(in_force(), **found).order_by("created_at", "pk")
    is_seen = Exists(Payment.objects.filter(invoice=OuterRef("pk")))
    invoices = list(rows.annotate(is_seen=is_seen).only(*_OF_INVOICE))
    currency = currency or _currency_of(order, invoices, payments)
    refunds = _refunds_of(invoices)
    sums = _Sums(currency)
    for invoice in invoices:
        _add_invoice(sums, invoice, refunds.get(invoice.pk, []))
    for payment in payments:
        _add_channel_payment(sums, payment)
    return PaymentSummary(
        currency=currency,
        due_amount=due,
        paid_amount=sums[Part.PAID],
        pending_amount=sums[Part.PENDING],
        quarantined_amount=sums[Part.QUARANTINED],
        refunded_amount=canonical(EXACT.add(sums[Part.REFUNDED], sums[Part.RETURNED])),
        returned_amount=sums[Part.RETURNED],
        has_pending=Part.PENDING in sums.seen,
        has_quarantined=Part.QUARANTINED in sums.seen,
        completed_count=sum(one.status == InvoiceStatus.COMPLETED for one in invoices),
        unknown=tuple(sums.unknown),
    )


def missing_amount(order: models.Model, summary: PaymentSummary) -> Decimal:
    """Return what a further invoice of an order would be for.

    Raises NothingMissingError, and MissingUnknownError while money is pending or quarantined, or a value is not known.
    """
    name = f"{order._meta.label} {order.pk}"
    remaining = summary.remaining_amount
    if remaining == 0:
        raise NothingMissingError(f"{name} is paid: nothing is missing, and no invoice was made")
    why = ""
    if summary.has_pending:
        why = "a payment for it is not credited yet"
    elif summary.has_quarantined:
        why = "a payment or an invoice of it is quarantined: check and release it"
    elif remaining is None:
        why = "the value of what was paid is not known, or is in another currency: see payment_summary(order).unknown"
    if remaining is None or why:
        raise MissingUnknownError(f"what is missing for {name} is not known: {why}. No invoice was made")
    return remaining


class _Sums(dict[Part, Decimal]):
    """The sums by part, in one currency; what cannot be added is in `unknown`."""

    def __init__(self, currency: str) -> None:
        super().__init__(dict.fromkeys(Part, Decimal(0)))
        self.currency = currency
        self.unknown: list[UnknownValue] = []
        self.seen: set[Part] = set()

    def add(self, part: Part, value: Decimal | None, currency: str, *, coins: Decimal | None, coin: str) -> None:
        """Add a value, or note the coins where it is not known, or the value where it is in another currency."""
        self.seen.add(part)
        if value is None:
            self.unknown.append(UnknownValue(part, coins, coin))
        elif currency != self.currency:
            self.unknown.append(UnknownValue(part, canonical(value), currency))
        else:
            self[part] = canonical(EXACT.add(self[part], value))


def _channel_payments(found: dict[str, Any]) -> models.QuerySet[ChannelPayment]:
    kinds, key = found["order_content_type__in"], found["order_object_id"]
    rows = ChannelPayment.objects.primary().filter(in_force(), channel__owner_content_type__in=kinds)
    return rows.filter(channel__owner_object_id=key)


def _due(amount: Decimal | int | str) -> Decimal:
    try:
        due = None if isinstance(amount, float | bool) else Decimal(amount)
    except (ArithmeticError, TypeError, ValueError):
        due = None
    if due is None or not due.is_finite() or due < 0:
        raise AmountError(f"the price of an order must be a Decimal, an int or a text, zero or more, not {amount!r}")
    return canonical(due)


def _currency_of(order: models.Model, invoices: Sequence[Invoice], payments: Sequence[ChannelPayment]) -> str:
    named = {one.price_currency for one in invoices} | {one.received_currency for one in payments}
    if len(named) > 1:
        raise InvoiceRequestError(
            f"{order._meta.label} {order.pk} has invoices or payments in {', '.join(sorted(named))}: say in which "
            "currency its price is"
        )
    return next(iter(named), "")


def _refunds_of(invoices: Sequence[Invoice]) -> dict[Any, list[Refund]]:
    known = {invoice.pk: invoice for invoice in invoices}
    rows = Refund.objects.primary().filter(invoice__in=list(known)).exclude(status=RefundStatus.FAILED)
    found: dict[Any, list[Refund]] = {}
    for refund in rows.select_related("resolution"):
        found.setdefault(refund.invoice_id, []).append(refund)
    return found


def _add_invoice(sums: _Sums, invoice: Invoice, refunds: list[Refund]) -> None:
    facts: Any = invoice
    price, coin = invoice.price_currency, invoice.pay_currency
    for refund in refunds:
        call = refund.resolution.parameters.get("call") if refund.resolution else ""
        part = Part.RETURNED if call == _TAKES_CREDIT else Part.REFUNDED
        sums.add(part, refund.value_amount, price, coins=canonical(refund.amount), coin=refund.currency)
    coins = _coins_kept(invoice, refunds)
    if invoice.status == InvoiceStatus.COMPLETED:
        part = Part.QUARANTINED if invoice.quarantine_reason else Part.PAID
        sums.add(part, invoice.settled_amount, price, coins=canonical(invoice.paid_amount), coin=coin)
    elif invoice.quarantine_reason:
        sums.add(Part.QUARANTINED, value_of(invoice, coins), price, coins=coins, coin=coin)
    elif invoice.status == InvoiceStatus.REFUNDED:
        if not refunds:  # the gateway's list of its refunds is not read yet
            sums.add(Part.REFUNDED, None, price, coins=canonical(invoice.paid_amount), coin=coin)
    elif invoice.status == InvoiceStatus.CANCELLED:
        return
    elif coins > 0:
        sums.add(Part.PENDING, value_of(invoice, coins), price, coins=coins, coin=coin)
    elif facts.is_seen or invoice.status == InvoiceStatus.UNRESOLVED:
        is_known = invoice.paid_amount > 0  # then all of it is on its way back
        sums.add(Part.PENDING, Decimal(0) if is_known else None, price, coins=None, coin=coin)


def _coins_kept(invoice: Invoice, refunds: list[Refund]) -> Decimal:
    """Return the coins that have arrived, without those that are on their way back."""
    kept = invoice.paid_amount
    for refund in refunds:
        if refund.currency == invoice.pay_currency:
            kept = EXACT.subtract(kept, refund.amount)
    return canonical(max(kept, Decimal(0)))


def _add_channel_payment(sums: _Sums, payment: ChannelPayment) -> None:
    if payment.status == ChannelPaymentStatus.CANCELLED and not payment.quarantine_reason:
        return
    part = Part.QUARANTINED if payment.quarantine_reason else _PARTS.get(payment.status, Part.PENDING)
    coins, received = canonical(payment.paid_amount), payment.received_currency
    value: Decimal | None = None
    if payment.status == ChannelPaymentStatus.COMPLETED:
        value = payment.received_amount
    elif payment.paid_currency == received:
        value = coins
    sums.add(part, value, received, coins=coins, coin=payment.paid_currency)
