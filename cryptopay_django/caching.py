"""Django's cache, as far as this app uses it: nothing that is needed stands in it, so it may be down.

Where it fails, or keeps nothing (DummyCache), a process keeps what it needs in its own memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache

logger = logging.getLogger("cryptopay_django")

T = TypeVar("T")


def recall(key: str) -> Any:
    """Return what was kept under this key, None when there is nothing (any more)."""
    return _try(lambda cache: cache.get(key), lambda: _memory.get(key))


def keep(key: str, value: Any, seconds: float) -> None:
    """Keep a value for so long, or shorter."""
    _try(lambda cache: cache.set(key, value, seconds), lambda: _memory.set(key, value, seconds))


def claim(key: str, seconds: float) -> bool:
    """Return True to the first who asks for this key within that time, False to others."""
    return _try(lambda cache: cache.add(key, 1, seconds), lambda: _memory.add(key, 1, seconds))


def _try(in_cache: Callable[[BaseCache], T], in_memory: Callable[[], T]) -> T:
    cache = caches[DEFAULT_CACHE_ALIAS]
    if isinstance(cache, DummyCache):
        return in_memory()
    try:
        return in_cache(cache)
    except Exception:
        # Each backend raises classes of its own when its server is away.
        if _memory.add("the cache is down", 1, _LOGGED_AGAIN_AFTER):
            logger.warning("the cache cannot be used; this process does without it", exc_info=True)
        return in_memory()


_LOGGED_AGAIN_AFTER = 60.0
_AT_MOST = 10_000


class _Memory:
    """A small memory of this process, for a while."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, Any]] = {}

    def get(self, key: str) -> Any:
        with self._lock:
            until, value = self._kept.get(key, (0.0, None))
            return value if until > time.monotonic() else None

    def set(self, key: str, value: Any, seconds: float) -> None:
        with self._lock:
            self._put(key, value, seconds)

    def add(self, key: str, value: Any, seconds: float) -> bool:
        with self._lock:
            if self._kept.get(key, (0.0, None))[0] > time.monotonic():
                return False
            self._put(key, value, seconds)
            return True

    def _put(self, key: str, value: Any, seconds: float) -> None:
        now = time.monotonic()
        if len(self._kept) >= _AT_MOST:
            self._kept = {key: kept for key, kept in self._kept.items() if kept[0] > now}
        if len(self._kept) >= _AT_MOST:
            self._kept.clear()
        self._kept[key] = (now + seconds, value)


_memory = _Memory()
