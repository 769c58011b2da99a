"""Writes the events for the customer's mail "expired". It does not decide what the page shows after the expiry.

`_open_state` in `customer_state.py` decides that, and `pages/state_texts.py` has the texts. The gateway has no status
for an invoice that expires without a payment, and sends no callback about it.
"""

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
"""An invoice that was created longer ago is not found. The limit lets the search use the index of creation times."""

EXPIRED = "expired"


def note_expired_invoices(now: datetime, *, limit: int = 100) -> int:
    """Write the event `invoice_expired` for each invoice whose customer gets a mail about it; return how many.

    An event is written only if the gateway was asked after the expiry, and had not seen a payment either. Invoices
    that expired more than a day ago are skipped. Each event has a transaction of its own.
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
