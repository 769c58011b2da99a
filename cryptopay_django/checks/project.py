"""Checks Django's own settings that affect payments: the time zone and the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

_CACHES_OF_ONE_PROCESS = ("locmem.LocMemCache", "dummy.DummyCache")


def check_time_zone(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return E014 for naive times."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is off: the gateway's times have a time zone and cannot be stored",
            hint="Set USE_TZ = True.",
            id="cryptopay.E014",
        )
    ]


def check_cache(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return W017, with --deploy, if the cache is missing or not shared between processes."""
    backend = settings.CACHES.get("default", {}).get("BACKEND", "")
    if backend and not backend.endswith(_CACHES_OF_ONE_PROCESS):
        return []
    return [
        CheckWarning(
            "the default cache is missing or not shared between processes: each process asks the gateway for coins "
            "and rates, and rate limits count in each process separately",
            hint="Use a shared cache, such as Redis, Memcached or django.core.cache.backends.db.DatabaseCache.",
            id="cryptopay.W017",
        )
    ]
