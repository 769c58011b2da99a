"""Locks a row, on every database. The first statement of a transaction must be a write or a lock.

A request that must answer in time waits for a lock only so long: `locks_wait_until`, `retried_while_locked`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import Atomic, TransactionManagementError

from ..exceptions import RowLockedError, TransactionOpenError
from .begin_again import AgainAsFirstQuerySet, again_as_first
from .save_signals import announce, has_listeners
from .sql_cache import ONE_MORE, insert, insert_if, select, touch, update

M = TypeVar("M", bound=models.Model)
P = ParamSpec("P")
T = TypeVar("T")

Narrow: TypeAlias = Callable[[models.QuerySet[M]], models.QuerySet[M]]
"""Makes a query narrower, always in the same way."""

_PAUSES = (0.005, 0.01, 0.02, 0.05)
"""How long to wait, in seconds, before each further try to lock a row; the last one before all that follow."""

_wait_until: ContextVar[float | None] = ContextVar("cryptopay_locks_wait_until", default=None)


@contextmanager
def locks_wait_until(deadline: float | None) -> Iterator[None]:
    """In this block, wait for no lock after `deadline`, on `time.monotonic()`. With None the database's limit counts.

    A function under `retried_while_locked` tries until then, any other gives up at once. On a database that cannot
    skip locked rows, its own limit counts: SQLite's is "timeout" in OPTIONS.
    """
    token = _wait_until.set(deadline)
    try:
        yield
    finally:
        _wait_until.reset(token)


def retried_while_locked(transact: Callable[P, T]) -> Callable[P, T]:
    """Call a function, which is one transaction, again while another transaction has locked a row that it needs.

    Each try is a transaction of its own: after a wait within one, REPEATABLE READ would show what was there before the
    wait. Raises RowLockedError once the deadline of `locks_wait_until` is over.
    """

    @wraps(transact)
    def try_in_time(*args: P.args, **kwargs: P.kwargs) -> T:
        tried = 0
        while True:
            try:
                return transact(*args, **kwargs)
            except RowLockedError:
                pause = _PAUSES[min(tried, len(_PAUSES) - 1)]
                deadline = _wait_until.get()
                if deadline is None or time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)
                tried += 1

    return try_in_time


class LockingManager(models.Manager[M]):
    """A manager that reads from the primary database and locks rows."""

    _queryset_class = AgainAsFirstQuerySet

    def primary(self) -> models.QuerySet[M]:
        """Return all rows from the primary database, and from no cache of rows. Others may be out of date."""
        rows = self.using(router.db_for_write(self.model))
        # As in `select_for_update`. So django-cacheops, which does not see an `update()`, caches no answer.
        rows._for_write = True  # type: ignore[attr-defined]
        return rows

    @property
    def skips_locked(self) -> bool:
        """Return whether the database can skip rows that another transaction has locked."""
        return connections[router.db_for_write(self.model)].features.has_select_for_update_skip_locked

    def add_missing(self, row: M) -> None:
        """Insert a row unless its key exists.

        Sends no `pre_save` or `post_save`, so that receivers cannot break our own work.
        """
        self.primary().bulk_create([row], ignore_conflicts=True)

    def find(self, narrow: Narrow[M] | None = None, **lookup: Any) -> list[M]:
        """Return the rows whose fields equal these values, from the primary database.

        `narrow` is a module-level function. It adds constant conditions or an order, or defers columns.
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
        """Lock the matching row until the transaction ends. Return it as it is after the lock, or None.

        Waits if another transaction has locked it, or raises RowLockedError under `locks_wait_until`. With
        `skip_locked` it returns None instead, if the database supports it. The rows of the foreign keys in `related`
        are read too, but not locked. `narrow` is used as in `find`. SQLite has no row locks. So an UPDATE that changes
        nothing first takes its only write lock. A read before it could not be upgraded to a write.
        """
        if not skip_locked and _wait_until.get() is not None and self.skips_locked:
            row = self.lock(narrow, skip_locked=True, related=related, **lookup)
            if row is None and self.find(narrow, **lookup):
                raise RowLockedError(f"another transaction has locked the {self.model._meta.verbose_name}")
            return row
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
        found = again_as_first(connections[using], lambda: select(self.model, using, shape, build, **lookup))
        return next(iter(found), None)

    def free(self, rows: models.QuerySet[M, T]) -> list[T]:
        """Lock these rows and return them, without those that another transaction has locked.

        Use it only in a transaction, and only if `skips_locked`.
        """
        connection = connections[rows.db]
        locked = rows.select_for_update(skip_locked=True, no_key=connection.features.has_select_for_no_key_update)
        return again_as_first(connection, lambda: list(locked.all()))

    def update_free(self, rows: models.QuerySet[M], **values: Any) -> int:
        """Write these values to the rows that no other transaction has locked; return the number of rows.

        Use it in a transaction. If the database cannot skip locked rows, all rows are written: SQLite has only one
        write lock.
        """
        if self.skips_locked:
            rows = self.primary().filter(pk__in=self.free(rows.values_list("pk", flat=True)))
        return rows.update(**values)

    def claim(self, row: M, due: str, until: datetime) -> bool:
        """Move the time in the field `due` unless another process has moved it since the row was read; return whether.

        Who takes a row into work moves it ahead by a lease, so it falls due again if that process dies. Locks nothing
        before the UPDATE, and commits by itself outside a transaction.
        """
        seen = self.primary().filter(pk=row.pk, **{due: getattr(row, due)})
        if not seen.update(**{due: until}):
            return False
        setattr(row, due, until)
        return True

    def insert(self, row: M) -> M:
        """Insert a new row and return it with its key."""
        using = router.db_for_write(self.model)
        announce(row, using, lambda: insert(row, using))
        return row

    def insert_if(self, row: M, there: type[models.Model], **lookup: Any) -> bool:
        """Insert a new row if `there` has a row whose fields equal these values.

        Return whether it did. Uses one statement.
        """
        using = router.db_for_write(self.model)
        return announce(row, using, lambda: insert_if(row, using, there, **lookup))

    def change(self, row: M, narrow: Narrow[M] | None = None, **values: Any) -> bool:
        """Write these values to the row.

        If it exists and `narrow` does not exclude it, write them to the object too.
        """
        using = router.db_for_write(self.model)
        # Receivers of pre_save must see the new values in the object and the old values in the database.
        before = {name: getattr(row, name) for name in values} if has_listeners(self.model) else {}
        is_written = False
        try:
            if before:
                _assign(row, values)
            is_written = announce(
                row,
                using,
                lambda: self._update(row, narrow, values),
                update_fields=frozenset(self.model._meta.get_field(name).name for name in values),
            )
        finally:
            _assign(row, values if is_written else before)
        return is_written

    def add_one(self, row: M, name: str, narrow: Narrow[M] | None = None, **values: Any) -> bool:
        """Add one to an integer field of the row, and write these values, if `narrow` does not exclude the row.

        Return whether it did. Uses one statement. Sends no signal, and leaves the object as it is.
        """
        return self._update(row, narrow, {name: ONE_MORE, **values})

    def write(self, row: M) -> None:
        """Write every column of an existing row, as `save()` does."""
        fields = (field for field in self.model._meta.concrete_fields if not field.primary_key)
        self.change(row, **{field.attname: getattr(row, field.attname) for field in fields})

    def _update(self, row: M, narrow: Narrow[M] | None, values: Mapping[str, Any]) -> bool:
        using, rows = router.db_for_write(self.model), self._narrowed(narrow)
        return again_as_first(
            connections[using], lambda: update(self.model, using, narrow, rows, pk=row.pk, values=values)
        )

    def _narrowed(self, narrow: Narrow[M] | None) -> Callable[[], models.QuerySet[M]]:
        return lambda: narrow(self.primary()) if narrow else self.primary()


