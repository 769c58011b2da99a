"""Checks what is installed and set up: settings, migrations, URLs, versions."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

import django
from django.core import checks
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.urls import NoReverseMatch

from ... import __version__
from ...links import path_of
from ...models import Invoice
from ..accounts import DEFAULT_ACCOUNT
from .check_result import CheckResult, Level

_LEVELS = {checks.ERROR: Level.ERROR, checks.CRITICAL: Level.ERROR, checks.WARNING: Level.WARNING}


def check_settings() -> Iterator[CheckResult]:
    """Repeat what `manage.py check` says about this app."""
    messages = [message for message in checks.run_checks(tags=["cryptopay"]) if not message.is_silenced()]
    for message in messages:
        level = _LEVELS.get(message.level, Level.OK)
        yield CheckResult("settings", level, f"{message.id}: {message.msg}", message.hint or "")
    if not messages:
        yield CheckResult("settings", Level.OK, "manage.py check finds nothing")


def check_migrations() -> Iterator[CheckResult]:
    """Report the migrations of this app that the database lacks."""
    executor = MigrationExecutor(connections[router.db_for_write(Invoice)])
    targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] == Invoice._meta.app_label]
    missing = [f"{migration.app_label}.{migration.name}" for migration, _ in executor.migration_plan(targets)]
    if missing:
        yield CheckResult("migrations", Level.ERROR, f"not applied: {', '.join(missing)}", "Run manage.py migrate.")
    else:
        yield CheckResult("migrations", Level.OK, "all applied")


def check_connections() -> Iterator[CheckResult]:
    """Return whether every callback opens a connection of its own to a database server."""
    connection = connections[router.db_for_write(Invoice)]
    yield judge_connections(connection.vendor, connection.settings_dict)


def judge_connections(vendor: str, database: Mapping[str, Any]) -> CheckResult:
    """Judge an entry of DATABASES, complete with its defaults."""
    if vendor == "sqlite" or database["CONN_MAX_AGE"] != 0 or database["OPTIONS"].get("pool"):
        return CheckResult("connections", Level.OK, "connections to the database are kept, or cost nothing")
    found = "CONN_MAX_AGE is 0: every request opens a connection, which makes a callback take 3 to 8 times as long"
    remedy = 'Set "CONN_MAX_AGE": 60 and "CONN_HEALTH_CHECKS": True in DATABASES; under ASGI use a pool instead.'
    return CheckResult("connections", Level.WARNING, found, remedy)


def callback_path(account: str) -> str:
    """Return the path that callbacks of an account come in at; raises NoReverseMatch."""
    if account == DEFAULT_ACCOUNT:
        return path_of("callback")
    return path_of("account-callback", account)


def check_urls() -> Iterator[CheckResult]:
    """Report the URLs where callbacks arrive."""
    try:
        path = callback_path(DEFAULT_ACCOUNT)
    except NoReverseMatch:
        remedy = 'Add path("cryptopay/", include("cryptopay_django.urls")) to the URLs of the project.'
        yield CheckResult("URLs", Level.ERROR, "there is no callback URL", remedy)
    else:
        yield CheckResult("URLs", Level.OK, f"callbacks come in at {path}")


def show_versions() -> Iterator[CheckResult]:
    """Report the versions of what runs here, for a bug report."""
    connection = connections[router.db_for_write(Invoice)]
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("django-fsm-2", "requests") if _has(name))
    found = (
        f"cryptopay-django {__version__}, Django {django.get_version()}, Python {platform.python_version()}, "
        f"{connection.display_name}, {packages}"
    )
    yield CheckResult("versions", Level.OK, found)


def _has(name: str) -> bool:
    return bool(next(iter(metadata.distributions(name=name)), None))
