"""Ends a settlement or refund by a person's decision, if the gateway shows nothing of it. The last resort.

A resolution that waits for an answer is read by `unknown_outcome.py` first, for twenty minutes at least.
"""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from ...exceptions import GatewayNotFoundError, NotEndableError
from ...models import EventKind, Resolution
from ...models.locking import write_transaction
from ...permissions import acts_of
from .people import Actor, check_permitted
from .plan import check_version
from .resolution_row import LEASE, UNDECIDED, lock_resolution, note
from .rules import check_person
from .unknown_outcome import read_once

ENDABLE_AFTER = timedelta(minutes=20)
"""How long after it was sent a person may end it: the gateway takes a signature for ten minutes, by a clock that may
be ten minutes off."""


def end_resolution(
    resolution: Resolution, *, actor: Actor, reason: str, expected_version: int | None = None
) -> Resolution:
    """End a resolution that was sent and of which the gateway shows nothing. The person has looked in the account.

    Asks the gateway first. If the gateway's data ends the resolution, the row is returned with that end. If the
    gateway shows nothing, the resolution ends as failed, so another one can begin. It can still take effect: for two
    weeks the gateway is asked about it at intervals, and before each new resolution of the invoice. If it took effect,
    an alarm is raised (`resume_locked` in `resolution_row.py`).

    `expected_version` is the version of the invoice that the person saw. Raises NotEndableError if the resolution was
    not sent, was sent less than ENDABLE_AFTER ago, was accepted, or the gateway shows a trace of it;
    NotResolvableError without a name or reason; NotPermittedError; InvoiceChangedError; and GatewayError if the
    gateway does not answer.
    """
    row = Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)
    person = check_person(row.invoice, actor=actor, reason=reason)
    acts = acts_of(row.kind, row.parameters)
    check_permitted(person, *acts)
    _check_endable(row)
    try:
        row, outcome = read_once(row)
    except GatewayNotFoundError:
        pass  # an invoice that the gateway does not have shows nothing
    else:
        if row.status not in UNDECIDED:
            return row
        if outcome.is_traced:
            raise NotEndableError(
                f"the gateway shows something of resolution {row.pk} ({row.error}): it ends when the invoice is "
                "final. Ask the gateway what it is waiting for"
            )
    now = timezone.now()
    with write_transaction(Resolution):
        locked = lock_resolution(row)
        check_permitted(person, *acts)
        _check_endable(locked)
        check_version(
            locked.invoice,
            expected_version,
            then=f"resolution {locked.pk} may have been sent and is still open, so do not send it again",
        )
        locked.fail(error=f"ended by {person.name}, where the gateway showed nothing: {reason}"[:2000], at=now)
        locked.next_attempt_at = now + LEASE
        Resolution.objects.write(locked)
        note(
            locked,
            EventKind.RESOLUTION_ENDED,
            at=now,
            actor=person.name,
            reason=reason,
            planned_by=locked.actor,
            **locked.parameters,
        )
    return locked


def is_endable(resolution: Resolution) -> bool:
    """Return whether a person may try to end it, as far as our row tells."""
    try:
        _check_endable(resolution)
    except NotEndableError:
        return False
    return True


def _check_endable(resolution: Resolution) -> None:
    if resolution.status not in UNDECIDED or resolution.sent_at is None:
        raise NotEndableError(
            f"resolution {resolution.pk} is {resolution.status}: only one that was sent, and of which nothing is "
            "known, can be ended by hand"
        )
    if resolution.result:
        raise NotEndableError(
            f"the gateway has accepted resolution {resolution.pk}: it ends when the invoice is final. Ask the gateway "
            "what it is waiting for"
        )
    free_at = resolution.sent_at + ENDABLE_AFTER
    if timezone.now() < free_at:
        raise NotEndableError(
            f"resolution {resolution.pk} may still be on its way: it can be ended by hand from "
            f"{free_at:%H:%M:%S %Z} on"
        )
