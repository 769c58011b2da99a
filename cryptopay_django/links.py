"""Builds URLs of the app's own pages, for any namespace and sub-path of the project."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, URLResolver, get_resolver, get_urlconf, reverse

from .conf import app_settings

APP, API = "cryptopay_django", "cryptopay_django_api"


def path_of(name: str, *args: Any, app: str = APP) -> str:
    """Return the path of one of our URLs by its name; raise NoReverseMatch if they are not included.

    The project may include the URLs in its own namespaces, and more than once. The first place is used whose own path
    needs no other argument.
    """
    try:
        return reverse(f"{app}:{name}", args=args)
    except NoReverseMatch:
        for namespace in _find_namespaces(get_urlconf() or settings.ROOT_URLCONF, app):
            with suppress(NoReverseMatch):
                return reverse(f"{namespace}:{name}", args=args)
        raise


def url_of(path: str) -> str:
    """Return the URL of a path of this site: below CRYPTOPAY_SITE_URL, which may itself end in the site's sub-path."""
    below = urlsplit(app_settings.SITE_URL).path.rstrip("/")
    return app_settings.SITE_URL + (path.removeprefix(below) if below and path.startswith(f"{below}/") else path)


def site_url_of(path: str, request: HttpRequest) -> str:
    """Return the URL of a path of this site: below CRYPTOPAY_SITE_URL, or at the host of the request without it."""
    return url_of(path) if app_settings.SITE_URL else request.build_absolute_uri(path)


@lru_cache(maxsize=16)
def _find_namespaces(urlconf: Any, app: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_namespaces(get_resolver(urlconf), app, ())))


def _namespaces(resolver: URLResolver, app: str, outer: tuple[str, ...]) -> Iterator[str]:
    for entry in resolver.url_patterns:
        if not isinstance(entry, URLResolver):
            continue
        here = (*outer, entry.namespace) if entry.namespace else outer
        if entry.app_name == app:
            yield ":".join(here)
        else:
            yield from _namespaces(entry, app, here)
