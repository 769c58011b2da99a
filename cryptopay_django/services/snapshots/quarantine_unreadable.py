"""Quarantines an invoice if the gateway's answer about it lacks a fact, or one that can be read."""

from __future__ import annotations

from uuid import UUID

from django.utils import timezone

from ...exceptions import GatewayAnswerError, WireError
from ...models import EventKind, Invoice
from ...models.locking import retried_while_locked, write_transaction
from ..events.outbox import new_event, write_events


def lacks_a_fact(error: GatewayAnswerError) -> bool:
    """Return whether the gateway itself answered about an invoice, and a fact in the answer cannot be read.

    The page of a proxy is no such answer: it says nothing of the invoice. Nor does one without an `id` that can be
    read, like one with the id of another invoice.
    """
    cause = error.__cause__
    return isinstance(cause, WireError) and cause.field.startswith("data.") and cause.field != "data.id"


@retried_while_locked
def quarantine_unreadable(invoice_id: UUID, error: GatewayAnswerError) -> None:
    """Quarantine an invoice if the gateway's answer about it lacks a fact. Commits; locks the invoice."""
    if not lacks_a_fact(error):
        return
    now = timezone.now()
    with write_transaction(Invoice):
        invoice = Invoice.objects.lock(pk=invoice_id)
        if invoice is not None and not invoice.quarantine_reason:
            reason = f"what the gateway says of it cannot be read: {error.__cause__}"
            Invoice.objects.change(invoice, quarantine_reason=reason, version=invoice.version + 1, updated_at=now)
            write_events([new_event(invoice, EventKind.INVOICE_QUARANTINED, at=now, detail={"reason": reason})])
