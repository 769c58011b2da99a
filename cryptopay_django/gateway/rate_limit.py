"""Keeps the gateway's limit of 200 calls a minute within one process, and defines the purposes of calls.

Of three limits this is the innermost. All processes together: `services/shared_rate_limit.py`. What buttons, the
doctor and the ledger may use of it: `services/rate_limit_by_use.py`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Protocol

from ..exceptions import GatewayRateLimitError

REQUESTS = 200
WINDOW = 60.0


class Purpose(Enum):
    """The reason for a call, the most urgent first."""

    CREATION = "creation"
    CONFIRMATION = "confirmation"
    REQUEST = "request"  # of a person who waits for a page: the default
    RECONCILIATION = "reconciliation"


_purpose: ContextVar[Purpose] = ContextVar("cryptopay_purpose", default=Purpose.REQUEST)


@contextmanager
def calling_for(purpose: Purpose) -> Iterator[None]:
    """Make the calls of the block, or of the decorated function, for this purpose."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


def current_purpose() -> Purpose:
    """Return the purpose of a call that is made now."""
    return _purpose.get()


class Limiter(Protocol):
    """Lets calls pass, one after the other. For one client, so for one thread."""

    def reserve(self, patience: float) -> float:
        """Take a place and return the seconds to wait for it; raise GatewayRateLimitError if they exceed `patience`.

        The call must have been sent, or be given up, within the time that the caller has left.
        """

    def answered(self, *, is_refused: bool, retry_after: float | None) -> None:
        """Note that the gateway has answered the call; `is_refused`: by 429."""


class RateLimiter:
    """At most `requests` in any `window` seconds. Other processes with the same key are not seen."""

    def __init__(
        self,
        *,
        requests: int = REQUESTS,
        window: float = WINDOW,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._window = window
        self._clock = clock
        self._lock = threading.Lock()
        # The moments granted last, some of them in the future. A full deque drops the oldest.
        self._granted: deque[float] = deque(maxlen=requests)

    def reserve(self, patience: float) -> float:
        """Take the next place and return the seconds to wait for it.

        Raises GatewayRateLimitError, and takes no place, when that is longer than `patience`.
        """
        with self._lock:
            now = self._clock()
            moment = now
            if len(self._granted) == self._granted.maxlen:
                moment = max(now, self._granted[0] + self._window)
            wait = moment - now
            if wait > 0 and wait >= patience:
                raise GatewayRateLimitError(
                    f"not sent: {self._granted.maxlen} requests went out with this API key in the last "
                    f"{self._window:g} seconds. Try again in {wait:.0f} seconds, or ask less often",
                    retry_after=wait,
                )
            self._granted.append(moment)
            return wait

    def answered(self, *, is_refused: bool, retry_after: float | None) -> None:
        """Do nothing: the moments that were granted are what counts."""


_limiters: dict[str, RateLimiter] = {}
_lock = threading.Lock()


def limiter_for(api_key: str) -> RateLimiter:
    """Return the one limiter of an API key in this process."""
    with _lock:
        return _limiters.setdefault(api_key, RateLimiter())
