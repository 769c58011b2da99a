"""Limits how often one process does something that each of its requests could do and need not."""

from __future__ import annotations

import threading
import time


class Pace:
    """Lets one pass in so many seconds, whichever thread asks."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._passed_at = float("-inf")

    def lets_pass(self) -> bool:
        """Return whether the time is over, and begin it anew if so."""
        with self._lock:
            now = time.monotonic()
            if now - self._passed_at < self._seconds:
                return False
            self._passed_at = now
            return True

    def forget(self) -> None:
        """Let the next one pass, however soon it comes."""
        self._passed_at = float("-inf")
