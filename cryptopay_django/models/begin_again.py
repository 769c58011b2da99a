"""Begins a transaction anew that came too late, which PostgreSQL refuses above READ COMMITTED."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import OperationalError, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

M = TypeVar("M", bound=models.Model)
T = TypeVar("T")

_SERIALIZATION_FAILURE = "40001"
_IDLE = 0  # the same number in psycopg and psycopg2


def again_as_first(connection: BaseDatabaseWrapper, run: Callable[[], T]) -> T:
    """Run a statement, and again with a new snapshot each time that it began its transaction and came too late.

    Above READ COMMITTED, PostgreSQL ends a statement that has waited for a row, because the snapshot is from before
    the wait (serialization_failure). A transaction in which nothing was done yet can begin again, and loses nothing.
    It has come too late because another one has been committed: so of many at once, one is done each time.
    """
    if connection.vendor != "postgresql" or not _has_not_begun(connection):
        return run()
    while True:
        try:
            return run()
        except OperationalError as error:
            # psycopg calls it sqlstate, psycopg2 pgcode.
            codes = {getattr(error.__cause__, name, None) for name in ("sqlstate", "pgcode")}
            if _SERIALIZATION_FAILURE not in codes:
                raise
            connection.connection.rollback()
            connection.needs_rollback = False  # which it is now, to where nothing was done


def _has_not_begun(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the driver has sent nothing of a transaction yet: it sends BEGIN before the first statement."""
    connection.ensure_connection()
    return bool(connection.connection.info.transaction_status == _IDLE)


class AgainAsFirstQuerySet(models.QuerySet[M]):
    """Updates and inserts rows by `again_as_first`."""

    def update(self, **kwargs: Any) -> int:
        """Write these values to all rows; return their number."""
        self._for_write = True
        return again_as_first(connections[self.db], lambda: super(AgainAsFirstQuerySet, self).update(**kwargs))

    update.alters_data = True  # type: ignore[attr-defined]  # no template may call it

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Insert many objects, and return them."""
        self._for_write = True
        rows = list(objs)
        return again_as_first(
            connections[self.db], lambda: super(AgainAsFirstQuerySet, self).bulk_create(rows, *args, **kwargs)
        )
