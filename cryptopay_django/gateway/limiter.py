"""The gateway's request limit, kept on this side too: one limiter a key, shared by all threads of the process."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from ..exceptions import GatewayRateLimitError

REQUESTS = 200
WINDOW = 60.0


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


_limiters: dict[str, RateLimiter] = {}
_lock = threading.Lock()


def limiter_for(api_key: str) -> RateLimiter:
    """Return the one limiter of an API key in this process."""
    with _lock:
        return _limiters.setdefault(api_key, RateLimiter())
