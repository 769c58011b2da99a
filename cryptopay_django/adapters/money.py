"""Answers what is known of the money of one order: which invoices are credited, what went back, is the price covered.

Everything is read anew from our own rows, so it does not matter how often, or in which order, events arrive.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from django.db import models, router
from django.utils.translation import override

from ..conf import app_settings
from ..exceptions import CurrencyError
from ..gateway.currencies import precision_of
from ..models import EventKind, Invoice, InvoiceEvent, InvoiceStatus, Refund, RefundStatus, StatusContext
from ..services import PaymentSummary, payment_summary

CENT = Decimal("0.01")
_NOTHING = Decimal(0)


class OrderState(StrEnum):
    """The state that an order belongs in, by its money alone."""

    OPEN = "open"
    """Nothing is credited, and an invoice can still be paid, or there is none."""

    ATTENTION = "attention"
    """A person decides: something came that does not cover the price, or that contradicts the order."""

    PAID = "paid"
    PARTLY_REFUNDED = "partly refunded"
    REFUNDED = "refunded"
    """Everything was sent back, or is on its way: of a paid order, or before anything was credited."""

    CANCELLED = "cancelled"
    """Nobody has paid, and no invoice can be paid any more."""


def unit_of(currency: str) -> Decimal:
    """Return the smallest amount of a currency: 0.01 of EUR, 1 of JPY, 0.00000001 of BTC."""
    try:
        return Decimal(1).scaleb(-precision_of(currency, coins=app_settings.coins))
    except CurrencyError:
        return CENT


def in_cents(amount: Decimal | int | None, rounding: str = ROUND_DOWN) -> Decimal:
    """Return an amount with two decimal places, as hosts store it. Rounds down: what did not come is not booked."""
    return Decimal(amount or 0).quantize(CENT, rounding)


def reason_of(invoice: Invoice) -> str:
    """Return in English, for a note to staff, why an invoice waits for them: "paid late", "held as high-risk"."""
    code = invoice.status_context or invoice.status
    with override("en"):
        return str(dict(StatusContext.choices).get(code, code.replace("_", " ")))


def invoices_of(order: models.Model) -> list[Invoice]:
    """Return the invoices of an order, the newest first, from the database that is written to."""
    return list(Invoice.objects.for_order(order).using(router.db_for_write(Invoice)))


class OrderMoney:
    """What is known of an order's money. `event` is the one that is delivered, if one is.

    Each answer is read when it is asked for the first time, from the database that is written to. So ask with the
    order locked, and ask before you write if the answer depends on what you write.
    """

    def __init__(
        self, order: models.Model, *, price: Decimal, currency: str, event: InvoiceEvent | None = None
    ) -> None:
        self.order, self.price, self.currency, self.event = order, price, currency, event

    # What happened.

    @property
    def kind(self) -> str:
        """The kind of the event; empty without one."""
        return self.event.kind if self.event else ""

    @cached_property
    def invoices(self) -> list[Invoice]:
        """The invoices of the order, the newest first."""
        return invoices_of(self.order)

    @cached_property
    def summary(self) -> PaymentSummary:
        """The sums, in the currency of the price."""
        return payment_summary(self.order, due_amount=self.price, currency=self.currency)

    @cached_property
    def refunds(self) -> list[Refund]:
        """What was sent back, or is on its way, of money that had been credited; failed ones too."""
        rows = Refund.objects.primary().filter(invoice__in=self.invoices).exclude(withdrawal_status="")
        return list(rows.order_by("created_at", "pk"))

    @cached_property
    def accepted(self) -> dict[UUID, bool]:
        """The credited invoices that `invoice_completed` is on record for: the app, or a person, has accepted them.

        The value says whether that event was delivered before.
        """
        events = InvoiceEvent.objects.primary().filter(invoice__in=self.credited, kind=EventKind.INVOICE_COMPLETED)
        return {one.invoice_id: bool(one.delivered_at or one.is_repetition) for one in events if one.invoice_id}

    # What a host books.

    @cached_property
    def credited(self) -> list[Invoice]:
        """The invoices whose money is credited, and that nothing contradicts."""
        return [one for one in self.invoices if one.status == InvoiceStatus.COMPLETED and not one.quarantine_reason]

    @property
    def booked_refunds(self) -> list[Refund]:
        """The refunds that count, as soon as they are on their way: those that have not failed."""
        return [one for one in self.refunds if one.status != RefundStatus.FAILED]

    def kept_of(self, invoice: Invoice) -> Decimal:
        """Return what was credited by an invoice, and not sent back."""
        gone = [one.value_amount or _NOTHING for one in self.booked_refunds if one.invoice_id == invoice.pk]
        return (invoice.settled_amount or _NOTHING) - sum(gone, _NOTHING)

    # Is it paid?

    @property
    def is_covered(self) -> bool:
        """Whether the accepted invoices cover the price, as it is now, rounded to cents; in a coin, to its units.

        An invoice that was accepted for less counts as a whole. What was sent back of several invoices counts no more;
        of one that covers the price alone it does, because the order was paid before. But if all of that one was sent
        back, it does not speak for other money that was kept. Money in another currency covers nothing.
        """
        return self._is_covered_by(self._accepted_here, self.summary.returned_amount)

    @property
    def missing_amount(self) -> Decimal:
        """What is missing of the price, rounded in the same way; zero if it is covered."""
        return self._missing(self._accepted_here, self.summary.returned_amount)

    @property
    def is_paid_now(self) -> bool:
        """Whether this event pays the order: fulfil now. Not if other invoices had paid it before.

        An invoice that was sent back as a whole counts no longer. An event that is delivered again pays again: a host
        that may have lost its records compares these.
        """
        if self.event is None or self.kind != EventKind.INVOICE_COMPLETED:
            return False
        this = self.event.invoice_id
        kept = {one.pk for one in self.credited if self._is_kept(one)} & self._accepted_here
        # What is accepted, but whose event is not delivered yet, pays the order with that event.
        known = {key for key in self._accepted_here if self.accepted[key] or key == this}
        is_covered = this in kept and self._is_covered_by(known, self.summary.returned_amount)
        return is_covered and not self._is_covered_by(known & kept - {this}, _NOTHING)

    @property
    def is_returned(self) -> bool:
        """Whether something had been credited, and all of it was sent back, or is on its way."""
        return self.summary.returned_amount > 0 and self._rounded(self.summary.kept_amount, ROUND_DOWN) <= 0

    @property
    def has_quarantined(self) -> bool:
        """Whether one of the invoices is quarantined."""
        return any(one.quarantine_reason for one in self.invoices)

    @property
    def state(self) -> OrderState:
        """The state that the order belongs in. Whether the host may still move it there is the host's to say."""
        found = {one.status for one in self.invoices}
        waits = self.has_quarantined or InvoiceStatus.UNRESOLVED in found
        if self.is_returned and (self.is_covered or not (waits or InvoiceStatus.NEW in found)):
            return OrderState.REFUNDED
        if self.is_covered:
            is_whole = not self.summary.returned_amount or self.summary.kept_amount >= self.price
            return OrderState.PAID if is_whole else OrderState.PARTLY_REFUNDED
        if waits or InvoiceStatus.COMPLETED in found:
            return OrderState.ATTENTION
        if InvoiceStatus.NEW in found or not found:
            return OrderState.OPEN
        return OrderState.REFUNDED if InvoiceStatus.REFUNDED in found else OrderState.CANCELLED

    def problems(self) -> Iterator[str]:
        """Yield in English what waits for staff: of each invoice, which is named, then of the sums."""
        for invoice in self.invoices:
            where = f"; invoice {invoice.custom_id}"
            if invoice.quarantine_reason:
                yield f"quarantined: {invoice.quarantine_reason}{where}"
            elif invoice.status == InvoiceStatus.UNRESOLVED:
                yield f"{reason_of(invoice)}{where}"
            elif invoice.status == InvoiceStatus.COMPLETED and not self.is_covered:
                amount = f"settled for {invoice.settled_amount:f} {invoice.price_currency}"
                is_accepted = invoice.pk in self.accepted
                why = f"{self.missing_amount:f} is missing" if is_accepted else "which nobody has accepted yet"
                yield f"{amount}, {why}{where}"
        if not self.summary.is_certain:
            yield "paid in another currency, or refunded at a value that is not known: see its invoices"
        elif self.summary.is_paid_twice or (self.summary.kept_amount > 0 and not self.price):
            yield "paid twice: see its invoices"

    @cached_property
    def _accepted_here(self) -> set[UUID]:
        """The accepted invoices in the currency of the price."""
        return {one.pk for one in self.credited if one.pk in self.accepted and one.price_currency == self.currency}

    def _is_kept(self, invoice: Invoice) -> bool:
        return self._rounded(self.kept_of(invoice), ROUND_DOWN) > 0

    def _rounded(self, amount: Decimal, rounding: str = ROUND_HALF_UP) -> Decimal:
        """Return an amount in cents, or in the smaller units that the currency has: of a coin, a cent is much."""
        return Decimal(amount).quantize(min(CENT, unit_of(self.currency)), rounding)

    def _is_covered_by(self, accepted: Collection[UUID], returned: Decimal) -> bool:
        return bool(accepted) and not self._missing(accepted, returned)

    def _missing(self, accepted: Collection[UUID], returned: Decimal) -> Decimal:
        """Return what is missing of the price if these invoices count as accepted, and this was sent back.

        What was credited by others, and nobody has accepted, counts as what it is.
        """
        whole, total = self._rounded(self.price), -returned
        is_nothing_kept = self._rounded(self.summary.kept_amount, ROUND_DOWN) <= 0
        for invoice in self.credited:
            if invoice.price_currency != self.currency or (invoice.pk in self.accepted and invoice.pk not in accepted):
                continue
            worth = invoice.settled_amount or _NOTHING
            if invoice.pk in accepted:
                worth = max(invoice.price_amount, worth)
                if self._rounded(worth) >= whole and (self._is_kept(invoice) or is_nothing_kept):
                    return _NOTHING
            total += worth
        return max(whole - self._rounded(total), _NOTHING)
