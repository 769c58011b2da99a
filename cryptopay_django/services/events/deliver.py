"""Delivers the events of a subject in order: as signals to receivers, then in separate calls to durable handlers.

One attempt: `attempt.py`. What follows a failure: `retry.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connections, router, transaction
from django.utils import timezone

from ... import handlers
from ...conf import app_settings
from ...models import HandlerDelivery, InvoiceEvent, Subject, subject_of
from ..dispatch.wake_or_enqueue import dispatch_events
from .attempt import AttemptResult
from .call_handlers import call_due, due_calls
from .nesting import EVERYTHING, OuterDelivery, leave_to_outer, outer_delivery
from .send_signals import due_events, pending_of, send_event
from .unheard import report_unheard, unheard_kinds

_PAUSES = (0.05, 0.1, 0.2)
"""How long to wait, in seconds, before each look whether another process has finished with a subject's events."""


def deliver_or_dispatch(
    about: Subject, written: Sequence[InvoiceEvent] = (), *, deadline: float | None = None
) -> None:
    """Deliver a row's pending events at once, or have a worker or a task do it: CRYPTOPAY_PROCESSING decides.

    `written` are the events that this process has just written and committed. If a receiver makes this call, the
    delivery that called the receiver delivers the events afterwards. Nothing is lost if no worker is woken: each
    stored event has its own due time.
    """
    subject = subject_of(about)
    if leave_to_outer(subject):
        return
    if app_settings.PROCESSING != "request":
        dispatch_events(subject)
    elif any(event.next_attempt_at is not None for event in written):
        deliver_written(about, written, deadline=deadline)
    else:
        deliver_events(about, deadline=deadline)


def deliver_events(about: Subject | None = None, *, limit: int = 100, deadline: float | None = None) -> int:
    """Deliver the pending events of one row, or of all rows with due events; return the number of signals and calls.

    Signals are sent first. Then durable handlers are called: a handler depends neither on signals nor on other
    handlers. The events of a row are sent in order: an event waits until the events before it are delivered. So an
    event that keeps failing delays its own row, and no other row. Each event has a transaction of its own, which
    is committed with what its receivers wrote. `deadline` is on `time.monotonic()`; no new event is begun after it.

    If a receiver calls this function, it returns 0, and the delivery that called the receiver delivers the events
    afterwards. In an open transaction it returns 0 too, and the events are delivered after the commit.
    """
    return deliver_subject(EVERYTHING if about is None else subject_of(about), limit=limit, deadline=deadline)


def deliver_subject(subject: UUID | None, *, limit: int = 100, deadline: float | None = None) -> int:
    """Deliver the pending events of one subject, or of all subjects with due events, as `deliver_events` does."""
    if leave_to_outer(subject) or _wait_for_commit(partial(deliver_subject, subject)):
        return 0
    return _Delivery(limit=limit, deadline=deadline).run(subject)


def deliver_written(
    about: Subject, events: Sequence[InvoiceEvent], *, deadline: float | None = None, patient: bool = False
) -> int:
    """Deliver events that this process has just written and committed: as `deliver_events`, without a second read.

    Receivers get the row as it was committed with these events. This is the first attempt for each event: only a first
    attempt is not counted before it is made. If another process is delivering earlier events of the row, the new
    events stay pending for that process. A `patient` caller then tries a few more times within a third of a second,
    because after it no other process may look for a while.
    """
    subject = subject_of(about)
    if leave_to_outer(subject) or _wait_for_commit(partial(deliver_subject, subject)):
        return 0
    delivery = _Delivery(deadline=deadline, written={event.pk: event for event in events})
    return delivery.run(subject, pauses=_PAUSES if patient else ())


