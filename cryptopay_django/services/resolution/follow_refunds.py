"""Reads the gateway's list of an invoice's refunds again until every fact is there, such as the transaction.

An invoice is due at `refunds_due_at`. A merge sets it only when the gateway shows that money went back, so other
invoices cost no call. Any number of processes may run this side by side.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from ...exceptions import CryptopayError, GatewayNotFoundError
from ...fields import EXACT
from ...gateway.lists import Page
from ...gateway.rate_limit import Purpose, calling_for
from ...gateway.schemas import Refund as ShownRefund
from ...logs import about
from ...models import Invoice, InvoiceEvent, InvoiceStatus, Refund, RefundStatus, Resolution
from ...models.locking import write_transaction
from ..accounts import client_of
from ..events.deliver import deliver_or_dispatch
from ..snapshots.refund_rows import fail_missing, followed_invoices, refunds_of, returned_amount, store_refunds
from ..time_for_a_call import is_time_for_a_call, time_for_a_call
from .judge_outcome import NOT_AS_ASKED, oddities_of_refund
from .resolution_row import lock_resolution, raise_alarm
from .unknown_outcome import take_shown_withdrawal

logger = logging.getLogger("cryptopay_django")

FOLLOWED_FOR = timedelta(days=14)
"""For how long late facts are asked for after the newest refund, or after the end of the invoice."""

LEASE = timedelta(seconds=60)
"""For how long an invoice in work is left alone by everybody else."""

_SHORTEST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(days=1)
_MOST_FAILURES = 3


@calling_for(Purpose.RECONCILIATION)
def follow_refunds(limit: int = 20, *, deadline: float | None = None) -> int:
    """Read the refunds of every invoice that is due, and deliver what comes of it; return how many were read.

    `deadline` is on `time.monotonic()`: no call outlasts it. A failure is logged, and tried again later. After a few
    of them in a row the others are left for later too: the gateway may be down, and each call waits for it.
    """
    done = failed = 0
    due = followed_invoices().filter(refunds_due_at__lte=timezone.now()).order_by("refunds_due_at", "pk")
    for invoice in due[:limit]:
        if failed == _MOST_FAILURES or not is_time_for_a_call(deadline):
            break
        if Invoice.objects.claim(invoice, "refunds_due_at", timezone.now() + LEASE):
            is_read = _follow(invoice, deadline=deadline)
            done, failed = done + is_read, 0 if is_read else failed + 1
    return done


def read_refunds(invoice: Invoice) -> bool:
    """Read the refunds of one invoice now, unless all is known; return False if that was not possible.

    It is then due again later. Another process may read them at the same time: the same facts count once.
    """
    if invoice.refunds_due_at is None or not Invoice.objects.claim(invoice, "refunds_due_at", timezone.now() + LEASE):
        return True
    return _follow(invoice, deadline=None)


def _follow(invoice: Invoice, *, deadline: float | None) -> bool:
    """Read the refunds of one claimed invoice; return whether that was possible. Otherwise it is due again later."""
    asked_at = timezone.now()
    try:
        for row in refunds_of(invoice):
            if row.resolution is not None and row.is_withdrawal and not _is_known(row):
                _read_withdrawal(row, row.resolution, deadline=deadline)
        page = client_of(invoice).list_refunds(str(invoice.gateway_id), timeout=time_for_a_call(deadline))
        locked, events = _take(invoice, page, at=asked_at)
    except CryptopayError as error:
        extra = about(invoice)
        logger.warning(
            "invoice %s: its refunds could not be read; this will be retried: %s", invoice.pk, error, extra=extra
        )
    except Exception:
        # One invoice whose refunds cannot be taken in must not keep the others from it.
        logger.exception(
            "invoice %s: its refunds could not be stored; this will be retried", invoice.pk, extra=about(invoice)
        )
    else:
        deliver_or_dispatch(locked, events, deadline=deadline)
        return True
    now = timezone.now()
    Invoice.objects.claim(invoice, "refunds_due_at", now + _pause(now - (invoice.finished_at or invoice.updated_at)))
    return False


def _read_withdrawal(row: Refund, decision: Resolution, *, deadline: float | None) -> None:
    """Bring the refund of a completed invoice up to date; one that the gateway does not find stays as it is."""
    try:
        shown = client_of(row.invoice).retrieve_withdrawal(row.gateway_id, timeout=time_for_a_call(deadline))
    except GatewayNotFoundError as error:
        # The others of the invoice must not wait for it.
        words = "invoice %s: withdrawal %s was not found; this will be retried: %s"
        logger.warning(words, row.invoice_id, row.gateway_id, error, extra=about(row.invoice))
        return
    take_shown_withdrawal(decision, shown, deadline=deadline)


def _take(invoice: Invoice, page: Page[ShownRefund], *, at: datetime) -> tuple[Invoice, list[InvoiceEvent]]:
    """Take a list, asked for at that time, into the rows under the invoice's lock, and set when it is read next."""
    with write_transaction(Invoice):
        locked = Invoice.objects.lock(pk=invoice.pk)
        if locked is None:
            return invoice, []
        events = store_refunds(locked, page, at=at)
        rows = refunds_of(locked)
        _compare(rows, page, at=at)
        since = rows[-1].created_at if rows else locked.finished_at or locked.updated_at
        is_over = at - since >= FOLLOWED_FOR and not any(map(_is_open_withdrawal, rows))
        is_taken_back = locked.finished_at is not None and not locked.is_final
        if is_over or is_taken_back:
            events += fail_missing(rows, page.ids, at=at)
        if locked.refunds_due_at == invoice.refunds_due_at:  # a merge meanwhile makes it due at once
            is_done = is_over or _is_complete(locked, rows)
            pause = min(_pause(at - since), _LONGEST_PAUSE)
            Invoice.objects.change(locked, refunds_due_at=None if is_done else at + pause)
    return locked, events


