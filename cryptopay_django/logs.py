"""Adds fields about an invoice to log records, for formatters.

A message contains ids and states, but never a secret, a signature, a body or a customer's data.
docs/logging.md lists all messages.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import router, transaction

if TYPE_CHECKING:
    from .models import Invoice, InvoiceEvent

logger = logging.getLogger("cryptopay_django")


def about(invoice: Invoice | UUID | None = None, **more: Any) -> dict[str, object]:
    """Return the `extra` of a message: the id of its invoice, the account if known, and further fields."""
    known: dict[str, object] = {}
    if isinstance(invoice, UUID):
        known["invoice_id"] = str(invoice)
    elif invoice is not None:
        known |= {"invoice_id": str(invoice.pk), "account": invoice.account}
    return known | more


def about_event(event: InvoiceEvent, **more: Any) -> dict[str, object]:
    """Return the `extra` of a message about an event: the ids of what the event is about, and more fields."""
    if event.invoice_id is not None:
        known = about(event.invoice if type(event).invoice.is_cached(event) else event.invoice_id)
    else:
        ids = {"channel_payment_id": event.channel_payment_id, "callback_id": event.callback_id}
        known = {name: str(key) for name, key in ids.items() if key is not None}
    return known | more


def named(invoice: Invoice | UUID | None) -> str:
    """Return the text that names an invoice in a message about something else."""
    return "no invoice" if invoice is None else f"invoice {invoice if isinstance(invoice, UUID) else invoice.pk}"


def once_committed(model: type[Any], level: int, message: str, *values: object, extra: dict[str, object]) -> None:
    """Log after the transaction of this model's database is committed. If it is rolled back, do not log."""

    def write() -> None:
        logger.log(level, message, *values, extra=extra)

    if logger.isEnabledFor(level):
        transaction.on_commit(write, using=router.db_for_write(model), robust=True)
