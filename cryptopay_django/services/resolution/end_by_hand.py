"""The last way out: a person ends a settlement or refund of which the gateway shows nothing."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from ...exceptions import GatewayNotFoundError, NotEndableError
from ...models import EventKind, Resolution
from ...models.locking import write_transaction
from ...permissions import acts_of
from .outcome import LEASE, UNDECIDED, lock_resolution, look_once, note
from .people import Actor, check_permitted
from .planning import check_version
from .rules import check_person

ENDABLE_AFTER = timedelta(minutes=20)
"""How long after it was sent a person may end it: the gateway takes a signature for ten minutes, by a clock that may
be ten minutes off."""


def end_resolution(
    resolution: Resolution, *, actor: Actor, reason: str, expected_version: int | None = None
) -> Resolution:
    """End, as a person who has looked in the account, one that was sent and of which the gateway shows nothing.

    Asks the gateway first: what it shows decides, where it shows anything, and then the row is returned as that left
    it. The resolution ends as failed, so another one can begin. It can still take effect: what was accepted unseen is
    looked for during two weeks and before each new one, and comes back with an alarm.

    `expected_version` is that of the invoice the person saw. Raises NotEndableError where it was not sent, is too
    young, or was accepted; NotResolvableError without a name or reason, NotPermittedError, InvoiceChangedError, and
    GatewayError when the gateway does not answer.
    """
    row = Resolution.objects.primary().select_related("invoice").get(pk=resolution.pk)
    person = check_person(row.invoice, actor=actor, reason=reason)
    acts = acts_of(row.kind, row.parameters)
    check_permitted(person, *acts)
    _check_endable(row)
    try:
        row, outcome = look_once(row)
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
        check_version(locked.invoice, expected_version)
        locked.fail(error=f"ended by {person.name}, where the gateway showed nothing: {reason}"[:2000], at=now)
        locked.next_attempt_at = now + LEASE
        locked.save()
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
