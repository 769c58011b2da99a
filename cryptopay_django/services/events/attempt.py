"""Makes one attempt to deliver: counts it, claims the row, calls, marks the row delivered. For signals and handlers.

A receiver's writes happen exactly once because these statements have this order. The models in tests/rules/models show
what goes wrong in another order. The pause before the next attempt: `backoff` in `outbox.py`. Mails have their own
order of steps: `send_mails.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import Any, Generic, TypeVar

from django.db import router, transaction
from django.utils import timezone

from ...conf import app_settings
from ...models import EventKind, HandlerDelivery, InvoiceEvent
from ...models.locking import LockingManager, Narrow, write_transaction
from ...tracing import Note, span
from ..backoff import backoff
from .outbox import new_event, row_of, write_events

logger = logging.getLogger("cryptopay_django")

R = TypeVar("R", InvoiceEvent, HandlerDelivery)

_LONGEST_ERROR = 20_000

_PAUSES = (0.01, 0.05, 0.25)
"""How long to wait, in seconds, before each further try to lock a row that another process may hold for a moment."""


class Turn(Enum):
    """What became of a row's turn."""

    TAKEN = auto()  # it is delivered, and the next one may follow
    HELD = auto()  # another process has it, an earlier one is pending, or it is withheld
    OVER = auto()  # it is not due, or has failed: nothing follows now


class NotMarkedError(RuntimeError):
    """The row is not pending or not true any more: what receivers wrote must be rolled back."""


@dataclass(frozen=True)
class Lane(Generic[R]):
    """How one kind of row is delivered: an event to receivers, or a call to one handler."""

    span: str
    rows: LockingManager[R]
    claimable: Narrow[R]
    """Keeps the rows that may be claimed: pending, true, and (for signals and handlers) no earlier row is pending."""
    markable: Narrow[R]
    """Keeps the rows that may be marked delivered: pending and true."""
    call: Callable[[R, Note], None]
    event_of: Callable[[R], InvoiceEvent]
    related: Sequence[str] = ()
    gives_up: bool = False
    lease: timedelta = timedelta(0)
    """How long, at least, a counted attempt keeps other processes away. For a lane that calls without a lock."""