@dataclass
class _Delivery:
    """One outermost delivery: what it has done, and how long it may go on."""

    limit: int = 100
    deadline: float | None = None
    written: dict[int, InvoiceEvent] = field(default_factory=dict)
    """Events that this process has just written, by key; empty after they have had their first attempt."""
    is_everything: bool = False
    """True when everything is delivered: then even calls for handlers that are not registered any more are made.
    They fail, and are given up in the end."""
    delivered: int = 0

    def run(self, subject: UUID | None, *, pauses: Iterable[float] = ()) -> int:
        """Deliver a subject's events, then the events that receivers' calls have caused, until none is pending here.

        If the deadline or an error stops it earlier, `dispatch_events` hands the rest to a worker or a task:
        otherwise no process may look for these events soon.
        """
        with outer_delivery(subject) as outer:
            try:
                for waiting in outer.take_subjects():
                    if self.is_over():
                        outer.leave(waiting)
                        break
                    if waiting is EVERYTHING:
                        self._find(outer)
                    else:
                        self._deliver(outer, waiting, pauses=pauses if waiting == subject else ())
            except BaseException as error:
                # With a deadline there is a request to answer: a receiver that exits ends this delivery, and no more.
                if self.deadline is None or isinstance(error, Exception):
                    raise
            finally:
                for waiting in outer.close():
                    dispatch_events(waiting)
        return self.delivered

    def is_over(self) -> bool:
        """Tell whether no new event may be begun."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _find(self, outer: OuterDelivery) -> None:
        """Look for subjects that have something due."""
        self.is_everything = True
        unheard = unheard_kinds()
        for kind in unheard:
            if InvoiceEvent.objects.primary().filter(kind=kind, next_attempt_at__isnull=False).exists():
                report_unheard(kind)
        found: list[UUID] = []
        if _is_any_due(InvoiceEvent):
            found += due_events(unheard).values_list("subject", flat=True)[: self.limit]
        if _is_any_due(HandlerDelivery):
            found += due_calls().values_list("event__subject", flat=True)[: self.limit]
        for subject in found:
            outer.leave(subject, is_new=False)

    def _deliver(self, outer: OuterDelivery, subject: UUID, *, pauses: Iterable[float]) -> None:
        """Deliver one subject's events: signals in order, then each handler's calls in order."""
        result = self._send_written(outer, subject) if self.written else self._send_pending(subject)
        # At once, because a new event may be behind one that is withheld or unheard, which the queue passes over; then
        # after each pause. On a database that cannot skip locked rows, no row stays locked by another process.
        for pause in (0.0, *pauses) if result is AttemptResult.NOT_CLAIMED else ():  # pragma: no branch
            time.sleep(pause)
            if self.is_over() or (  # pragma: no branch
                (result := self._send_pending(subject)) is not AttemptResult.NOT_CLAIMED
            ):
                break
        if handlers.is_any_registered() or self.is_everything:
            self.delivered += call_due(subject, self.written, limit=self.limit, is_over=self.is_over)
        self.written = {}
        if self.is_over():
            outer.leave(subject)

    def _send_written(self, outer: OuterDelivery, subject: UUID) -> AttemptResult:
        """Send the events that this process has just written, in that order."""
        unheard = unheard_kinds()
        for event in self.written.values():
            if event.next_attempt_at is None:
                continue
            if event.kind in unheard:
                report_unheard(event.kind)
                continue
            # After a call by a receiver, the row in the database may differ from the loaded one.
            is_loaded = not outer.has(subject)
            attempt = partial(send_event, unheard, event, is_first=True, is_loaded=is_loaded)
            result = AttemptResult.NOT_BEGUN if self.is_over() else attempt()
            if result is not AttemptResult.DELIVERED:
                return result
            self.delivered += 1
        return AttemptResult.DELIVERED

    def _send_pending(self, subject: UUID) -> AttemptResult:
        """Send pending events in order, up to the first that is not due, fails, or is locked by another process.

        An event that is delivered again at a person's request does not delay the events after it.
        """
        unheard = unheard_kinds()
        for event in pending_of(subject, unheard)[: self.limit]:
            is_first = event.pk in self.written and not event.attempts
            result = AttemptResult.NOT_BEGUN if self.is_over() else send_event(unheard, event, is_first=is_first)
            if result is AttemptResult.DELIVERED:
                self.delivered += 1
            elif not event.repetitions:
                return result
        return AttemptResult.DELIVERED


def _is_any_due(model: type[InvoiceEvent] | type[HandlerDelivery]) -> bool:
    """Tell by an index whether the longer query is worth its compilation. Mostly nothing is due."""
    return model.objects.primary().filter(next_attempt_at__lte=timezone.now()).exists()


def _wait_for_commit(deliver: Callable[[], object]) -> bool:
    """Deliver after the commit of the transaction that the caller has open; return False if there is none.

    What is delivered in it would be rolled back with it, and so would be the count of an attempt. A transaction that
    a test case opens around the whole test does not count.
    """
    using = router.db_for_write(InvoiceEvent)
    connection = connections[using]
    blocks: list[Any] = connection.atomic_blocks
    if not connection.in_atomic_block or (blocks and blocks[-1]._from_testcase):
        return False

    def deliver_after_commit() -> None:
        """Have a name: Django 5.2 and 6.0 need one to log the failure of a robust hook."""
        deliver()

    transaction.on_commit(deliver_after_commit, using=using, robust=True)
    return True
