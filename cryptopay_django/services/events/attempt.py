"""Makes one attempt to deliver: counts it, claims the row, calls, marks the row delivered. For signals and handlers.

A receiver's writes happen exactly once because these statements have this order. The models in tests/rules/models show
what goes wrong in another order. What follows a failure, and when retries stop: `retry.py`. Mails have their own order
of steps: `send_mails.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from functools import partial
from typing import Any, Generic

from django.db import router, transaction
from django.utils import timezone

from ...fields import storable_text
from ...models import EventKind
from ...models.locking import Narrow, write_transaction
from ...tracing import Note, span
from ..backoff import backoff
from .delivery_kind import DeliveryKind, R
from .retry import give_up_if_last, report, schedule_retry

logger = logging.getLogger("cryptopay_django")

_PAUSES = (0.01, 0.05, 0.25)
"""How long to wait, in seconds, before each further try to lock a row that another process may lock for a moment."""


class AttemptResult(Enum):
    """What became of an attempt."""

    DELIVERED = auto()  # the next row of the subject may follow
    NOT_CLAIMED = auto()  # another process has locked the row, an earlier row is pending, or the row is withheld
    NOT_BEGUN = auto()  # the row is not due, or there is no time left
    FAILED = auto()  # the row is due again after its back-off, or is given up


class NotMarkedError(RuntimeError):
    """The row is not pending or not true any more: what receivers wrote must be rolled back."""


@dataclass(frozen=True)
class Attempt(Generic[R]):
    """One attempt. `is_first`: it is made by the process that wrote the row, right after its commit.

    `loaded` is the row with all that belongs to it, if the caller has it.
    """

    kind: DeliveryKind[R]
    key: int
    named: str
    """What it is about, as the log calls it: "invoice <key>"."""
    title: str
    """What the log calls the row itself."""
    fields: Mapping[str, Any]
    """What the log and a span say of both, by name."""
    is_first: bool = False
    loaded: R | None = None

    def make(self) -> AttemptResult:
        """Make the attempt; return what became of it.

        1. Count it and commit that, except for a first attempt. So an attempt whose receiver ends the process is
           counted, and the event is not due again at once.
        2. Lock the row, if it is pending, true, and behind no pending row. Skip a row that another process has locked.
        3. Call: what receivers write belongs to this transaction.
        4. Mark it delivered, as the last statement: it fails if the transaction was broken or rolled back meanwhile.
        5. Commit. A failure before that rolls all of it back, and is stored by itself.

        If a counted attempt does not get the row in step 2, its count is taken back: no receiver has been called.
        """
        begun_at = timezone.now()
        stopped = None if self.is_first else self._count(begun_at)
        if stopped is not None:
            return stopped
        committed: list[bool] = []
        try:
            with span(self.kind.span, **self.fields) as note, self._transaction():
                result = self._claim_and_call(note, committed)
        except BaseException as error:
            # Whatever a receiver raises, the row must stay and the state must stand.
            result = self._hook_failed(error) if committed else self._failed(error)
            if not isinstance(error, (Exception, asyncio.CancelledError)):
                raise
        else:
            if result is AttemptResult.DELIVERED:
                logger.debug("%s: %s delivered", self.named, self.title, extra=dict(self.fields))
            elif not self.is_first:
                self._uncount(begun_at)
        return result

    def _count(self, now: datetime) -> AttemptResult | None:
        """Count an attempt before it is made, and move the next one beyond its back-off.

        Returns None if the attempt may be made, or else why not.
        """
        rows = self.kind.rows
        with self._transaction():
            row = rows.lock(self.kind.claimable, pk=self.key, skip_locked=True)
            if row is None or row.next_attempt_at is None:
                return AttemptResult.NOT_CLAIMED
            if row.next_attempt_at > now:
                return AttemptResult.NOT_BEGUN
            if row.begun_at is not None and give_up_if_last(self.kind, row, row.attempts, _lost(row.begun_at)):
                return AttemptResult.FAILED
            attempts = row.attempts + 1
            pause = max(backoff(attempts), self.kind.lease)
            rows.change(row, attempts=attempts, begun_at=now, next_attempt_at=now + pause)
        return None

    def _uncount(self, begun_at: datetime) -> None:
        """Take back the count of an attempt that did not get the row. It is due again at once."""
        with self._transaction():
            row = self._lock()
            if row is not None and row.begun_at == begun_at and row.next_attempt_at is not None:
                self.kind.rows.change(row, attempts=row.attempts - 1, begun_at=None, next_attempt_at=begun_at)

    def _lock(self, narrow: Narrow[R] | None = None, related: Sequence[str] = ()) -> R | None:
        """Lock the row of an attempt that was begun here.

        Another process may lock the row for a moment, to see that it is not due: so try a few more times. A process
        that locks it for longer makes an attempt of its own: do not wait for it.
        """
        rows = self.kind.rows
        row = rows.lock(narrow, pk=self.key, skip_locked=True, related=related)
        for pause in _PAUSES if row is None and rows.skips_locked else ():
            time.sleep(pause)
            row = rows.lock(narrow, pk=self.key, skip_locked=True, related=related)
            if row is not None:
                break
        return row

    def _claim_and_call(self, note: Note, committed: list[bool]) -> AttemptResult:
        kind = self.kind
        related = () if self.loaded is not None else kind.related
        if self.is_first:
            row = kind.rows.lock(kind.claimable, pk=self.key, skip_locked=True, related=related)
        else:
            row = self._lock(kind.claimable, related)
        if row is None:
            note(outcome="locked by another process, behind a pending row, or withheld")
            return AttemptResult.NOT_CLAIMED
        if self.is_first and (row.attempts or row.next_attempt_at is None or row.next_attempt_at > timezone.now()):
            note(outcome="not due")
            return AttemptResult.NOT_BEGUN
        using = router.db_for_write(kind.rows.model)
        transaction.on_commit(partial(committed.append, True), using=using)
        attempts = row.attempts if self.is_first else row.attempts - 1
        row = self.loaded or row
        kind.call(row, note)
        values = {"delivered_at": timezone.now(), "next_attempt_at": None, "begun_at": None, "attempts": attempts}
        if not kind.rows.change(row, kind.markable, **values):
            raise NotMarkedError("while receivers ran, the event ceased to be true: what they wrote is rolled back")
        note(outcome="delivered")
        return AttemptResult.DELIVERED

    def _failed(self, error: BaseException) -> AttemptResult:
        """Store a failure, in a transaction of its own, if the row is still pending and no other process has it."""
        logger.error("%s: %s failed", self.named, self.title, exc_info=error, extra=dict(self.fields))
        self.store_failure("".join(traceback.format_exception(error)))
        return AttemptResult.FAILED

    def store_failure(self, error: str) -> None:
        """Store a failure, and schedule the retry. An attempt that was counted before adds nothing to the count."""
        with self._transaction():
            row = self._lock()
            if row is None or row.next_attempt_at is None:
                return
            attempts = row.attempts + 1 if self.is_first else row.attempts
            schedule_retry(self.kind, row, attempts, error)

    def _hook_failed(self, error: BaseException) -> AttemptResult:
        """Report that a hook failed after the commit. The event is delivered: no other attempt follows."""
        logger.error(
            "%s: %s is delivered, but an on_commit hook of a receiver failed: what this hook and those after "
            "it were to do is not done, and nothing does it later",
            self.named,
            self.title,
            exc_info=error,
            extra=dict(self.fields),
        )
        text = storable_text("".join(traceback.format_exception_only(error))).strip()[:500]
        with self._transaction():
            row = self.kind.rows.primary().get(pk=self.key)
            report(self.kind, row, EventKind.HOOK_FAILED, error=text)
        return AttemptResult.DELIVERED

    def _transaction(self) -> transaction.Atomic:
        return write_transaction(self.kind.rows.model)


def _lost(begun_at: datetime) -> str:
    return (
        f"The attempt that was begun at {begun_at:%Y-%m-%d %H:%M:%S %Z} has not come back: a receiver has ended its "
        "process, the process was killed, or it ran out of memory.\n"
    )