@dataclass(frozen=True)
class Attempt(Generic[R]):
    """One attempt. `is_first`: it is made by the process that wrote the row, right after its commit.

    `at_hand` is the row with all that belongs to it, where that is known.
    """

    lane: Lane[R]
    key: int
    named: str
    """What it is about, as the log calls it: "invoice <key>"."""
    title: str
    """What the log calls the row itself."""
    fields: Mapping[str, Any]
    """What the log and a span say of both, by name."""
    is_first: bool = False
    at_hand: R | None = None

    def make(self) -> Turn:
        """Make the attempt; return what became of the row's turn.

        1. Count it and commit that, except for a first attempt. So an attempt whose receiver ends the process is
           counted, and the event does not come up again at once.
        2. Lock the row, if it is pending, true and its turn. A row that another process has locked is skipped.
        3. Call: what receivers write belongs to this transaction.
        4. Mark it delivered, as the last statement: it fails if the transaction was broken or rolled back meanwhile.
        5. Commit. A failure before that rolls all of it back, and is noted by itself.

        If a counted attempt does not get the row in step 2, its count is taken back: no receiver has been called.
        """
        begun_at = timezone.now()
        turn = Turn.TAKEN if self.is_first else self._count(begun_at)
        if turn is not Turn.TAKEN:
            return turn
        committed: list[bool] = []
        try:
            with span(self.lane.span, **self.fields) as note, self._transaction():
                turn = self._claim_and_call(note, committed)
        except BaseException as error:
            # Whatever a receiver raises, the row must stay and the state must stand.
            turn = self._hook_failed(error) if committed else self._failed(error)
            if not isinstance(error, (Exception, asyncio.CancelledError)):
                raise
        else:
            if turn is Turn.TAKEN:
                logger.debug("%s: %s delivered", self.named, self.title, extra=dict(self.fields))
            elif not self.is_first:
                self._give_back(begun_at)
        return turn

    def _count(self, now: datetime) -> Turn:
        """Count an attempt before it is made, and move the next one beyond its back-off."""
        rows = self.lane.rows
        with self._transaction():
            row = rows.lock(self.lane.claimable, pk=self.key, skip_locked=True)
            if row is None or row.next_attempt_at is None:
                return Turn.HELD
            if row.next_attempt_at > now:
                return Turn.OVER
            if row.begun_at is not None and self._settle(row, row.attempts, _lost(row.begun_at)):
                return Turn.OVER
            attempts = row.attempts + 1
            pause = max(backoff(attempts), self.lane.lease)
            rows.change(row, attempts=attempts, begun_at=now, next_attempt_at=now + pause)
        return Turn.TAKEN

    def _give_back(self, begun_at: datetime) -> None:
        """Take back the count of an attempt that did not get the row. It is due again at once."""
        with self._transaction():
            row = self._lock()
            if row is not None and row.begun_at == begun_at and row.next_attempt_at is not None:
                self.lane.rows.change(row, attempts=row.attempts - 1, begun_at=None, next_attempt_at=begun_at)

    def _lock(self, narrow: Narrow[R] | None = None, related: Sequence[str] = ()) -> R | None:
        """Lock the row of an attempt that was begun here.

        Another process may hold the lock for a moment, to see that the row is not due: so try a few more times. A
        process that holds the lock for longer makes a later attempt: do not wait for it.
        """
        rows = self.lane.rows
        row = rows.lock(narrow, pk=self.key, skip_locked=True, related=related)
        for pause in _PAUSES if row is None and rows.skips_locked else ():
            time.sleep(pause)
            row = rows.lock(narrow, pk=self.key, skip_locked=True, related=related)
            if row is not None:
                break
        return row

    def _claim_and_call(self, note: Note, committed: list[bool]) -> Turn:
        lane = self.lane
        related = () if self.at_hand is not None else lane.related
        if self.is_first:
            row = lane.rows.lock(lane.claimable, pk=self.key, skip_locked=True, related=related)
        else:
            row = self._lock(lane.claimable, related)
        if row is None:
            note(outcome="in other hands, not its turn, or withheld")
            return Turn.HELD
        if self.is_first and (row.attempts or row.next_attempt_at is None or row.next_attempt_at > timezone.now()):
            note(outcome="not due")
            return Turn.OVER
        using = router.db_for_write(lane.rows.model)
        transaction.on_commit(partial(committed.append, True), using=using)
        attempts = row.attempts if self.is_first else row.attempts - 1
        row = self.at_hand or row
        lane.call(row, note)
        values = {"delivered_at": timezone.now(), "next_attempt_at": None, "begun_at": None, "attempts": attempts}
        if not lane.rows.change(row, lane.markable, **values):
            raise NotMarkedError("while receivers ran, the event ceased to be true: what they wrote is rolled back")
        note(outcome="delivered")
        return Turn.TAKEN

    def _failed(self, error: BaseException) -> Turn:
        """Note a failure, in a transaction of its own, if the row is still pending and nobody else has it."""
        logger.error("%s: %s failed", self.named, self.title, exc_info=error, extra=dict(self.fields))
        self.note_failure("".join(traceback.format_exception(error)))
        return Turn.OVER

    def note_failure(self, error: str) -> None:
        """Write a failure down. An attempt that was counted before adds nothing to the count."""
        with self._transaction():
            row = self._lock()
            if row is None or row.next_attempt_at is None:
                return
            attempts = row.attempts + 1 if self.is_first else row.attempts
            if not self._settle(row, attempts, error):
                due = timezone.now() + backoff(attempts)
                self.lane.rows.change(row, attempts=attempts, begun_at=None, next_attempt_at=due)

    def _settle(self, row: R, attempts: int, error: str) -> bool:
        """Store a failed attempt's error, notify staff if it is time; return whether this was the last attempt."""
        is_last = self.lane.gives_up and attempts >= app_settings.HANDLER_ATTEMPTS
        now = timezone.now()
        values: dict[str, Any] = {"last_error": error.replace("\x00", "\\0")[-_LONGEST_ERROR:]}
        if is_last:
            values |= {"attempts": attempts, "begun_at": None, "given_up_at": now, "next_attempt_at": None}
        self.lane.rows.change(row, **values)
        if is_last or attempts == app_settings.NOTICE_FAILED_DELIVERIES:
            kind = EventKind.HANDLER_GIVEN_UP if is_last else EventKind.DELIVERY_FAILING
            self._report(row, kind, attempts=attempts)
        return is_last

    def _hook_failed(self, error: BaseException) -> Turn:
        """Report that a hook failed after the commit. The event is delivered: no other attempt follows."""
        logger.error(
            "%s: %s is delivered, but an on_commit hook of a receiver failed: what this hook and those after "
            "it were to do is not done, and nothing does it later",
            self.named,
            self.title,
            exc_info=error,
            extra=dict(self.fields),
        )
        text = "".join(traceback.format_exception_only(error)).strip()[:500]
        with self._transaction():
            row = self.lane.rows.primary().get(pk=self.key)
            self._report(row, EventKind.HOOK_FAILED, error=text)
        return Turn.TAKEN

    def _report(self, row: R, kind: EventKind, **more: Any) -> None:
        """Write into the timeline what staff are notified of."""
        event = self.lane.event_of(row)
        detail = {"event": event.kind, **more}
        if isinstance(row, HandlerDelivery):
            detail["handler"] = row.handler
        about = row_of(event)
        if about is not None:
            write_events([new_event(about, kind, at=timezone.now(), detail=detail)])

    def _transaction(self) -> transaction.Atomic:
        return write_transaction(self.lane.rows.model)


def _lost(begun_at: datetime) -> str:
    return (
        f"The attempt that was begun at {begun_at:%Y-%m-%d %H:%M:%S %Z} has not come back: a receiver has ended its "
        "process, the process was killed, or it ran out of memory.\n"
    )
