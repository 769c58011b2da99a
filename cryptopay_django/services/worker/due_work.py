"""Claims all kinds of due work and does it, in requests, workers and tasks side by side.

A claim is a lease: if the process dies, the work is due again after it. How often work is retried: `events/retry.py`
for events, `callbacks/process.py` for callbacks.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from django.utils import timezone

from ...conf import app_settings
from ...logs import about, named
from ...models import Callback
from ...models.locking import write_transaction
from ..callbacks.process import deliver_brought, process, process_and_deliver
from ..callbacks.receive import LEASE
from ..dispatch.at_most_every import Throttle
from ..events.deliver import deliver_events
from ..events.outbox import Written
from ..resolution.follow_refunds import follow_refunds
from ..resolution.unknown_outcome import resolve_pending_resolutions
from ..snapshots.confirm_by_list import Pages
from .anything_due import is_anything_due

logger = logging.getLogger("cryptopay_django")

_AT_ONCE = 5
"""How many callbacks are claimed together. Few: a worker leaves some to the others, and few have to wait for the end
of their lease when it is killed."""

_GATHER_SECONDS = 1.0
"""For how long callbacks are gathered that must be confirmed, while more are due."""

_OVERDUE_WITH_EACH = 3

_PATIENCE = timedelta(seconds=2)
"""How long work must be overdue before a request or a task that processed another callback does it. Until then, the
process that was to do the work still has time."""

_PAUSE_AFTER_NOTHING, _LONGEST_PAUSE = 20, 10.0
"""For how long a process does not look again after a look that found nothing to do: so many times as long as that look
took, but no longer than so many seconds."""

overdue_throttle = Throttle(1.0)
"""How often a process looks for what is overdue while callbacks come in: a burst need not ask with each of them."""


def process_within_budget(callback: Callback) -> None:
    """Do at once what can be done within CRYPTOPAY_REQUEST_BUDGET seconds; never raise.

    This callback first, then its invoice's events, then a little of what is overdue.
    """
    deadline = time.monotonic() + app_settings.REQUEST_BUDGET
    try:
        process_and_deliver(callback, deadline, patient=True)
        _look_after_others(deadline)
    except Exception:
        # The callback is stored: the answer is 200 whatever happens here.
        extra = about(callback.invoice, callback_id=callback.pk, account=callback.account)
        logger.exception(
            "callback %s, %s: was stored, but processing it at once failed",
            callback.pk,
            named(callback.invoice),
            extra=extra,
        )


def process_stored(callback_id: int) -> Callback | None:
    """Process one stored callback and deliver its events, then do a little of what is overdue.

    Returns the callback, or None if it is gone, done, not due, or claimed by another process.
    """
    callback = Callback.objects.primary().filter(pk=callback_id, next_attempt_at__lte=timezone.now()).first()
    is_ours = callback is not None and _claim(callback)
    if callback is not None and is_ours:
        process_and_deliver(callback, patient=True)
    _look_after_others(None)
    return callback if is_ours else None


def process_overdue(*, limit: int = 100, deadline: float | None = None, stop: threading.Event | None = None) -> int:
    """Process callbacks, look for outcomes and refunds, and deliver events, as they are due; return how many.

    Any number of processes may run this side by side. `deadline` is on `time.monotonic()`; once it is over, or `stop`
    is set, no other callback is begun.
    """

    def is_over() -> bool:
        return (stop is not None and stop.is_set()) or (deadline is not None and time.monotonic() >= deadline)

    done = _process_callbacks(limit, deadline, is_over)
    if is_over():
        return done
    done += resolve_pending_resolutions(limit, deadline=deadline)
    done += deliver_events(limit=limit, deadline=deadline)
    # Last, for it can wait: a gateway that hangs delays nothing else.
    return done if is_over() else done + follow_refunds(limit, deadline=deadline)


def _process_callbacks(limit: int, deadline: float | None, is_over: Callable[[], bool]) -> int:
    """Claim and process callbacks that are due, and deliver their events; return how many callbacks.

    Those that must be confirmed are gathered for a moment, so that pages of the gateway's list can confirm many of
    them. All of these are merged before the first of their events is delivered: other workers can deliver some.
    """
    done, pages, until = 0, Pages(), time.monotonic() + _GATHER_SECONDS
    begin = partial(process_and_deliver, deadline=deadline, pages=pages)
    try:
        while done < limit and not is_over() and not (pages.waiting and time.monotonic() >= until):
            claimed = _claim_due(min(limit - done, _AT_ONCE))
            if not claimed:
                break
            done += _do_each(claimed, begin, is_over)
    except BaseException:
        _give_back(pages.waiting)
        raise
    done -= len(pages.waiting)
    if not is_over():
        pages.read(deadline)
    brought: list[Written | None] = []
    done += _do_each(pages.waiting, lambda callback: brought.append(process(callback, deadline, pages)), is_over)
    for written in brought:
        if is_over():
            break
        deliver_brought(written, deadline)
    return done


def _do_each(claimed: Sequence[Callback], act: Callable[[Callback], object], is_over: Callable[[], bool]) -> int:
    """Do something with each claimed callback that is still ours; return how many. The rest is given back."""
    left, done = list(claimed), 0
    try:
        while left and not is_over():
            callback = left.pop(0)
            if _still_ours(callback):
                act(callback)
                done += 1
    finally:
        _give_back(left)
    return done


def _look_after_others(deadline: float | None) -> None:
    """Do a little of what is overdue, so that nothing stays behind where no worker runs.

    On a day on which much waits behind what has failed, a look costs much and finds nothing. Then a pause follows.
    """
    begun = time.monotonic()
    if not overdue_throttle.allows() or not is_anything_due(timezone.now() - _PATIENCE):
        return
    if not process_overdue(limit=_OVERDUE_WITH_EACH, deadline=deadline):
        overdue_throttle.pause(min(_PAUSE_AFTER_NOTHING * (time.monotonic() - begun), _LONGEST_PAUSE))


def _claim_due(count: int) -> list[Callback]:
    """Claim callbacks that are due, oldest first; they are due again if this process dies.

    Skips those that another process is claiming, if the database can do that, so that many processes neither wait for
    each other nor try for the same ones. On other databases each is claimed by compare-and-swap. Commits.
    """
    due = Callback.objects.primary().filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at", "pk")
    if not Callback.objects.skips_locked:
        return [callback for callback in due[:count] if _claim(callback)]
    with write_transaction(Callback):
        claimed = Callback.objects.free(due[:count])
        until = timezone.now() + LEASE
        Callback.objects.filter(pk__in=[callback.pk for callback in claimed]).update(next_attempt_at=until)
    for callback in claimed:
        callback.next_attempt_at = until
    return claimed


def _claim(callback: Callback) -> bool:
    """Claim a callback, or renew our claim, unless another process has claimed it meanwhile."""
    return Callback.objects.claim(callback, "next_attempt_at", timezone.now() + LEASE)


def _still_ours(callback: Callback) -> bool:
    """Return whether a claimed callback is still for us to process, when those before it took long."""
    assert callback.next_attempt_at is not None  # noqa: S101  for the type checker
    return callback.next_attempt_at - timezone.now() > LEASE / 2 or _claim(callback)


def _give_back(claimed: Sequence[Callback]) -> None:
    """Make due again at once what was claimed and not begun."""
    now = timezone.now()
    for callback in claimed:
        Callback.objects.claim(callback, "next_attempt_at", now)
