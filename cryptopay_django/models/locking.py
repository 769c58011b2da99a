"""How a row is locked on every database. The first statement of a transaction is a write or a lock."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.db.transaction import Atomic, TransactionManagementError

M = TypeVar("M", bound=models.Model)


class LockingManager(models.Manager[M]):
    """A manager that can read past replicas, and lock one row for the transaction it runs in."""

    def primary(self) -> models.QuerySet[M]:
        """Return all rows as the database that is written to has them: a replica may lag behind."""
        return self.using(router.db_for_write(self.model))

    def lock(self, *, skip_locked: bool = False, **lookup: Any) -> M | None:
        """Lock the one matching row until the transaction ends and return it as it is then, or None.

        Waits for another holder; with `skip_locked` returns None instead, where the database can do that.
        SQLite has no row locks: an UPDATE that changes nothing takes its one write lock first, so that
        no read can stand before it and be refused the upgrade to a write.
        """
        features = connections[router.db_for_write(self.model)].features
        if not features.has_select_for_update:
            key = self.model._meta.pk.attname
            if not self.filter(**lookup).update(**{key: F(key)}):
                return None
            return self.primary().get(**lookup)
        locked = self.select_for_update(
            skip_locked=skip_locked and features.has_select_for_update_skip_locked,
            no_key=features.has_select_for_no_key_update,
        )
        return locked.filter(**lookup).first()


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
