"""Finds our invoice at the gateway. An equal custom_id is no proof: another shop can have used it."""

from __future__ import annotations

from ...exceptions import ForeignInvoiceError
from ...gateway.schemas import InvoiceSnapshot
from ...models import Invoice
from ..accounts import client_of
from .compare import is_proven


def find_at_gateway(invoice: Invoice, *, timeout: float | None = None) -> InvoiceSnapshot:
    """Return what the gateway has under our custom_id, if it is ours.

    Raises GatewayNotFoundError where it has nothing, ForeignInvoiceError where it has an invoice of another
    shop, another database or an earlier time; GatewayError when there is no answer.
    """
    snapshot = client_of(invoice).retrieve_invoice_by_custom_id(invoice.custom_id, timeout=timeout)
    if not is_proven(invoice, snapshot):
        raise ForeignInvoiceError(
            f"custom_id {invoice.custom_id} names invoice {snapshot.id} at the gateway, which was not made for "
            f"{invoice.pk}: it belongs to another shop on this account, or to a database that is gone. Use another "
            "custom_id, or leave it out"
        )
    return snapshot
