"""Sessions of one database side by side, each on a thread of its own, so that a test can say who waits for whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYetError
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction

on_a_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock for the whole database")

PATIENCE_SECONDS = 30
LONG_SECONDS = 1.0
"""After so long, a statement that would not wait has long returned."""


class Session:
    """A connection, and what is done on it in turn."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._blocks: list[transaction.Atomic] = []

    def begin(self) -> None:
        """Begin a transaction."""
        self._blocks.append(transaction.atomic())
        self.do(self._blocks[-1].__enter__)

    def roll_back(self) -> None:
        """End the transaction; nothing of it stays."""
        self._end(RuntimeError)

    def commit(self) -> None:
        """End the transaction; all of it stays."""
        self._end(None)

    def start(self, act: Callable[..., Any], *arguments: Any, **named: Any) -> Future[Any]:
        """Begin to do something, which may have to wait."""
        return self._pool.submit(act, *arguments, **named)

    def do(self, act: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Do something that need not wait, and return what it returns."""
        return self.start(act, *arguments, **named).result(PATIENCE_SECONDS)

    def close(self) -> None:
        """End what is open."""
        while self._blocks:
            self.roll_back()
        self.do(_close_connection)
        self._pool.shutdown()

    def _end(self, error: type[Exception] | None) -> None:
        block = self._blocks.pop()
        self.do(block.__exit__, error, error and error(), None)


def _close_connection() -> None:
    connection.close()  # of the thread that runs this


@contextmanager
def two_sessions() -> Iterator[tuple[Session, Session]]:
    """Yield two sessions; what they leave open is rolled back in the end."""
    both = Session(), Session()
    try:
        yield both
    finally:
        for session in both:
            session.close()


def waits(future: Future[Any]) -> bool:
    """Return whether what was begun is still waiting after a long time."""
    try:
        future.exception(LONG_SECONDS)
    except NotYetError:
        return True
    return False
