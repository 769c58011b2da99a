"""Locks a row on every database. The first statement of a transaction is a write or a lock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic, TransactionManagementError

from .listeners import announce, has_listeners
from .prepared import insert, insert_if, select, touch, update

M = TypeVar("M", bound=models.Model)

Narrow: TypeAlias = Callable[[models.QuerySet[M]], models.QuerySet[M]]
"""Makes a query narrower, always in the same way."""


class LockingManager(models.Manager[M]):
    """A manager that can read past replicas, and lock one row for the transaction it runs in."""

    def primary(self) -> models.QuerySet[M]:
        """Return all rows as the database that is written to has them: a replica may lag behind."""
        return self.using(router.db_for_write(self.model))

    @property
    def skips_locked(self) -> bool:
        """Return whether the database can pass over a row that another transaction has locked."""
        return connections[router.db_for_write(self.model)].features.has_select_for_update_skip_locked

    def add_missing(self, row: M) -> None:
        """Insert a row unless its key is there. Sends no signals of saving: work of our own must not fail by them."""
        self.primary().bulk_create([row], ignore_conflicts=True)

    def find(self, narrow: Narrow[M] | None = None, **lookup: Any) -> list[M]:
        """Return the rows whose fields equal these values, as the database that is written to has them.

        `narrow` is a function of a module: it adds conditions that are always the same, an order, or leaves columns
        out.
        """
        using = router.db_for_write(self.model)
        return select(self.model, using, ("find", narrow), self._narrowed(narrow), **lookup)

    def lock(
        self,
        narrow: Narrow[M] | None = None,
        *,
        skip_locked: bool = False,
        related: Sequence[str] = (),
        **lookup: Any,
    ) -> M | None:
        """Lock the one matching row until the transaction ends and return it as it is then, or None.

        Waits for another holder; with `skip_locked` returns None instead, where the database can do that.
        The rows that the foreign keys in `related` point at are read with it, and not locked; `narrow` as in `find`.
        SQLite has no row locks: an UPDATE that changes nothing takes its one write lock first, so that
        no read can stand before it and be refused the upgrade to a write.
        """
        using = router.db_for_write(self.model)
        features = connections[using].features
        is_plain = not related and narrow is None
        if not features.has_select_for_update:
            if not touch(self.model, using, **lookup):
                return None
        elif not (is_plain or features.has_select_for_update_of) and not self.lock(skip_locked=skip_locked, **lookup):
            return None
        skips = skip_locked and features.has_select_for_update_skip_locked
        locks = features.has_select_for_update and (is_plain or features.has_select_for_update_of)

        def build() -> models.QuerySet[M]:
            rows = self._narrowed(narrow)()
            rows = rows.select_related(*related) if related else rows
            if not locks:
                return rows
            no_key = features.has_select_for_no_key_update
            return rows.select_for_update(skip_locked=skips, no_key=no_key, of=() if is_plain else ("self",))

        shape = ("lock", skips, locks, tuple(related), narrow)
        return next(iter(select(self.model, using, shape, build, **lookup)), None)

    def free(self, rows: models.QuerySet[M]) -> models.QuerySet[M]:
        """Return the rows so that reading them locks them, without those that another transaction has locked.

        Only where the database `skips_locked`, and in a transaction.
        """
        features = connections[rows.db].features
        return rows.select_for_update(skip_locked=True, no_key=features.has_select_for_no_key_update)

    def update_free(self, rows: models.QuerySet[M], **values: Any) -> int:
        """Write these values into the rows that no other transaction has locked; return how many.

        In a transaction. Where the database cannot skip them, all are written: SQLite has one write lock for all.
        """
        if self.skips_locked:
            rows = self.primary().filter(pk__in=list(self.free(rows).values_list("pk", flat=True)))
        return rows.update(**values)

    def insert(self, row: M) -> M:
        """Insert a new row and return it with its key."""
        using = router.db_for_write(self.model)
        announce(row, using, lambda: insert(row, using))
        return row

    def insert_if(self, row: M, there: type[models.Model], **lookup: Any) -> bool:
        """Insert a new row if `there` has one whose fields equal these values; return whether. One statement."""
        using = router.db_for_write(self.model)
        return announce(row, using, lambda: insert_if(row, using, there, **lookup))

    def change(self, row: M, narrow: Narrow[M] | None = None, **values: Any) -> bool:
        """Write these values into the row and, if it is there and not left out by `narrow`, into the object."""
        using = router.db_for_write(self.model)
        rows = self._narrowed(narrow)
        # Who listens sees the new values in the object and, before the write, the old ones in the database.
        before = {name: getattr(row, name) for name in values} if has_listeners(self.model) else {}
        is_written = False
        try:
            if before:
                _assign(row, values)
            is_written = announce(
                row,
                using,
                lambda: update(self.model, using, narrow, rows, pk=row.pk, values=values),
                update_fields=frozenset(self.model._meta.get_field(name).name for name in values),
            )
        finally:
            _assign(row, values if is_written else before)
        return is_written

    def _narrowed(self, narrow: Narrow[M] | None) -> Callable[[], models.QuerySet[M]]:
        return lambda: narrow(self.primary()) if narrow else self.primary()


def _assign(row: models.Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def write_transaction(model: type[models.Model], *, durable: bool = False) -> Atomic:
    """Return `transaction.atomic` for the database that this model is written to, safe on a connection that breaks."""
    return _WriteTransaction(using=router.db_for_write(model), savepoint=True, durable=durable)


class _WriteTransaction(Atomic):
    """Never starts on, and never leaves behind, a connection that a lost server has left half inside a transaction.

    Where switching autocommit back on fails, `atomic` takes the next block for a nested one: it would not commit it,
    and if its savepoint fails as well, the connection counts as inside a transaction for ever, and is never renewed.
    """

    def __enter__(self) -> None:
        connection = connections[self.using or DEFAULT_DB_ALIAS]
        if connection.in_atomic_block:
            super().__enter__()
            return
        if not connection.get_autocommit():
            if connection.is_usable():
                raise TransactionManagementError(
                    "autocommit is off, so nothing would be committed here: use transaction.atomic in its place"
                )
            _discard(connection)
        try:
            super().__enter__()
        except Error:
            _discard(connection)
            raise


def _discard(connection: BaseDatabaseWrapper) -> None:
    """Close a connection whatever state it is in, so that the next query opens a new one."""
    connection.in_atomic_block = connection.needs_rollback = False
    connection.savepoint_ids, connection.atomic_blocks = [], []
    with suppress(Error):
        connection.close()
