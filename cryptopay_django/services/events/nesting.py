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


class OuterDelivery:
    """The delivery that is not inside another, and the subjects whose events are left to it.

    It is closed when it has no more subjects. A thread or a task that a receiver has started may run longer, and still
    have this delivery in its context. `leave` then returns False, and the thread or task delivers by itself. The same
    is true of a forked process.
    """

    def __init__(self, *subjects: UUID | None) -> None:
        self._subjects = dict.fromkeys(subjects, True)
        self._is_open = True
        self._process = os.getpid()
        self._lock = threading.Lock()

    def leave(self, subject: UUID | None, *, is_new: bool = True) -> bool:
        """Leave a subject's events to this delivery; return False if it is over.

        `is_new` is False for a subject that other processes would find by themselves.
        """
        with self._lock:
            if not self._is_open or self._process != os.getpid():
                return False
            self._subjects[subject] = self._subjects.get(subject, False) or is_new
            return True

    def has(self, subject: UUID) -> bool:
        """Return whether a receiver's call has left this subject."""
        return subject in self._subjects

    def take_subjects(self) -> Iterator[UUID | None]:
        """Yield each subject that is left to this delivery, until there is none, and close."""
        while True:
            with self._lock:
                if not self._subjects:
                    self._is_open = False
                    return
                subject = next(iter(self._subjects))
                del self._subjects[subject]
            yield subject

    def close(self) -> Iterable[UUID]:
        """Close, and return the subjects that no other process would find by itself."""
        with self._lock:
            self._is_open = False
            return [subject for subject, is_new in self._subjects.items() if is_new and subject is not EVERYTHING]


_current: ContextVar[OuterDelivery | None] = ContextVar("cryptopay_delivery", default=None)


@contextmanager
def outer_delivery(*subjects: UUID | None) -> Iterator[OuterDelivery]:
    """Open a delivery. It stays open while `on_commit` hooks of receivers run, too."""
    outer = OuterDelivery(*subjects)
    token = _current.set(outer)
    try:
        yield outer
    finally:
        _current.reset(token)


def leave_to_outer(subject: UUID | None) -> bool:
    """Leave a subject's events to the delivery that this call is made in; return False if there is none."""
    outer = _current.get()
    return outer is not None and outer.leave(subject)
