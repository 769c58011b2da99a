"""Keeps the sources of an order: one for each of its invoices, with what came in and went back, booked once.

A source without a reference marks an order that is to be paid in coins and has no invoice yet. What books on a source
needs the lock of the order.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import F, Sum
from oscar.core.loading import get_model

from cryptopay_django.adapters import in_cents
from cryptopay_django.models import Invoice

Source, SourceType, Transaction = (get_model("payment", name) for name in ("Source", "SourceType", "Transaction"))

CODE, NAME = "cryptopay", "Cryptopay"
"""Oscar's source type."""


def expect_coins(order: Any) -> None:
    """Mark an order as one that is to be paid in coins: only then its customer can choose one. Safe to repeat."""
    if not expects_coins(order):
        order.sources.create(source_type=_source_type(), currency=order.currency)


def expects_coins(order: Any) -> bool:
    """Return whether an order is to be paid in coins, or was."""
    return bool(order.sources.filter(source_type__code=CODE).exists())


def source_of(order: Any, invoice: Invoice) -> Any:
    """Return the Source of an invoice, made if need be. The first one takes the mark of the order."""
    kind, key = _source_type(), str(invoice.pk)
    label = f"{invoice.pay_currency} {invoice.network}".strip()
    known = order.sources.filter(source_type=kind)
    known.filter(reference="").update(reference=key, currency=invoice.price_currency, label=label)
    new = {"currency": invoice.price_currency, "label": label}
    return known.get_or_create(reference=key, defaults={**new, "order": order, "source_type": kind})[0]


def credit(order: Any, invoice: Invoice) -> None:
    """Book what the gateway has credited for an invoice, once."""
    source, reference = source_of(order, invoice), str(invoice.gateway_id)
    if not has(source, Transaction.DEBIT, reference):
        debit(source, in_cents(invoice.settled_amount, ROUND_HALF_UP), reference, status="credited")


def debit(source: Any, amount: Decimal, reference: str, *, status: str) -> None:
    """Book an amount that came in: authorised and debited at once, because coins cannot be reserved."""
    source.allocate(amount, reference=reference, status=status)
    source.debit(amount, reference=reference, status=status)


def has(source: Any, kind: str, reference: str) -> bool:
    """Return whether a source has a transaction of this kind with this reference."""
    return bool(source.transactions.filter(txn_type=kind, reference=reference).exists())


def kept_of(order: Any) -> Decimal:
    """Return what came in for an order in its currency, less what was sent back."""
    sources = order.sources.filter(source_type__code=CODE, currency=order.currency)
    kept = sources.aggregate(kept=Sum(F("amount_debited") - F("amount_refunded")))["kept"]
    return in_cents(kept, ROUND_HALF_UP)


def _source_type() -> Any:
    return SourceType.objects.get_or_create(code=CODE, defaults={"name": NAME})[0]
