"""Finds out what became of a settlement or refund that got no clear answer. Only reads: no call here moves money.

1. `send.py` has marked the resolution `unknown`. The request may have taken effect, so it is never sent again. The
   resolution stays active, so the invoice can have no other one.
2. It is due at once. `resolve_pending_resolutions` claims it, in any process that looks for due work
   (`services/worker/due_work.py`), and reads the invoice and its refunds (`read_once`).
3. `judge_outcome.py` decides what the data proves. Done, or not done: `write_outcome` ends the resolution. Nothing is
   proved: it stays open and is due again after a pause that grows (`_leave_open`).
4. After `STUCK_AFTER`, staff get a notice. After twenty minutes, a person may end it (`end_by_hand.py`). Then the
   gateway is still read for `WATCHED_FOR`. If it shows the effect after all, the resolution is active again, with an
   alarm (`_watch`, and `resume_locked` in `resolution_row.py`).

An accepted resolution is read in the same way until its invoice is final. Any number of processes may read for one
resolution: the first that has something to write locks the row and writes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from ...exceptions import CryptopayError, GatewayNotFoundError
from ...gateway.rate_limit import Purpose, calling_for
from ...gateway.schemas import Refund
from ...gateway.withdrawals import CoinWithdrawal
from ...logs import about
from ...models import EventKind, InvoiceEvent, Resolution, ResolutionStatus
from ...models.locking import write_transaction
from ..accounts import client_of
from ..backoff import backoff
from ..events.deliver import deliver_or_dispatch
from ..snapshots.apply import Applied, poll_invoice
from ..snapshots.refund_rows import expect_refunds
from ..snapshots.withdrawal_rows import CANCELLED, PREVIEW, reversal_of, take_withdrawal
from ..time_for_a_call import is_time_for_a_call, time_for_a_call
from .judge_outcome import (
    NOT_AS_ASKED,
    REFUND,
    WITHDRAWAL,
    Outcome,
    Verdict,
    oddities_of_withdrawal,
    outcome_of,
    outcome_of_withdrawal,
)
from .resolution_row import (
    LEASE,
    UNDECIDED,
    fail_locked,
    lock_resolution,
    mark_unknown_locked,
    note,
    raise_alarm,
    resume_locked,
)

logger = logging.getLogger("cryptopay_django")

STUCK_AFTER = timedelta(minutes=5)
"""After how long without an outcome staff are notified."""

WATCHED_FOR = timedelta(days=14)
"""How long the gateway is asked about a resolution that a person has ended: it keeps nothing open for longer."""

_LONGEST_PAUSE = timedelta(minutes=5)


def resolve_unknown(
    resolution: Resolution, *, timeout: float | None = None, deadline: float | None = None
) -> Resolution:
    """Read the invoice and its refunds, and end the resolution if that decides it; return the row as it is then.

    For a `sent` or `unknown` one, and for one that a person has ended, which is active again when the gateway shows
    a trace of it. Any other is returned as it is. Never sends anything. Safe to call again, and from two places at
    once. `timeout` is the seconds for all calls together; after `deadline`, on `time.monotonic()`, no event's delivery
    is begun. Raises GatewayError or InvoiceBusyError when nothing could be read.
    """
    row = Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)
    if row.status not in UNDECIDED and not row.is_followed_after_end:
        return row
    return read_once(row, timeout=timeout, deadline=deadline)[0]


def read_once(
    row: Resolution, *, timeout: float | None = None, deadline: float | None = None
) -> tuple[Resolution, Outcome]:
    """Ask the gateway about an undecided resolution and write down what it shows; return the row, and what that was.

    Raises GatewayError or InvoiceBusyError when nothing could be read.
    """
    if row.parameters["call"] == WITHDRAWAL:
        shown = find_withdrawal(row, timeout=timeout)
        if shown is not None:
            return take_shown_withdrawal(row, shown, deadline=deadline)
        outcome = outcome_of_withdrawal(row, None)
        return write_outcome(row, outcome), outcome
    taken, outcome = _read_outcome(row, timeout=timeout)
    row = write_outcome(row, outcome)
    deliver_or_dispatch(taken.invoice, taken.events, deadline=deadline)
    return row, outcome


def find_withdrawal(row: Resolution, *, timeout: float | None = None) -> CoinWithdrawal | None:
    """Return the withdrawal of a resolution, by its id or its custom_id; None where the gateway has neither."""
    client, asked, began = client_of(row.invoice), row.parameters, time.monotonic()
    try:
        shown = client.retrieve_withdrawal(asked["withdrawal_id"], timeout=timeout)
    except GatewayNotFoundError:
        shown = None
    if shown is not None and shown.status != PREVIEW:
        return shown
    left = None if timeout is None else timeout - (time.monotonic() - began)
    try:
        return client.retrieve_withdrawal_by_custom_id(asked["custom_id"], timeout=left)
    except GatewayNotFoundError:
        return shown


def take_shown_withdrawal(
    row: Resolution, shown: CoinWithdrawal, *, deadline: float | None = None
) -> tuple[Resolution, Outcome]:
    """Take what the gateway shows of a resolution's withdrawal into its refund, and end the resolution if it is open.

    Each is committed by itself, under the lock of the invoice. Another than what was asked, or an end that is taken
    back, is an alarm. Events are delivered then.
    """
    outcome = outcome_of_withdrawal(row, shown)
    now = timezone.now()
    with write_transaction(Resolution):
        locked = lock_resolution(row)
        odd, reversal = oddities_of_withdrawal(locked, shown), reversal_of(locked, shown)
        events = take_withdrawal(locked, shown, at=now)
        if shown.status != PREVIEW:
            expect_refunds(locked.invoice, at=now)
            if (
                locked.status == ResolutionStatus.FAILED
                and shown.status != CANCELLED
                and not locked.result.get(NOT_AS_ASKED)
            ):
                resume_locked(locked, at=now)
            if odd:
                raise_alarm(locked, "; ".join(odd), at=now)
            if reversal:
                raise_alarm(locked, reversal, at=now, about="reversal")
    written = write_outcome(locked, outcome)
    deliver_or_dispatch(locked.invoice, events, deadline=deadline)
    return written, outcome


def _read_outcome(row: Resolution, *, timeout: float | None = None) -> tuple[Applied, Outcome]:
    """Ask the gateway about the invoice and its refunds; return its answer, and what that says of a resolution."""
    began = time.monotonic()
    taken = poll_invoice(row.invoice, timeout=timeout)
    refunds: Sequence[Refund] = ()
    if row.parameters["call"] == REFUND and not row.result:
        left = None if timeout is None else timeout - (time.monotonic() - began)
        refunds = client_of(row.invoice).list_refunds(str(row.invoice.gateway_id), timeout=left)
        others = Resolution.objects.primary().filter(invoice_id=row.invoice_id).exclude(pk=row.pk)
        taken_ids = {str(result.get("refund_id")) for result in others.values_list("result", flat=True)}
        refunds = [refund for refund in refunds if str(refund.id) not in taken_ids]
    return taken, outcome_of(row, taken.snapshot, refunds)


@calling_for(Purpose.CONFIRMATION)
def resolve_pending_resolutions(limit: int = 20, *, deadline: float | None = None) -> int:
    """Look at every resolution that is due; return how many of them have ended.

    A planned one that nobody sent, because its process died, has failed: nothing left this machine. One
    that waits for a second person is never due. Any number of processes may run this side by side.
    `deadline` is on `time.monotonic()`: no call outlasts it.
    """
    ended = 0
    due = Resolution.objects.primary().filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at", "pk")
    for resolution in due[:limit]:
        if not is_time_for_a_call(deadline):
            break
        if not Resolution.objects.claim(resolution, "next_attempt_at", timezone.now() + LEASE):
            continue
        try:
            if resolution.status == ResolutionStatus.PLANNED:
                row = _abandon(resolution)
            else:
                row = resolve_unknown(resolution, timeout=time_for_a_call(deadline), deadline=deadline)
        except CryptopayError as error:
            row = write_outcome(resolution, Outcome(Verdict.OPEN, f"{type(error).__name__}: {error}"))
        except Exception as error:
            # One resolution that cannot be looked at must not keep the others from it.
            extra = about(resolution.invoice_id, resolution_id=str(resolution.pk))
            logger.exception(
                "invoice %s: the result of resolution %s could not be read; this will be retried",
                resolution.invoice_id,
                resolution.pk,
                extra=extra,
            )
            row = write_outcome(resolution, Outcome(Verdict.OPEN, f"{type(error).__name__}: {error}"))
        ended += bool(resolution.active) and row.active is None
    return ended


def write_outcome(resolution: Resolution, outcome: Outcome) -> Resolution:
    """Write down what was found, under the lock, unless somebody else has ended it."""
    now = timezone.now()
    with write_transaction(Resolution):
        row = lock_resolution(resolution)
        if outcome.is_traced and row.parameters["call"] == REFUND and not row.result:
            expect_refunds(row.invoice, at=now)
        if row.is_followed_after_end:
            _watch(row, outcome, at=now)
        if row.status not in UNDECIDED:
            return row
        row.attempts += 1
        if outcome.found and outcome.verdict is not Verdict.NOT_DONE:
            row.result = {**row.result, **outcome.found}
        odd = row.result.get(NOT_AS_ASKED, "")
        if outcome.verdict is Verdict.DONE:
            row.error = odd[:2000]
            row.succeed(at=now)
            Resolution.objects.write(row)
            note(row, EventKind.RESOLUTION_SUCCEEDED, at=now, why=outcome.why, **row.result)
        elif outcome.verdict is Verdict.NOT_DONE:
            fail_locked(row, outcome.why, at=now)
            odd = outcome.why if outcome.is_traced else ""
        else:
            _leave_open(row, outcome.why, at=now)
        if odd:
            raise_alarm(row, odd, at=now)
    return row


def _watch(row: Resolution, outcome: Outcome, *, at: datetime) -> None:
    """Look, for two weeks and ever more rarely, at a locked resolution that a person has ended."""
    row.attempts += 1
    others = Resolution.objects.primary().filter(invoice_id=row.invoice_id).exclude(pk=row.pk)
    is_there = outcome.is_traced or outcome.verdict is Verdict.DONE
    # What the gateway shows while another one is under way, or has succeeded, may be that one's.
    if is_there and not others.filter(Q(active=True) | Q(status=ResolutionStatus.SUCCEEDED)).exists():
        resume_locked(row, at=at)
        return
    age = at - (row.finished_at or at)
    row.next_attempt_at = None if age > WATCHED_FOR else at + max(_LONGEST_PAUSE, age / 10)
    Resolution.objects.write(row)


def _leave_open(row: Resolution, why: str, *, at: datetime) -> None:
    """Leave a locked resolution undecided, due again later; notify once when that takes long."""
    age = at - (row.sent_at or at)
    if row.status == ResolutionStatus.SENT and not row.result and age >= LEASE:
        mark_unknown_locked(row, "the process that sent it never returned with an answer", at=at)
    row.error = "; ".join(filter(None, [why, row.result.get(NOT_AS_ASKED)]))[:2000]
    row.next_attempt_at = at + min(backoff(row.attempts), max(_LONGEST_PAUSE, age / 10))
    Resolution.objects.write(row)
    once = f"{EventKind.RESOLUTION_STUCK}:{row.pk}"
    written = InvoiceEvent.objects.primary().filter(invoice=row.invoice, once=once)
    if age >= STUCK_AFTER and not written.exists():
        note(row, EventKind.RESOLUTION_STUCK, at=at, once=once, why=row.error)


def _abandon(resolution: Resolution) -> Resolution:
    """Fail a planned resolution whose process died before it was sent."""
    now = timezone.now()
    with write_transaction(Resolution):
        row = lock_resolution(resolution)
        if row.status == ResolutionStatus.PLANNED and row.next_attempt_at is not None:
            fail_locked(row, "it was never sent: the process that planned it did not get that far", at=now)
    return row