def _assign(row: models.Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def write_transaction(model: type[models.Model], *, durable: bool = False) -> Atomic:
    """Return `transaction.atomic` for the database of this model. Safe if the connection breaks."""
    return _WriteTransaction(using=router.db_for_write(model), savepoint=True, durable=durable)


@contextmanager
def committed(model: type[models.Model], caller: str) -> Iterator[None]:
    """Write in a transaction that is committed at the end; raise TransactionOpenError inside of another one."""
    transaction = write_transaction(model, durable=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(transaction)
        except RuntimeError as error:
            alias = "" if transaction.using == DEFAULT_DB_ALIAS else f'(using="{transaction.using}")'
            raise TransactionOpenError(
                f"{caller} must run outside of transaction.atomic(), so that what it writes is on record before the "
                "gateway is called: commit what comes first; under ATOMIC_REQUESTS decorate the view with "
                f"@transaction.non_atomic_requests{alias}"
            ) from error
        yield


class _WriteTransaction(Atomic):
    """Discards a connection that a lost server has left inside a transaction, before and after the block.

    If autocommit cannot be switched on again, `atomic` treats the next block as nested and does not commit it. If the
    savepoint fails too, the connection stays in a transaction for ever and is never replaced.
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
    """Close a connection in any state, so that the next query opens a new one."""
    connection.in_atomic_block = connection.needs_rollback = False
    connection.savepoint_ids, connection.atomic_blocks = [], []
    with suppress(Error):
        connection.close()
