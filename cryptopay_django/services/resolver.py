"""How a settlement or refund without a clear answer ends: by reading what happened. Nothing is sent from here.

Any number of processes may look at the same resolution at once: each reads, and the first that has
something to write writes it under the lock of the row.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.utils import timezone

from ..conf import app_settings
from ..exceptions import CryptopayError
from ..gateway.schemas import InvoiceSnapshot, Refund, split_address
from ..logs import about
from ..models import EventKind, Invoice, InvoiceEvent, InvoiceStatus, Resolution, ResolutionStatus
from ..models.locking import write_transaction
from .accounts import client_of
from .events import backoff, new_event, write_events
from .handover import hand_over_events
from .intake import poll_invoice

logger = logging.getLogger("cryptopay_django")

LEASE = timedelta(seconds=60)
"""For how long a resolution in work is left alone by everybody else."""

STUCK_AFTER = timedelta(minutes=5)
"""After how long without an outcome the teams are told."""

COMMIT, REFUND = "commit_recalculation", "create_refund"
"""What a resolution asks of the gateway: `parameters["call"]`."""

_UNDECIDED = (ResolutionStatus.SENT, ResolutionStatus.UNKNOWN)
_LONGEST_PAUSE = timedelta(minutes=5)


class Verdict(Enum):
    """What reading shows."""

    DONE = "done"
    NOT_DONE = "not done"
    OPEN = "open"


@dataclass(frozen=True)
class Outcome:
    """A verdict, why, and what was found at the gateway."""

    verdict: Verdict
    why: str
    found: Mapping[str, Any] = field(default_factory=dict)


def outcome_of(
    resolution: Resolution, snapshot: InvoiceSnapshot, refunds: Sequence[Refund], *, read_at: datetime
) -> Outcome:
    """Tell from what was read, at `read_at` or later, whether a resolution that was sent has had its effect.

    1. There is proof, the gateway's own answer or a refund that was not there before: done as soon as the
       invoice has moved, or when the gateway has had time enough to move it.
    2. A settlement: an invoice that is completed is settled; any other final status rules it out.
    3. No trace of it, read after the call can no longer be in flight: not done.
    """
    state = f"{snapshot.status} {snapshot.status_context or ''}".strip()
    has_moved = (snapshot.status, snapshot.status_context or "") != (
        InvoiceStatus.UNRESOLVED,
        resolution.parameters.get("status_context"),
    )
    is_safe = resolution.sent_at is not None and read_at >= resolution.sent_at + _safe_interval()
    found = {"status": snapshot.status, "price_amount": f"{snapshot.price_amount:f}"}
    ours = [refund for refund in refunds if _is_of(resolution, refund)]
    if ours:
        found |= refund_figures(ours[0])
    if resolution.result or ours:
        if has_moved or is_safe:
            return Outcome(Verdict.DONE, f"the invoice is {state}", found)
        return Outcome(Verdict.OPEN, "accepted, but the invoice is still as it was", found if ours else {})
    if resolution.parameters["call"] == COMMIT and snapshot.status == InvoiceStatus.COMPLETED:
        return Outcome(Verdict.DONE, "the invoice is completed", found)
    if resolution.parameters["call"] == COMMIT and has_moved and snapshot.status != InvoiceStatus.UNRESOLVED:
        return Outcome(Verdict.NOT_DONE, f"the invoice ended as {state}, not by this settlement", found)
    if is_safe:
        return Outcome(Verdict.NOT_DONE, f"it did not arrive: the invoice is {state}, and nothing of it is there")
    return Outcome(Verdict.OPEN, f"no trace of it yet (the invoice is {state}), and it may still be on its way")


def refund_figures(refund: Refund) -> dict[str, Any]:
    """Return what is kept of a refund, as JSON."""
    return {
        "refund_id": str(refund.id),
        "amount": f"{refund.amount:f}",
        "currency": refund.amount_currency,
        "fee_amount": None if refund.fee is None else f"{refund.fee:f}",
        "fee_currency": refund.fee_currency,
        "address": refund.address,
    }


def resolve_unknown(resolution: Resolution, *, timeout: float | None = None) -> Resolution:
    """Read the invoice and its refunds, and end the resolution if that decides it; return the row as it is then.

    For a `sent` or `unknown` one; any other is returned as it is. Never sends anything. Safe to call
    again, and from two places at once. `timeout` is the seconds for all calls together. Raises GatewayError or
    InvoiceBusyError when nothing could be read.
    """
    began = time.monotonic()
    row = Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)
    if row.status not in _UNDECIDED:
        return row
    read_at = timezone.now()
    taken = poll_invoice(row.invoice, timeout=timeout)
    refunds: Sequence[Refund] = ()
    if row.parameters["call"] == REFUND and not row.result:
        left = None if timeout is None else timeout - (time.monotonic() - began)
        refunds = client_of(row.invoice).list_refunds(str(row.invoice.gateway_id), timeout=left)
    outcome = outcome_of(row, taken.snapshot, refunds, read_at=read_at)
    row = _write_outcome(row, outcome)
    hand_over_events(taken.invoice)
    return row


def resolve_pending_resolutions(limit: int = 20, *, deadline: float | None = None) -> int:
    """Look at every resolution that is due; return how many of them have ended.

    A planned one that nobody sent, because its process died, has failed: nothing left this machine. One
    that waits for a second person is never due. Any number of processes may run this side by side.
    `deadline` is on `time.monotonic()`: no call outlasts it.
    """
    ended = 0
    due = Resolution.objects.primary().filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at", "pk")
    for resolution in due[:limit]:
        left = None if deadline is None else min(deadline - time.monotonic(), app_settings.TOTAL_TIMEOUT)
        if left is not None and left < 0.5:
            break
        if not _claim(resolution):
            continue
        try:
            if resolution.status == ResolutionStatus.PLANNED:
                row = _abandon(resolution)
            else:
                row = resolve_unknown(resolution, timeout=left)
        except CryptopayError as error:
            row = _write_outcome(resolution, Outcome(Verdict.OPEN, f"{type(error).__name__}: {error}"))
        except Exception as error:
            # One resolution that cannot be looked at must not keep the others from it.
            extra = about(resolution.invoice_id, resolution_id=str(resolution.pk))
            logger.exception(
                "invoice %s: resolution %s could not be looked at; it will be again",
                resolution.invoice_id,
                resolution.pk,
                extra=extra,
            )
            row = _write_outcome(resolution, Outcome(Verdict.OPEN, f"{type(error).__name__}: {error}"))
        ended += row.active is None
    return ended


def lock_resolution(resolution: Resolution) -> Resolution:
    """Lock the invoice's row, then the resolution's, and return the latter: always in this order."""
    invoice = Invoice.objects.lock(pk=resolution.invoice_id)
    locked = Resolution.objects.lock(pk=resolution.pk)
    if invoice is None or locked is None:
        raise Resolution.DoesNotExist(f"resolution {resolution.pk} does not exist any more")
    locked.invoice = invoice
    return locked


def note(
    resolution: Resolution,
    kind: EventKind,
    *,
    at: datetime,
    actor: str = "",
    once: str | None = None,
    **detail: Any,
) -> None:
    """Write an entry of the invoice's timeline about a resolution."""
    told = {"resolution": str(resolution.pk), "resolution_kind": resolution.kind, **detail}
    write_events([new_event(resolution.invoice, kind, at=at, actor=actor, once=once, detail=told)])


