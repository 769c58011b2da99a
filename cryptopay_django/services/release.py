"""Letting go of what is held here: out of quarantine, or a shortfall accepted. No call to the gateway."""

from __future__ import annotations

from django.utils import timezone

from ..exceptions import ReleaseError
from ..models import EventKind, Invoice, InvoiceEvent, InvoiceStatus
from ..models.locking import write_transaction
from .events import SIGNALS, new_event, write_events
from .handover import hand_over_events
from .merge import status_event


def release_invoice(invoice: Invoice, *, actor: str, reason: str, accept_shortfall: bool = False) -> Invoice:
    """Take an invoice out of quarantine, or accept that it was settled short; return the row as it is then.

    What was held back while it was quarantined is told now: the signal of the status it is in, unless
    the shop has had it. `accept_shortfall` makes that invoice_completed for a settlement below the
    ordered amount. `actor` and `reason` go into the timeline. Locks and commits; calls nobody. The
    permission `cryptopay_django.release_invoice` is the caller's to check. Raises ReleaseError.
    """
    if not reason.strip():
        raise ReleaseError(f"releasing invoice {invoice.pk} needs a reason")
    now = timezone.now()
    with write_transaction(Invoice):
        locked = Invoice.objects.lock(pk=invoice.pk)
        if locked is None:
            raise ReleaseError(f"invoice {invoice.pk} does not exist any more")
        signalled = InvoiceEvent.objects.primary().filter(invoice=locked, kind__in=SIGNALS)
        told = set(signalled.values_list("kind", flat=True))
        is_accepting = accept_shortfall and locked.status == InvoiceStatus.COMPLETED
        if not locked.quarantine_reason and not (is_accepting and EventKind.INVOICE_COMPLETED not in told):
            raise ReleaseError(f"invoice {invoice.pk} is neither quarantined nor settled short")
        detail = {"reason": reason, "was": locked.quarantine_reason, "shortfall_accepted": is_accepting}
        events = [new_event(locked, EventKind.INVOICE_RELEASED, at=now, actor=actor, detail=detail)]
        if locked.status != InvoiceStatus.NEW:
            due = status_event(locked, at=now, is_shortfall_accepted=is_accepting)
            if due.kind not in told or due.once is None:
                events.append(due)
        locked.quarantine_reason = ""
        locked.version += 1
        locked.save(update_fields=["quarantine_reason", "version", "updated_at"])
        write_events(events)
    hand_over_events(locked, events)
    return locked
