"""Makes the parameters of a call from the quote that a person saw. Refuses an old quote, or one of another invoice."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.utils import timezone

from ...exceptions import (
    InvoiceChangedError,
    QuoteExpiredError,
)
from ...fields import EXACT, canonical
from ...models import Invoice
from .judge_outcome import SETTLEMENT, WITHDRAWAL
from .refund_quote import RefundQuote, parameters_of
from .refundable_amount import unit_of
from .settlement_quote import SettlementQuote

DRIFT = Decimal("0.05")
"""How much more than the first person saw the refund of a completed invoice may charge when the second confirms it."""


def version_of(quote: SettlementQuote | RefundQuote, invoice: Invoice, expected_version: int | None) -> int:
    """Check a quote before anything else is done with it; return the version it was made for."""
    if quote.invoice_id != invoice.pk:
        raise QuoteExpiredError(f"the quote is for invoice {quote.invoice_id}, not {invoice.pk}")
    if expected_version is not None and quote.invoice_version != expected_version:
        raise InvoiceChangedError(f"invoice {invoice.pk} has changed since the quote was made. Ask for another")
    if quote.is_expired(timezone.now()):
        raise QuoteExpiredError(f"the quote for invoice {invoice.pk} has expired: ask for another, nothing was sent")
    return quote.invoice_version


def commit_of(quote: SettlementQuote) -> dict[str, Any]:
    """Return what is asked of the gateway, with the figures that the person saw, as JSON."""
    if quote.is_expired(timezone.now()):
        raise QuoteExpiredError(f"the quote for invoice {quote.invoice_id} has expired: ask for another")
    amounts = {
        name: None if (value := getattr(quote, name)) is None else f"{value:f}"
        for name in ("credited_amount", "ordered_amount", "shortfall_amount", "exchange_rate", "fee_amount")
    }
    return {
        "call": SETTLEMENT,
        "refund_overage": False,
        "recalculation_id": str(quote.recalculation_id),
        "price_currency": quote.price_currency,
        "fee_currency": quote.fee_currency,
        "quote_expires_at": quote.expires_at.isoformat(),
        **amounts,
    }


def withdrawal_of(invoice: Invoice, quote: RefundQuote) -> dict[str, Any]:
    """Return what is asked of the gateway; raise QuoteExpiredError where it would refuse it."""
    if quote.is_expired(timezone.now()):
        raise QuoteExpiredError(f"the quote for invoice {quote.invoice_id} has expired: ask for another")
    unit = unit_of(invoice, quote.charged_currency)
    most = EXACT.multiply(quote.charged_amount, 1 + DRIFT).quantize(unit, rounding=ROUND_DOWN, context=EXACT)
    most = max(most, quote.charged_amount)
    return {"call": WITHDRAWAL, "refund_overage": False, "most_charged_amount": f"{canonical(most):f}",
            **parameters_of(quote)}  # fmt: skip
