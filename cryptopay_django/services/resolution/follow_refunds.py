"""Follows refunds: reads the gateway's list of an invoice's refunds again until every fact is there.

An invoice is due at `refunds_due_at`. A merge sets it only when the gateway shows that money went back, so other
invoices cost no call. Any number of processes may run this side by side.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from ...conf import app_settings
from ...exceptions import CryptopayError
from ...fields import EXACT
from ...gateway.lists import Page
from ...gateway.schemas import Refund as ShownRefund
from ...logs import about
from ...models import Invoice, InvoiceEvent, InvoiceStatus, Refund, RefundStatus
from ...models.locking import write_transaction
from ..accounts import client_of
from ..events.delivery import deliver_or_dispatch
from ..snapshots.refund_rows import fail_missing, followed_invoices, refunds_of, returned_amount, take_refunds

logger = logging.getLogger("cryptopay_django")

FOLLOWED_FOR = timedelta(days=14)
"""For how long late facts are asked for after the newest refund, or after the end of the invoice."""

LEASE = timedelta(seconds=60)
"""For how long an invoice in work is left alone by everybody else."""

_SHORTEST_PAUSE = timedelta(minutes=1)
_MOST_FAILURES = 3


def follow_refunds(limit: int = 20, *, deadline: float | None = None) -> int:
    """Read the refunds of every invoice that is due, and deliver what comes of it; return how many were read.

    `deadline` is on `time.monotonic()`: no call outlasts it. A failure is logged, and tried again later. After a few
    of them in a row the others are left for later too: the gateway may be down, and each call waits for it.
    """
    done = failed = 0
    due = followed_invoices().filter(refunds_due_at__lte=timezone.now()).order_by("refunds_due_at", "pk")
    for invoice in due[:limit]:
        left = None if deadline is None else min(deadline - time.monotonic(), app_settings.TOTAL_TIMEOUT)
        if failed == _MOST_FAILURES or (left is not None and left < 0.5):
            break
        if _claim(invoice):
            is_read = _follow(invoice, timeout=left, deadline=deadline)
            done, failed = done + is_read, 0 if is_read else failed + 1
    return done


def _follow(invoice: Invoice, *, timeout: float | None, deadline: float | None) -> bool:
    """Read the refunds of one claimed invoice; return whether that was possible. Otherwise it is due again later."""
    asked_at = timezone.now()
    try:
        page = client_of(invoice).list_refunds(str(invoice.gateway_id), timeout=timeout)
        locked, events = _take(invoice, page, at=asked_at)
    except CryptopayError as error:
        extra = about(invoice)
        logger.warning("invoice %s: its refunds could not be read, later again: %s", invoice.pk, error, extra=extra)
    except Exception:
        # One invoice whose refunds cannot be taken in must not keep the others from it.
        logger.exception(
            "invoice %s: its refunds could not be taken in, later again", invoice.pk, extra=about(invoice)
        )
    else:
        deliver_or_dispatch(locked, events, deadline=deadline)
        return True
    now = timezone.now()
    Invoice.objects.filter(pk=invoice.pk, refunds_due_at=invoice.refunds_due_at).update(
        refunds_due_at=now + _pause(now - (invoice.finished_at or invoice.updated_at))
    )
    return False


def _take(invoice: Invoice, page: Page[ShownRefund], *, at: datetime) -> tuple[Invoice, list[InvoiceEvent]]:
    """Take a list, asked for at that time, into the rows under the invoice's lock, and set when it is read next."""
    with write_transaction(Invoice):
        locked = Invoice.objects.lock(pk=invoice.pk)
        if locked is None:
            return invoice, []
        events = take_refunds(locked, page, at=at)
        rows = refunds_of(locked)
        since = rows[-1].created_at if rows else locked.finished_at or locked.updated_at
        is_over = at - since >= FOLLOWED_FOR
        is_taken_back = locked.finished_at is not None and not locked.is_final
        if is_over or is_taken_back:
            events += fail_missing(rows, page.ids, at=at)
        if locked.refunds_due_at == invoice.refunds_due_at:  # a merge meanwhile makes it due at once
            is_done = is_over or _is_complete(locked, rows)
            Invoice.objects.change(locked, refunds_due_at=None if is_done else at + _pause(at - since))
    return locked, events


def _is_complete(invoice: Invoice, rows: Sequence[Refund]) -> bool:
    """Return whether the rows explain what went back, and each has its transaction."""
    expected = invoice.paid_amount
    if invoice.status == InvoiceStatus.COMPLETED:
        expected = EXACT.subtract(invoice.paid_amount, invoice.pay_amount or Decimal(0))
    is_explained = not invoice.is_final or returned_amount(invoice, rows) >= expected
    return bool(rows) and is_explained and all(row.txid or row.status == RefundStatus.FAILED for row in rows)


def _pause(age: timedelta) -> timedelta:
    return max(_SHORTEST_PAUSE, age / 2)


def _claim(invoice: Invoice) -> bool:
    """Take a due invoice into work by compare-and-swap; it falls due again if this process dies."""
    until = timezone.now() + LEASE
    seen = Invoice.objects.filter(pk=invoice.pk, refunds_due_at=invoice.refunds_due_at)
    if not seen.update(refunds_due_at=until):
        return False
    invoice.refunds_due_at = until
    return True
