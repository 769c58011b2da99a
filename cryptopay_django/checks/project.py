"""Checks Django's own settings for what would spoil payments: the time zone and the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning

_CACHES_OF_ONE_PROCESS = ("locmem.LocMemCache", "dummy.DummyCache")


@register("cryptopay")
def check_time_zone(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E014 for naive times."""
    if settings.USE_TZ:
        return []
    return [
        Error(
            "USE_TZ is off: the gateway's times have a zone, and cannot be stored",
            hint="Set USE_TZ = True.",
            id="cryptopay.E014",
        )
    ]


@register(Tags.caches, deploy=True)
def check_cache(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W017, with --deploy, for a cache that each process has to itself."""
    backend = settings.CACHES.get("default", {}).get("BACKEND", "")
    if not backend.endswith(_CACHES_OF_ONE_PROCESS):
        return []
    return [
        CheckWarning(
            "the default cache is not shared between processes: each asks the gateway for coins and rates by itself, "
            "and how often a customer or a client of the API may ask is counted in each anew",
            hint="Use a shared cache, such as Redis, Memcached or django.core.cache.backends.db.DatabaseCache.",
            id="cryptopay.W017",
        )
    ]
