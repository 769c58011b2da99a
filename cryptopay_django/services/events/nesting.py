"""Prevents a delivery inside a delivery: events that a receiver's own calls cause are left to the outer delivery.

A receiver may call any function of `services`, even about the subject of its own event. A delivery inside that call
would call the receiver from inside itself: the receiver's event is still pending, and our own lock on it does not
stop us.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

EVERYTHING = None
"""Used in place of one subject: everything that is due."""


class Round:
    """One outermost delivery, and the subjects whose events are left to it.

    The round is closed when it has no more subjects. A thread or a task that a receiver has started may run longer
    than the round, and still have the round in its context. `leave` then returns False, and the thread or task
    delivers by itself. The same is true of a forked process.
    """

    def __init__(self, *subjects: UUID | None) -> None:
        self._left = dict.fromkeys(subjects, True)
        self._is_open = True
        self._process = os.getpid()
        self._lock = threading.Lock()

    def leave(self, subject: UUID | None, *, is_new: bool = True) -> bool:
        """Leave a subject's events to this delivery; return False if it is over.

        `is_new` is False for what others would find by themselves.
        """
        with self._lock:
            if not self._is_open or self._process != os.getpid():
                return False
            self._left[subject] = self._left.get(subject, False) or is_new
            return True

    def has(self, subject: UUID) -> bool:
        """Tell whether a receiver's call has left this subject."""
        return subject in self._left

    def work(self) -> Iterator[UUID | None]:
        """Yield what is left until nothing is, and close."""
        while True:
            with self._lock:
                if not self._left:
                    self._is_open = False
                    return
                subject = next(iter(self._left))
                del self._left[subject]
            yield subject

    def close(self) -> Iterable[UUID]:
        """Close, and return the subjects that nobody else would look for."""
        with self._lock:
            self._is_open = False
            return [subject for subject, is_new in self._left.items() if is_new and subject is not EVERYTHING]


_current: ContextVar[Round | None] = ContextVar("cryptopay_delivery", default=None)


@contextmanager
def outermost(*subjects: UUID | None) -> Iterator[Round]:
    """Open a delivery. It stays open while `on_commit` hooks of receivers run, too."""
    round_ = Round(*subjects)
    token = _current.set(round_)
    try:
        yield round_
    finally:
        _current.reset(token)


def leave_to_outer(subject: UUID | None) -> bool:
    """Leave a subject's events to the delivery that this call is made in; return False where there is none."""
    round_ = _current.get()
    return round_ is not None and round_.leave(subject)
