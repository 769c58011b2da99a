"""Restores an invoice that `missing_invoices.py` has found, if a person decides so. Its row was lost with a backup."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from django.db import models

from ...conf import client_for
from ...exceptions import InvoiceRequestError, PriceSealError
from ...gateway.schemas import InvoiceSnapshot
from ...models import Invoice
from ..events.deliver import deliver_or_dispatch
from ..invoices.create import ordered_invoice
from ..invoices.create_at_gateway import write_first
from ..snapshots.apply import apply_snapshot
from ..snapshots.compare import OUR_KEY
from .missing_invoices import MissingInvoice


def restore_invoice(
    missing: MissingInvoice,
    order: models.Model | None = None,
    *,
    price_amount: Decimal | int | str,
    price_currency: str,
) -> Invoice:
    """Write the row of an invoice that the gateway has and we have lost, and return it with what has happened to it.

    Only a person can say that it is this order's: check it, and give the price that the order has. The row
    gets its old id, so that the customer's link works again. Commits, and delivers events: those that were
    delivered before the fall have the same uuid. Raises InvoiceRequestError when the row is here, PriceSealError
    when the gateway has another price: then the invoice is quarantined.
    """
    snapshot = client_for(missing.account).retrieve_invoice(str(missing.gateway.id))
    invoice = ordered_invoice(
        order,
        price_amount=price_amount,
        price_currency=price_currency,
        pay_currency=snapshot.pay_currency,
        network=snapshot.network,
        account=missing.account,
        custom_id=snapshot.custom_id,
    )
    invoice.id = _our_id(snapshot) or invoice.id
    known = Invoice.objects.primary().filter(pk=invoice.pk)
    if known.exists() or write_first(invoice, order) is not invoice:
        raise InvoiceRequestError(f"invoice {snapshot.id} of account {missing.account} is here already")
    applied = apply_snapshot(invoice.pk, snapshot)
    if applied is None:
        raise InvoiceRequestError(f"the row of invoice {invoice.pk} was deleted meanwhile")
    deliver_or_dispatch(applied.invoice, applied.events)
    if reason := applied.invoice.quarantine_reason:
        raise PriceSealError(f"invoice {invoice.pk} ({invoice.custom_id}) is held for a person: {reason}")
    return applied.invoice


def _our_id(snapshot: InvoiceSnapshot) -> UUID | None:
    """Return the id that the invoice carries at the gateway, if it does."""
    try:
        return UUID((snapshot.metadata or {}).get(OUR_KEY, ""))
    except ValueError:
        return None
