"""What `manage.py check` finds in the project around the app: settings of Django's that would spoil payments."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.urls import NoReverseMatch
from django.utils.translation import override

from .conf import Account, account_names, app_settings, get_account, is_development
from .links import path_of
from .models import InvoiceEvent
from .redaction import hide_locals
from .services.dispatch.wake_or_enqueue import find_task

_EVERYBODY_KNOWS = frozenset({"sandbox-api-key", "sandbox-api-secret", "sandbox-callback-secret"})
_READ_COMMITTED = 2
"""As psycopg numbers them."""

_CACHES_OF_ONE_PROCESS = ("locmem.LocMemCache", "dummy.DummyCache")


@register("cryptopay")
@hide_locals
def check_credentials(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E012 for the sandbox's published secrets, E013 for what two accounts share."""
    accounts = list(_well_formed_accounts())
    return [*_published_secrets(accounts), *_shared_credentials(accounts)]


@register("cryptopay")
def check_project(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E014 for naive times, W015 for callbacks that are redirected."""
    found: list[CheckMessage] = []
    if not settings.USE_TZ:
        found.append(
            Error("USE_TZ is off: the gateway's times have a zone, and cannot be stored",
                  hint="Set USE_TZ = True.", id="cryptopay.E014")
        )  # fmt: skip
    if _callbacks_are_redirected():
        found.append(
            CheckWarning(
                "SECURE_SSL_REDIRECT is on and SECURE_PROXY_SSL_HEADER is not set: behind a proxy that ends TLS every "
                "callback is redirected, and the gateway follows no redirect",
                hint='Set SECURE_PROXY_SSL_HEADER if the proxy always sets that header itself, or add r"^'
                f'{path_of("callback").lstrip("/")}" to SECURE_REDIRECT_EXEMPT. Silence this where '
                "Django's own server ends TLS.",
                id="cryptopay.W015",
            )
        )
    found.extend(_callback_url_messages())
    return found


def _callback_url_messages() -> Iterator[CheckMessage]:
    """Yield what keeps callbacks from their URL: it is not there, has a language in it, or stands on another host."""
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


@register("cryptopay")
def check_databases(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E016 for models of the project, orders among them perhaps, that are written to another database than ours.

    Asks routers only, and connects to nothing. Of Django's own apps, such as sessions, no effect is expected.
    """
    try:
        ours, accepted = router.db_for_write(InvoiceEvent), app_settings.SEPARATE_DATABASES
    except ImproperlyConfigured:
        return []  # E002 says it
    elsewhere: defaultdict[str, list[str]] = defaultdict(list)
    for model in apps.get_models():
        name = model._meta.app_config.name if model._meta.app_config else ""
        if name != "cryptopay_django" and not name.startswith("django.contrib.") and not model._meta.proxy:
            elsewhere[router.db_for_write(model)].append(model._meta.label)
    return [
        Error(
            f'DATABASE_ROUTERS send this app\'s rows to "{ours}", and {_some(labels)} to "{database}": what a '
            "receiver writes there is not in the transaction that marks its event as delivered, and may be written "
            "twice",
            hint="Put orders and this app into one database. Or let receivers write `event.uuid` into a table beside "
            "the orders, in the transaction of the effect (docs/scaling.md, Orders in another database). Where that "
            f'is done, or no receiver writes there: CRYPTOPAY_SEPARATE_DATABASES = ["{database}"].',
            id="cryptopay.E016",
        )
        for database, labels in sorted(elsewhere.items())
        if database not in (ours, *accepted)
    ]


def _some(labels: Sequence[str]) -> str:
    """Name a few models, and count the rest."""
    shown, more = ", ".join(sorted(labels)[:5]), len(labels) - 5
    return f"{shown} and {more} more" if more > 0 else shown


@register("cryptopay")
def check_isolation(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W018 for transactions that PostgreSQL ends with an error where others would wait."""
    database = router.db_for_write(InvoiceEvent)
    level = connections[database].settings_dict["OPTIONS"].get("isolation_level")
    if connections[database].vendor != "postgresql" or level in (None, _READ_COMMITTED):
        return []
    return [
        CheckWarning(
            f'DATABASES["{database}"] has an isolation level above READ COMMITTED: where two work on one invoice, '
            "PostgreSQL then refuses one of them instead of letting it wait; the worker tries again, a person sees an "
            "error",
            hint='Leave "isolation_level" out: every row that is changed here is locked first.',
            id="cryptopay.W018",
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


def _well_formed_accounts() -> Iterator[Account]:
    """Yield the accounts that E001 has nothing to say about."""
    try:
        names = account_names()
    except ImproperlyConfigured:
        return
    for name in names:
        try:
            yield get_account(name)
        except ImproperlyConfigured:
            continue


def _published_secrets(accounts: Sequence[Account]) -> Iterator[CheckMessage]:
    for account in accounts:
        known = _EVERYBODY_KNOWS.intersection({account.api_key, account.api_secret, *account.callback_secrets})
        if known and not is_development():
            yield Error(
                f'CRYPTOPAY_ACCOUNTS["{account.name}"] has credentials of the sandbox while DEBUG is off: everybody '
                "knows them, and can sign callbacks that say that an order was paid",
                hint="Take the account's own from the environment.",
                id="cryptopay.E012",
            )


def _shared_credentials(accounts: Sequence[Account]) -> Iterator[CheckMessage]:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for account in accounts:
        for secret in {account.api_key, account.api_secret, *account.callback_secrets}:
            owners[secret].append(account.name)
    for names in sorted({tuple(names) for names in owners.values() if len(names) > 1}):
        yield Error(
            f"the accounts {', '.join(names)} of CRYPTOPAY_ACCOUNTS share a key or a secret: what is told of "
            "one would be taken for the other's",
            hint="Each entry is one account at the gateway, with keys and secrets of its own.",
            id="cryptopay.E013",
        )


def _callbacks_are_redirected() -> bool:
    """Tell whether a callback that a proxy passes on over http would be answered with a redirect."""
    if settings.DEBUG or not settings.SECURE_SSL_REDIRECT or settings.SECURE_PROXY_SSL_HEADER:
        return False
    if "django.middleware.security.SecurityMiddleware" not in settings.MIDDLEWARE:
        return False
    try:
        path = path_of("callback").lstrip("/")
    except NoReverseMatch:
        return False
    return not any(re.search(pattern, path) for pattern in settings.SECURE_REDIRECT_EXEMPT)


@register("cryptopay")
def check_tasks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E019 when callbacks are to be processed as tasks and cannot be enqueued."""
    try:
        if app_settings.PROCESSING == "task":
            find_task("process_callback_task")
    except ImportError as error:
        return [
            Error(
                f'CRYPTOPAY_PROCESSING is "task", and no task framework is installed ({error})',
                hint='Django has one from 6.0 on; before that: pip install "cryptopay-django[tasks]".',
                id="cryptopay.E019",
            )
        ]
    except Exception as error:  # noqa: BLE001  what a backend raises is its own affair
        return [
            Error(
                f'CRYPTOPAY_PROCESSING is "task", and nothing can be enqueued: {error}',
                hint="CRYPTOPAY_TASK_BACKEND names an entry of TASKS, and CRYPTOPAY_TASK_QUEUE one of its QUEUES.",
                id="cryptopay.E019",
            )
        ]
    return []
