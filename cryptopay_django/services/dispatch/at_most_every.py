"""Limits how often one process does something that each of its requests could do, and need not."""

from __future__ import annotations

import threading
import time


class Throttle:
    """Allows something once in so many seconds, in all threads of this process together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._next_at = float("-inf")

    def allows(self) -> bool:
        """Return whether the time is over. If so, it begins anew."""
        with self._lock:
            now = time.monotonic()
            if now < self._next_at:
                return False
            self._next_at = now + self._seconds
            return True

    def pause(self, seconds: float) -> None:
        """Allow none for so many seconds from now."""
        with self._lock:
            self._next_at = max(self._next_at, time.monotonic() + seconds)

    def reset(self) -> None:
        """Allow the next one at once."""
        self._next_at = float("-inf")
