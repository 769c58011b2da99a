"""Notes invoices whose time is up without a payment: the gateway has no status for it, and sends no callback."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Exists, F, OuterRef

from ...conf import account_names, app_settings
from ...models import EventKind, Invoice, InvoiceEvent, InvoiceStatus, Payment
from ...models.locking import write_transaction
from ..events.outbox import new_event, write_events

_NOT_OLDER = timedelta(days=1)
_LONGEST = timedelta(days=3)
"""How long an invoice may be payable and still be found: an index of creation times limits the search."""

EXPIRED = "expired"


def note_expired_invoices(now: datetime, *, limit: int = 100) -> int:
    """Write the event `invoice_expired` for each invoice whose customer gets a mail about it; return how many.

    Only once the gateway was asked after the time was up, and has not seen a payment either. Those that expired more
    than a day ago are left out. One transaction for each.
    """
    accounts = [name for name in account_names() if EXPIRED in app_settings.of(name).CUSTOMER_MAILS]
    if not accounts:
        return 0
    found = Invoice.objects.primary().filter(
        ~Exists(InvoiceEvent.objects.filter(subject=OuterRef("pk"), once=EventKind.INVOICE_EXPIRED)),
        ~Exists(Payment.objects.filter(invoice=OuterRef("pk"))),
        status=InvoiceStatus.NEW,
        created_at__gt=now - _LONGEST,
        account__in=accounts,
        quarantine_reason="",
        paid_amount=0,
        expires_at__gt=now - _NOT_OLDER,
        expires_at__lte=now,
        polled_at__gt=F("expires_at"),
    )
    return sum(_note(invoice, now) for invoice in found.order_by("created_at")[:limit])


def _note(invoice: Invoice, now: datetime) -> bool:
    event = new_event(invoice, EventKind.INVOICE_EXPIRED, at=now, once=EventKind.INVOICE_EXPIRED)
    try:
        with write_transaction(InvoiceEvent):
            write_events([event])
    except IntegrityError:  # another process was faster
        return False
    return True
