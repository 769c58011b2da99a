"""Wraps Django's cache. The app works without it, so it may be down.

If the cache fails or stores nothing (DummyCache), each process uses its own memory.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache

logger = logging.getLogger("cryptopay_django")

T = TypeVar("T")


def recall(key: str) -> Any:
    """Return the value of a key, or None if there is none or it has expired."""
    return _try(lambda cache: cache.get(_spaces[-1] + key), lambda: _memory.get(_spaces[-1] + key))


def keep(key: str, value: Any, seconds: float) -> None:
    """Keep a value for this time at most."""
    _try(
        lambda cache: cache.set(_spaces[-1] + key, value, seconds),
        lambda: _memory.set(_spaces[-1] + key, value, seconds),
    )


def claim(key: str, seconds: float) -> bool:
    """Return True for the first call with this key in this time, and False for the others."""
    return _try(
        lambda cache: cache.add(_spaces[-1] + key, 1, seconds), lambda: _memory.add(_spaces[-1] + key, 1, seconds)
    )


_spaces = [""]


@contextmanager
def empty_space() -> Iterator[None]:
    """Find nothing of what was kept before, and leave nothing behind: for a test, whose gateway is another one."""
    _spaces.append(f"{uuid.uuid4()}:")
    try:
        yield
    finally:
        _spaces.pop()


def _try(in_cache: Callable[[BaseCache], T], in_memory: Callable[[], T]) -> T:
    try:
        cache = caches[DEFAULT_CACHE_ALIAS]
        return in_memory() if isinstance(cache, DummyCache) else in_cache(cache)
    except Exception:
        # Each backend raises its own exceptions if its server is down, or if it is not configured.
        if _memory.add("the cache is down", 1, _LOGGED_AGAIN_AFTER):
            logger.warning("the cache is not available; this process continues without it", exc_info=True)
        return in_memory()


_LOGGED_AGAIN_AFTER = 60.0
_AT_MOST = 10_000


class _Memory:
    """A small in-process cache."""

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
