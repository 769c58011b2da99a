"""Completed invoices whose goods come back, and what the gateway has of the money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone

from cryptopay_django.models import Invoice, Resolution
from cryptopay_django.services import create_invoice, process_overdue, quote_refund, refresh_invoice, refund_invoice
from cryptopay_django.services.resolution.refundable_amount import refundable_amount_of
from cryptopay_django.services.snapshots.refund_rows import refunds_of
from cryptopay_django.testing.inprocess import InProcessSandbox

from .desk import ADDRESS

PREVIEW = r"POST /api/coin_withdrawals"
COMMIT = r"POST /api/coin_withdrawals/.*/commit"
READING = r"GET /api/coin_withdrawals/.*"


def completed(sandbox: InProcessSandbox, *, factor: str = "1", funds: str = "1000", **order: Any) -> Invoice:
    """Return a completed invoice of 100 EUR in BTC; the merchant's account in EUR has funds besides."""
    invoice = create_invoice(**{"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC", **order})
    sandbox.pay(invoice, factor=factor)
    sandbox.confirm(invoice)
    if Decimal(funds):
        sandbox.deposit(invoice.price_currency, funds)
    invoice = refresh_invoice(invoice)
    if factor == "1":
        assert invoice.status == "completed"
    sandbox.deliver()
    return Invoice.objects.get(pk=invoice.pk)


def quoted(invoice: Invoice, amount: str | None = "50", **asked: Any) -> Any:
    """Return a quote for an amount in EUR."""
    return quote_refund(
        invoice, **{"amount": None if amount is None else Decimal(amount), "address": ADDRESS, **asked}
    )


def send_back(invoice: Invoice, amount: str | None = "50", **asked: Any) -> Resolution:
    """Refund an amount at a quote made now."""
    return refund_invoice(invoice, actor="ada", reason="a mug came back", quote=quoted(invoice, amount, **asked))


def left(invoice: Invoice) -> Any:
    """Return what of an invoice can still be sent back."""
    row = Invoice.objects.get(pk=invoice.pk)
    return refundable_amount_of(row, refunds_of(row))


def committed(sandbox: InProcessSandbox) -> list[Any]:
    """Return the withdrawals that the gateway has, previews left out, oldest first."""
    return [one for one in reversed(sandbox.withdrawals()) if not one.is_preview]


def work() -> None:
    """Do what a worker does when every pause is over."""
    now = timezone.now()
    Invoice.objects.filter(refunds_due_at__isnull=False).update(refunds_due_at=now)
    Resolution.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=now)
    process_overdue()


def arrive(sandbox: InProcessSandbox) -> None:
    """Let the coins of every withdrawal arrive, and everybody hear of it."""
    for _ in range(3):
        sandbox.advance(minutes=15)
        sandbox.deliver()
        work()
