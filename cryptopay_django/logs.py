"""Adds to the log what it needs to know about an invoice: the fields that each message carries for formatters.

A message names ids and states. Never a secret, a signature, a body, or a customer's data.
Which messages there are stands in docs/logging.md.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import router, transaction

if TYPE_CHECKING:
    from .models import Invoice

logger = logging.getLogger("cryptopay_django")


def about(invoice: Invoice | UUID | None = None, **more: Any) -> dict[str, object]:
    """Return the `extra` of a message: the id of its invoice, the account where it is known, and more fields."""
    known: dict[str, object] = {}
    if isinstance(invoice, UUID):
        known["invoice_id"] = str(invoice)
    elif invoice is not None:
        known |= {"invoice_id": str(invoice.pk), "account": invoice.account}
    return known | more


def named(invoice: Invoice | UUID | None) -> str:
    """Return how a message about something else calls the invoice that it concerns."""
    return "no invoice" if invoice is None else f"invoice {invoice if isinstance(invoice, UUID) else invoice.pk}"


def once_committed(model: type[Any], level: int, message: str, *values: object, extra: dict[str, object]) -> None:
    """Log when the transaction that writes to this model has been committed; never when it was rolled back."""

    def write() -> None:
        logger.log(level, message, *values, extra=extra)

    if logger.isEnabledFor(level):
        transaction.on_commit(write, using=router.db_for_write(model), robust=True)
