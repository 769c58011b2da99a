"""Answers what several adapters ask: is an order covered, why does an invoice wait, are the adapter's URLs mounted."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import models, router
from django.urls import NoReverseMatch, reverse
from django.utils.translation import override

from ..models import EventKind, Invoice, InvoiceEvent, InvoiceStatus, Resolution, ResolutionStatus, StatusContext
from ..services import payment_summary

CENT = Decimal("0.01")


def is_covered(order: models.Model, *, price: Decimal, currency: str) -> bool:
    """Return whether the completed invoices of an order cover its price, as it is now, rounded to cents.

    An invoice that was settled for less counts as a whole once `invoice_completed` is on record: the app, or a
    person, has accepted it. What was sent back of several invoices counts no more; of one that covers the price alone
    it does, because the order was paid before. Money in another currency covers nothing.
    """
    invoices = Invoice.objects.for_order(order).using(router.db_for_write(Invoice))
    done = invoices.filter(status=InvoiceStatus.COMPLETED, quarantine_reason="", price_currency=currency)
    accepted = set(
        InvoiceEvent.objects.primary()
        .filter(invoice__in=list(done), kind=EventKind.INVOICE_COMPLETED)
        .values_list("invoice_id", flat=True)
    )
    worth = {one.pk: one.settled_amount or Decimal(0) for one in done}
    worth |= {one.pk: max(one.price_amount, worth[one.pk]) for one in done if one.pk in accepted}
    whole = in_cents(price)
    if any(in_cents(worth[key]) >= whole for key in accepted):
        return True
    returned = payment_summary(order, currency=currency).returned_amount
    return bool(accepted) and in_cents(sum(worth.values(), -returned)) >= whole


def in_cents(amount: Decimal | int | None) -> Decimal:
    """Return an amount with two decimal places, as hosts store it; databases would round it without a word."""
    return Decimal(amount or 0).quantize(CENT, ROUND_HALF_UP)


def reason_of(invoice: Invoice) -> str:
    """Return in English, for a note to staff, why an invoice waits for them: "paid late", "held as high-risk"."""
    code = invoice.status_context or invoice.status
    with override("en"):
        return str(dict(StatusContext.choices).get(code, code.replace("_", " ")))


def outcome_of(refund: Resolution) -> str:
    """Return in English what staff must know of a refund that was asked for; empty if the gateway has accepted it."""
    if refund.awaits_approval:
        return "waits for a second person, who confirms it in the admin"
    if refund.status == ResolutionStatus.SUCCEEDED:
        return f"was accepted, but not as requested: {refund.error}" if refund.error else ""
    if refund.status == ResolutionStatus.FAILED:
        return f"has failed: {refund.error}"
    return "was sent, but its result is not known yet. Do not send it again: it is booked when the gateway shows it"


def check_url(name: str, arguments: list[Any], *, include: str, check_id: str) -> list[CheckMessage]:
    """Return an error if the URLs of an adapter are not mounted: its pages, and links to them, would fail."""
    try:
        reverse(name, args=arguments)
    except NoReverseMatch:
        text = f'the URL "{name}" cannot be found, and without it nothing can be paid'
        return [Error(text, hint=f'Add path("...", include("{include}")) to the URLs.', id=check_id)]
    return []
