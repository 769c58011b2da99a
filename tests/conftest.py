"""Fixtures that the whole suite shares. Factories and the sandbox's live in `cryptopay_django.testing`."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connections
from django.test import testcases
from django.utils.translation import _trans, trans_null, trans_real
from hypothesis import settings

from cryptopay_django import caching
from cryptopay_django.gateway import calls
from cryptopay_django.services.worker import due_work

pytest_plugins = ["tests.canary"]

# Each is a project of its own, with packages that are not installed here: `python -m scripts.hosts`.
collect_ignore = ["hosts"]


def pytest_configure(config: pytest.Config) -> None:
    """Generate the same programs each time, unless a seed asks for others: `make prove` looks for new faults."""
    if config.getoption("--hypothesis-seed", None) is None:
        settings.register_profile("suite", derandomize=True)
        settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """Search for garbage seldom, and not among the ten thousand tests: a run takes a twelfth less processor time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, where that is in use
def pytest_xdist_auto_num_workers() -> int:
    """Start one process more than there are processors: tests wait for servers and for each other."""
    return (os.cpu_count() or 1) + 1


KEPT = {"django_content_type", "auth_permission"}
"""Tables that only `migrate` writes to."""


def empty_tables(database: str) -> None:
    """Delete what a test has left. PostgreSQL takes much longer to truncate a table than to delete a few rows."""
    connection = connections[database]
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
    statements = connection.ops.sql_flush(no_style(), tables)
    if connection.vendor == "postgresql":
        statements = [f"DELETE FROM {connection.ops.quote_name(table)};" for table in tables]
    connection.ops.execute_sql_flush(statements)


@pytest.fixture(autouse=True, scope="session")
def tables_are_emptied_fast() -> Iterator[None]:
    """End a test with transactions of its own without `flush`, which also makes every permission anew."""

    def call(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "flush":
            return empty_tables(options["database"])
        return call_command(name, *arguments, **options)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(testcases, "call_command", call)
        yield


@pytest.fixture(autouse=True, scope="session")
def translation_is_on() -> None:
    """Let Django choose its functions of translation now.

    It chooses each when it is first called, for the whole process. A test without USE_I18N must not be the first.
    """
    for name in vars(trans_null).keys() & vars(trans_real).keys():
        if callable(getattr(trans_real, name)):
            getattr(_trans, name)


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    """Begin with no list of coins, and with no failure to read one, that another test has left in the cache."""
    with caching.empty_space():
        yield


@pytest.fixture(autouse=True)
def nobody_has_looked_lately() -> None:
    """What is overdue is looked for once a second: another test's look is not this one's."""
    due_work.overdue_throttle.reset()


@pytest.fixture(autouse=True)
def no_pause_before_a_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat a GET that failed at once: a double of the gateway needs no time to recover. `tests/gateway` measures it."""
    monkeypatch.setattr(calls, "LONGEST_PAUSE", 0.0)