def fail_locked(resolution: Resolution, error: str, *, at: datetime) -> None:
    """End a locked resolution as failed, and write it to the timeline."""
    resolution.fail(error=error[:2000], at=at)
    resolution.save()
    note(resolution, EventKind.RESOLUTION_FAILED, at=at, error=resolution.error)


def lose_track_locked(resolution: Resolution, error: str, *, at: datetime) -> None:
    """Mark a locked resolution unknown: only reading can tell, and it is due at once."""
    resolution.lose_track(error=error[:2000])
    resolution.next_attempt_at = at
    resolution.save()
    note(resolution, EventKind.RESOLUTION_UNKNOWN, at=at, error=resolution.error)


def _write_outcome(resolution: Resolution, outcome: Outcome) -> Resolution:
    """Write down what was found, under the lock, unless somebody else has ended it."""
    now = timezone.now()
    with write_transaction(Resolution):
        row = lock_resolution(resolution)
        if row.status not in _UNDECIDED:
            return row
        row.attempts += 1
        if outcome.found and outcome.verdict is not Verdict.NOT_DONE:
            row.result = {**row.result, **outcome.found}
        if outcome.verdict is Verdict.DONE:
            row.error = ""
            row.succeed(at=now)
            row.save()
            note(row, EventKind.RESOLUTION_SUCCEEDED, at=now, why=outcome.why, **row.result)
        elif outcome.verdict is Verdict.NOT_DONE:
            fail_locked(row, outcome.why, at=now)
        else:
            _stay(row, outcome.why, at=now)
    return row


def _stay(row: Resolution, why: str, *, at: datetime) -> None:
    """Leave a locked resolution undecided, due again later; tell once when that takes long."""
    age = at - (row.sent_at or at)
    if row.status == ResolutionStatus.SENT and not row.result and age >= LEASE:
        lose_track_locked(row, "whoever sent it never came back with an answer", at=at)
    row.error = why[:2000]
    row.next_attempt_at = at + min(backoff(row.attempts), _LONGEST_PAUSE)
    row.save()
    once = f"{EventKind.RESOLUTION_STUCK}:{row.pk}"
    told = InvoiceEvent.objects.primary().filter(invoice=row.invoice, once=once)
    if age >= STUCK_AFTER and not told.exists():
        note(row, EventKind.RESOLUTION_STUCK, at=at, once=once, why=row.error)


def _abandon(resolution: Resolution) -> Resolution:
    """Fail a planned resolution whose process died before it was sent."""
    now = timezone.now()
    with write_transaction(Resolution):
        row = lock_resolution(resolution)
        if row.status == ResolutionStatus.PLANNED and row.next_attempt_at is not None:
            fail_locked(row, "it was never sent: whoever planned it did not get that far", at=now)
    return row


def _claim(resolution: Resolution) -> bool:
    """Take a due resolution into work by compare-and-swap; it falls due again if this process dies."""
    seen = Resolution.objects.filter(pk=resolution.pk, next_attempt_at=resolution.next_attempt_at)
    return bool(seen.update(next_attempt_at=timezone.now() + LEASE))


def _safe_interval() -> timedelta:
    return timedelta(seconds=app_settings.RESOLUTION_SAFE_SECONDS)


def _is_of(resolution: Resolution, refund: Refund) -> bool:
    """Whether this refund can be the one that was asked for: new, and to the same place."""
    if str(refund.id) in resolution.known_refund_ids:
        return False
    asked = resolution.parameters.get("address")
    return _place(asked) == _place(refund.address)


def _place(address: str | None) -> str | None:
    return None if address is None else split_address(address)[0].lower()
