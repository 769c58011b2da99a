"""Checks that callbacks reach their URL: that it exists, and that nothing redirects them on the way."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning
from django.urls import NoReverseMatch
from django.utils.translation import override

from ..links import path_of


@register("cryptopay")
def check_callback_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W024 without a URL for callbacks, W015 for callbacks that are redirected."""
    return [*_proxy_messages(), *_url_messages()]


def _proxy_messages() -> Iterator[CheckMessage]:
    """Yield W015 when a callback that a proxy passes on over http would be redirected to https."""
    if _callbacks_are_redirected():
        yield CheckWarning(
            "SECURE_SSL_REDIRECT is on and SECURE_PROXY_SSL_HEADER is not set: behind a proxy that ends TLS every "
            "callback is redirected, and the gateway follows no redirect",
            hint='Set SECURE_PROXY_SSL_HEADER if the proxy always sets that header itself, or add r"^'
            f'{path_of("callback").lstrip("/")}" to SECURE_REDIRECT_EXEMPT. Silence this where '
            "Django's own server ends TLS.",
            id="cryptopay.W015",
        )


def _callbacks_are_redirected() -> bool:
    """Return whether a callback that a proxy passes on over http would be answered with a redirect."""
    if settings.DEBUG or not settings.SECURE_SSL_REDIRECT or settings.SECURE_PROXY_SSL_HEADER:
        return False
    if "django.middleware.security.SecurityMiddleware" not in settings.MIDDLEWARE:
        return False
    try:
        path = path_of("callback").lstrip("/")
    except NoReverseMatch:
        return False
    return not any(re.search(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT)


def _url_messages() -> Iterator[CheckMessage]:
    """Yield W024 when there is no URL, and W015 when it has a language in it or is on another host."""
    try:
        path = path_of("callback")
    except NoReverseMatch:
        yield CheckWarning(
            "no URL takes callbacks in this project: payments would be seen only when the gateway is asked",
            hint='Add path("cryptopay/", include("cryptopay_django.urls")) to the ROOT_URLCONF. Silence this in a '
            "process that serves no callbacks.",
            id="cryptopay.W024",
        )
        return
    with override(None):
        without = path_of("callback")
    spellings = {path, without}
    for language, _ in settings.LANGUAGES if settings.USE_I18N else ():
        with override(language):
            spellings.add(path_of("callback"))
    if len(spellings) > 1:
        yield CheckWarning(
            f"the callback URL has a language in it ({', '.join(sorted(spellings)[:3])}, ...): the one without is "
            "redirected, and the gateway follows no redirect",
            hint="Include cryptopay_django.urls outside of i18n_patterns.",
            id="cryptopay.W015",
        )
    if settings.PREPEND_WWW and "django.middleware.common.CommonMiddleware" in settings.MIDDLEWARE:
        yield CheckWarning(
            "PREPEND_WWW is on: a callback to the host without www. is redirected, which the gateway does not follow",
            hint="Give the account at the gateway the callback URL with www., and silence this.",
            id="cryptopay.W015",
        )
