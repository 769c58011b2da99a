"""Paths of this app's own pages, under whatever namespace and sub-path the shop has put them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import NoReverseMatch, URLResolver, get_resolver, get_urlconf, reverse

from .conf import app_settings

APP, API = "cryptopay_django", "cryptopay_django_api"


def path_of(name: str, *args: Any, app: str = APP) -> str:
    """Return the path of one of our URLs by its name; raise NoReverseMatch where they are not included.

    The URLs may be included below namespaces of the shop's own. Where they are there twice, the first ones count.
    """
    try:
        return reverse(f"{app}:{name}", args=args)
    except NoReverseMatch:
        namespace = _find_namespace(get_urlconf() or settings.ROOT_URLCONF, app)
        if namespace is None:
            raise
        return reverse(f"{namespace}:{name}", args=args)


def url_of(path: str) -> str:
    """Return the URL of a path of this site: below CRYPTOPAY_SITE_URL, which may itself end in the site's sub-path."""
    below = urlsplit(app_settings.SITE_URL).path.rstrip("/")
    return app_settings.SITE_URL + (path.removeprefix(below) if below and path.startswith(f"{below}/") else path)


@lru_cache(maxsize=16)
def _find_namespace(urlconf: Any, app: str) -> str | None:
    return next(_namespaces(get_resolver(urlconf), app, ()), None)


def _namespaces(resolver: URLResolver, app: str, outer: tuple[str, ...]) -> Iterator[str]:
    for entry in resolver.url_patterns:
        if not isinstance(entry, URLResolver):
            continue
        here = (*outer, entry.namespace) if entry.namespace else outer
        if entry.app_name == app:
            yield ":".join(here)
        else:
            yield from _namespaces(entry, app, here)
