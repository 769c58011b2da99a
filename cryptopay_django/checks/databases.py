"""Checks the databases of the project's models, and how transactions begin and end. Connects to no database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from ..conf import app_settings
from ..models import InvoiceEvent

_READ_COMMITTED = 2
"""As psycopg numbers them."""


def check_databases(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return E016 for models of the project, such as orders, that are written to another database than ours.

    Asks only the routers. Django's own apps, such as sessions, are ignored, because receivers do not write to them.
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
    """Return the names of a few models, and the number of the others."""
    shown, more = ", ".join(sorted(labels)[:5]), len(labels) - 5
    return f"{shown} and {more} more" if more > 0 else shown


def check_autocommit(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E027 for a database whose transactions nothing commits: a callback would be answered 200 and be gone."""
    database = router.db_for_write(InvoiceEvent)
    if connections[database].settings_dict["AUTOCOMMIT"]:
        return []
    return [
        Error(
            f'DATABASES["{database}"] has "AUTOCOMMIT": False: Django then leaves every commit to the project, also '
            "that of a stored callback and of an invoice that is about to be made at the gateway",
            hint='Leave "AUTOCOMMIT" out.',
            id="cryptopay.E027",
        )
    ]


def check_isolation(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return W018 if PostgreSQL ends a transaction with an error instead of letting it wait."""
    database = router.db_for_write(InvoiceEvent)
    level = connections[database].settings_dict["OPTIONS"].get("isolation_level")
    if connections[database].vendor != "postgresql" or level in (None, _READ_COMMITTED):
        return []
    return [
        CheckWarning(
            f'DATABASES["{database}"] has an isolation level above READ COMMITTED: where two work on one invoice, '
            "PostgreSQL then refuses one of them instead of letting it wait; the worker tries again, a person may see "
            "an error",
            hint='Leave "isolation_level" out: every row that is changed here is locked first.',
            id="cryptopay.W018",
        )
    ]


def check_driver(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return W029 for the Django backend of MySQL Connector/Python, which drops the microseconds of times."""
    database = router.db_for_write(InvoiceEvent)
    if not connections[database].settings_dict["ENGINE"].startswith("mysql.connector"):
        return []
    return [
        CheckWarning(
            f'DATABASES["{database}"] uses the backend of MySQL Connector/Python: it drops the microseconds of times, '
            "by which work is put into order",
            hint='Use "django.db.backends.mysql" with mysqlclient or PyMySQL (docs/compatibility.md).',
            id="cryptopay.W029",
        )
    ]
