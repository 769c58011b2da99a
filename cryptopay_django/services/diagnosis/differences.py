"""Explains where our row of an invoice differs from the gateway's answer."""

from __future__ import annotations

from decimal import Decimal

from ...gateway.schemas import InvoiceSnapshot
from ...models import Invoice, InvoiceStatus
from ..snapshots.compare import contradictions


def explain_drift(invoice: Invoice, snapshot: InvoiceSnapshot) -> list[str]:
    """Return field by field how our row differs from what the gateway says; empty when it does not."""
    compared: list[tuple[str, object, object]] = [
        ("status", invoice.status, snapshot.status),
        ("status_context", invoice.status_context, snapshot.status_context or ""),
        ("paid_amount", invoice.paid_amount, snapshot.paid_amount),
        ("gateway_id", invoice.gateway_id, snapshot.id),
    ]
    if invoice.status == snapshot.status == InvoiceStatus.COMPLETED:
        compared.append(("settled_amount", invoice.settled_amount, snapshot.price_amount))
    ours_of = {payment.txid for payment in invoice.payments.all()}
    theirs_of = {transaction.txid for transaction in snapshot.transactions}
    if ours_of != theirs_of:
        compared.append(("transactions", f"{len(ours_of)} known", f"{len(theirs_of)} known"))
    differences = [
        f"{name} is {_spell(ours)} here and {_spell(theirs)} there"
        for name, ours, theirs in compared
        if ours != theirs
    ]
    return differences + contradictions(invoice, snapshot)


def _spell(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value or "empty")
