"""Locks the row of a resolution, and writes what happens to it: its end, its loss of track, alarms, timeline entries.

Each step of a resolution uses these (`plan.py`, `approval.py`, `send.py`, `unknown_outcome.py`, `end_by_hand.py`). No
function here commits, calls the gateway or delivers: the caller holds the lock and the transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ...models import EventKind, Invoice, InvoiceEvent, Resolution, ResolutionStatus
from ..events.outbox import new_event, write_events
from .judge_outcome import NOT_AS_ASKED

LEASE = timedelta(seconds=60)
"""How long a process has a claimed resolution for itself. After that, another process may claim it."""

UNDECIDED = (ResolutionStatus.SENT, ResolutionStatus.UNKNOWN)
"""The statuses of a resolution that was sent and has not ended."""


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
    Resolution.objects.write(resolution)
    note(resolution, EventKind.RESOLUTION_FAILED, at=at, error=resolution.error)


def mark_unknown_locked(resolution: Resolution, error: str, *, at: datetime) -> None:
    """Mark a locked resolution unknown: only reading can tell, and it is due at once."""
    resolution.lose_track(error=error[:2000])
    resolution.next_attempt_at = at
    Resolution.objects.write(resolution)
    note(resolution, EventKind.RESOLUTION_UNKNOWN, at=at, error=resolution.error)


def raise_alarm(row: Resolution, why: str, *, at: datetime, about: str = "") -> None:
    """Write to the timeline of a locked resolution's invoice that a person has to look: teams are notified.

    One alarm for a resolution, and one more for each value of `about`.
    """
    once = ":".join(filter(None, [EventKind.RESOLUTION_ALARM, str(row.pk), about]))
    if not InvoiceEvent.objects.primary().filter(invoice=row.invoice, once=once).exists():
        note(row, EventKind.RESOLUTION_ALARM, at=at, once=once, why=why[:2000])


def resume_locked(row: Resolution, *, at: datetime) -> None:
    """Resume a locked resolution that a person had ended, because the gateway shows its effect; raise an alarm.

    If another resolution of the invoice is active, this one stays ended; the alarm is raised all the same.
    """
    why = "it was ended by a person, and the gateway shows it after all: check the invoice and its refunds"
    row.result = {**row.result, NOT_AS_ASKED: "; ".join(filter(None, [why, row.result.get(NOT_AS_ASKED)]))}
    row.next_attempt_at = None
    if not Resolution.objects.primary().filter(invoice_id=row.invoice_id, active=True).exists():
        row.resume()
        row.next_attempt_at = at
    row.error = f"{why}. {row.error}"[:2000]
    Resolution.objects.write(row)
    raise_alarm(row, why, at=at)
