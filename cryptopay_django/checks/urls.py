"""Checks that the callback URL exists and that a signed callback arrives there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import global_settings, settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.urls import NoReverseMatch
from django.utils.translation import override

from ..conf import Account, account_names, app_settings, get_account
from ..links import path_of, url_of
from ..services.diagnosis.callback_selftest import AGENT
from ..services.diagnosis.installation import callback_path
from ..services.diagnosis.middleware_selftest import Arrival, try_handler

_HOSTS = 3
"""How many of the site's hosts are tried, where CRYPTOPAY_SITE_URL does not name the one."""

_ANY_HOST = "shop.example"


def check_callback_url(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return W024 without a callback URL, W015 if callbacks are redirected, W025 if they do not arrive.

    W034 if they arrive in a transaction.
    """
    try:
        path = path_of("callback")
    except NoReverseMatch:
        return [
            CheckWarning(
                "this project has no callback URL, so payments are seen only by polling",
                hint='Add path("cryptopay/", include("cryptopay_django.urls")) to the ROOT_URLCONF. Silence this in a '
                "process that serves no callbacks.",
                id="cryptopay.W024",
            )
        ]
    return [*_proxy_messages(path), *_language_messages(path), *_arrival_messages()]


def _proxy_messages(path: str) -> Iterator[CheckMessage]:
    """Yield W015 if a callback that a proxy forwards over http would be redirected to https."""
    if settings.DEBUG or not settings.SECURE_SSL_REDIRECT or settings.SECURE_PROXY_SSL_HEADER:
        return
    if "django.middleware.security.SecurityMiddleware" not in settings.MIDDLEWARE:
        return
    if any(re.search(pattern, path.lstrip("/")) for pattern in settings.SECURE_REDIRECT_EXEMPT):
        return
    yield CheckWarning(
        "SECURE_SSL_REDIRECT is on and SECURE_PROXY_SSL_HEADER is not set: behind a proxy that ends TLS every "
        "callback is redirected, and the gateway follows no redirect",
        hint='Set SECURE_PROXY_SSL_HEADER if the proxy always sets that header itself, or add r"^'
        f"{path.lstrip('/')}\" to SECURE_REDIRECT_EXEMPT. Silence this where Django's own server ends TLS.",
        id="cryptopay.W015",
    )


def _language_messages(path: str) -> Iterator[CheckMessage]:
    """Yield W015 when the URL has a language in it."""
    with override(None):
        spellings = {path, path_of("callback")}
    for language in _languages() if settings.USE_I18N else ():
        with override(language):
            spellings.add(path_of("callback"))
    if len(spellings) > 1:
        yield CheckWarning(
            f"the callback URL has a language in it ({', '.join(sorted(spellings)[:3])}, ...): the one without is "
            "redirected, and the gateway follows no redirect",
            hint="Include cryptopay_django.urls outside of i18n_patterns.",
            id="cryptopay.W015",
        )


def _languages() -> list[str]:
    """Return the languages of the project, or another one than its own where it has not chosen any.

    Django has a hundred by itself. Each of them takes half a MiB, for good, in every process that runs checks.
    """
    languages = [language for language, _ in settings.LANGUAGES]
    if settings.LANGUAGES != global_settings.LANGUAGES:
        return languages
    return [language for language in languages if language != settings.LANGUAGE_CODE][:1]


def _arrival_messages() -> Iterator[CheckMessage]:
    """Yield W015 or W025 where the project's own handler lets no signed callback of an account through, else W034."""
    try:
        accounts = [get_account(name) for name in account_names()]
        bases = [app_settings.SITE_URL] if app_settings.SITE_URL else [f"https://{host}" for host in _hosts()]
    except Exception:  # noqa: BLE001  the checks of settings say so
        return
    for account in accounts:
        yield from _arrivals(account, bases)


def _arrivals(account: Account, bases: Sequence[str]) -> Iterator[CheckMessage]:
    """Try the URL of an account on each host; report redirects, and other answers where it arrives at none."""
    path = callback_path(account.name)
    answers = [(base, answer) for base in bases if (answer := try_handler(account, base, path)) is not None]
    has_arrived = any(answer.is_right for _, answer in answers)
    for base, answer in answers:
        url = url_of(path) if app_settings.SITE_URL else f"{base}{path}"
        if not answer.is_right and (answer.is_redirect or not has_arrived):
            yield _not_arrived(url, answer)
            return
        if answer.is_in_transaction:
            yield CheckWarning(
                f"a signed callback to {url} arrives in a transaction that a middleware has opened: it keeps its "
                "locks while the gateway is asked, and in such a transaction no invoice, settlement or refund is made",
                hint="Let the middleware open none around our views (TransactionOpenError says which calls need "
                "none). That of django-reversion does not with `atomic = False` in a subclass.",
                id="cryptopay.W034",
            )
            return


def _not_arrived(url: str, answer: Arrival) -> CheckMessage:
    if answer.is_redirect:
        return CheckWarning(
            f"a signed callback to {url} is redirected to {answer.target}: the gateway follows no redirect",
            hint="Give the account at the gateway the URL that it is redirected to, and CRYPTOPAY_SITE_URL the site "
            "of that URL; or let this path pass whatever redirects it (PREPEND_WWW, a login, a middleware).",
            id="cryptopay.W015",
        )
    return CheckWarning(
        f"a signed callback to {url} is answered {answer.status} by something else than its view, or than its view "
        "answers: no payment is seen before the gateway is asked",
        hint="A middleware of the project, or another view at this path, answers it: let the path pass without a "
        "login, a CSRF token, or a list of addresses or user agents (DISALLOWED_USER_AGENTS; the gateway's own is not "
        f"documented, and {AGENT} is tried); its signature is the proof. CRYPTOPAY_SITE_URL names the host that is "
        "tried.",
        id="cryptopay.W025",
    )


def _hosts() -> list[str]:
    """Return hosts of this site by ALLOWED_HOSTS, those of this machine last; any host where all are allowed."""
    named = [host.removeprefix(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    public = [host for host in named if "." in host and not re.fullmatch(r"[0-9.]+", host)]
    if not named:
        return [_ANY_HOST] if settings.ALLOWED_HOSTS else ["localhost"] if settings.DEBUG else []
    return (public or named)[:_HOSTS]