def _compare(rows: Sequence[Refund], page: Page[ShownRefund], *, at: datetime) -> None:
    """Write down, with an alarm, what the list shows of a refund otherwise than a person here has asked for.

    The answer to the call may have been as asked. The invoice is locked.
    """
    shown = {one.id: one for one in page}
    for row in rows:
        if row.resolution is None or row.gateway_id not in shown:
            continue
        decision = lock_resolution(row.resolution)
        known = decision.result.get(NOT_AS_ASKED, "")
        odd = [why for why in oddities_of_refund(decision, shown[row.gateway_id]) if why not in known]
        if odd:
            why = "; ".join(filter(None, [known, *odd]))
            decision.result = {**decision.result, NOT_AS_ASKED: why}
            decision.error = why[:2000]
            Resolution.objects.write(decision)
            raise_alarm(decision, why, at=at, about="list")


def _is_complete(invoice: Invoice, rows: Sequence[Refund]) -> bool:
    """Return whether the rows explain what went back, and each has its transaction."""
    expected = invoice.paid_amount
    if invoice.status == InvoiceStatus.COMPLETED:
        expected = EXACT.subtract(invoice.paid_amount, invoice.pay_amount or Decimal(0))
    is_explained = not invoice.is_final or returned_amount(invoice, rows) >= expected
    return bool(rows) and is_explained and all(map(_is_known, rows))


def _is_known(row: Refund) -> bool:
    """Return whether nothing more is to be learned of a refund."""
    if row.status == RefundStatus.FAILED:
        return True
    return bool(row.txid) and not (row.is_withdrawal and row.status == RefundStatus.PENDING)


def _is_open_withdrawal(row: Refund) -> bool:
    """Return whether a refund is a withdrawal that has not ended. It is followed for as long as that takes."""
    return row.is_withdrawal and row.status == RefundStatus.PENDING


def _pause(age: timedelta) -> timedelta:
    return max(_SHORTEST_PAUSE, age / 2)
