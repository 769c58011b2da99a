"""Keeps compiled statements for each database connection, so that a callback need not compile them each time.

For a row of forty columns, the ORM needs several times as long to compile the SQL as a database needs to find the row
(docs/performance.md has measurements). The SQL always comes from the ORM; none is written by hand. If a driver or a
version of Django compiles a statement in a way that cannot be reused, the ORM runs it as usual.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django.db import Error, connections, models
from django.db.models import F
from django.db.models.sql import UpdateQuery
from django.db.transaction import atomic

from ..redaction import hide_locals
from .compiled_sql import (
    Insert,
    Select,
    check,
    check_order,
    compile_insert,
    compile_insert_if,
    compile_select,
    condition_of,
    fields_of,
    filtered,
    insertable,
    inserted_fields,
    prepare,
    rows_of,
    with_literals,
)

M = TypeVar("M", bound=models.Model)

logger = logging.getLogger("cryptopay_django")

ONE_MORE = object()
"""In `update`, as the value of an integer field: one more than the row has."""

_KEPT = "_cryptopay_statements"

_reported: set[str] = set()
"""The databases of which the log says already that the ORM is used."""


@hide_locals  # rows of invoices contain an e-mail address
def select(
    model: type[M], using: str, shape: object, build: Callable[[], models.QuerySet[M]], **lookup: Any
) -> list[M]:
    """Return the rows of `build()` whose fields equal these values. No value may be None, because nothing equals NULL.

    `build` is called once for each connection, `shape` and set of fields. It may order, lock, follow foreign keys and
    add constant filters.
    """
    key, values = ("select", model, shape, tuple(lookup)), prepare(model, using, lookup)
    statement: Select[M] | None = keep(using, key, lambda: compile_select(model, using, build(), lookup, values))
    if statement is not None:
        try:
            return statement.run(values)
        except Error:
            raise
        except Exception as error:  # noqa: BLE001  reading by way of the ORM's inner parts has failed
            _give_up(using, key, error)
    return list(filtered(build(), lookup))


def insert(row: models.Model, using: str) -> bool:
    """Insert a new row, set the key that the database generates, and return True. Sends no signal."""
    values = insertable(inserted_fields(type(row)), row, connections[using])
    statement = keep(using, ("insert", type(row)), lambda: compile_insert(row, using, values))
    return _insert_by_orm(row, using) if statement is None else _insert(statement, row, values)


def insert_if(row: models.Model, using: str, model: type[models.Model], **lookup: Any) -> bool:
    """Insert a new row if `model` has a row whose fields equal these values; return whether it did. Sends no signal.

    Uses one statement. If the ORM itself is used, two statements in a transaction.
    """
    condition = prepare(model, using, lookup)
    values = insertable(inserted_fields(type(row)), row, connections[using])
    statement = keep(
        using,
        ("insert if", type(row), model, tuple(lookup)),
        lambda: compile_insert_if(row, using, values, model=model, lookup=lookup, asked_for=condition),
    )
    if statement is not None:
        return _insert(statement, row, [*values, *condition])
    with atomic(using=using):
        return filtered(rows_of(model, using), lookup).exists() and _insert_by_orm(row, using)


def touch(model: type[models.Model], using: str, **lookup: Any) -> bool:
    """Write a row without changing it, to take its write lock; return whether a row with these values exists."""
    values, pk = prepare(model, using, lookup), model._meta.pk.attname

    def compile_() -> str:
        query: Any = filtered(rows_of(model, using), lookup).query.chain(UpdateQuery)
        query.add_update_values({pk: F(pk)})
        sql, asked = query.get_compiler(using).as_sql()
        check(model, sql, asked, values)
        check_order(condition_of(sql), fields_of(model, lookup), using)
        return str(sql)

    sql = keep(using, ("touch", model, tuple(lookup)), compile_)
    if sql is None:
        return bool(filtered(rows_of(model, using), lookup).update(**{pk: F(pk)}))
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        return bool(cursor.rowcount)


def update(
    model: type[M],
    using: str,
    shape: object,
    build: Callable[[], models.QuerySet[M]],
    *,
    pk: object,
    values: Mapping[str, Any],
) -> bool:
    """Write these values to the row of `build()` with this key; return whether it exists. Sends no signal.

    `build` is used as in `select`, but must not order. A value can be ONE_MORE.
    """
    connection = connections[using]
    fields = fields_of(model, values)
    written = {name: F(name) + 1 if value is ONE_MORE else value for name, value in values.items()}
    prepared = [
        1 if value is ONE_MORE else field.get_db_prep_save(value, connection)
        for field, value in zip(fields, values.values(), strict=True)
    ]
    which = model._meta.pk.get_db_prep_value(pk, connection)

    def compile_() -> tuple[str, bool]:
        query: Any = build().filter(pk=pk).query.chain(UpdateQuery)
        pairs = zip(fields, written.values(), strict=True)
        query.add_update_fields([(field, None, value) for field, value in pairs])
        sql, asked = query.get_compiler(using).as_sql()
        # Some versions of Django write NULL into the SQL, others pass it as a parameter.
        writes_null = None in prepared and None not in asked
        given = [value for value in prepared if not (writes_null and value is None)]
        constants = list(asked)[len(given) : -1]
        check(model, sql, asked, [*given, *constants, which])
        check_order(sql.partition(" WHERE ")[0], fields, using)
        return with_literals(sql, constants, using, after=len(given)), writes_null

    forms = tuple("NULL" if value is None else value is ONE_MORE for value in values.values())
    key = ("update", model, shape, tuple(values), forms)
    kept = keep(using, key, compile_)
    if kept is None:
        return bool(build().filter(pk=pk).update(**written))
    sql, writes_null = kept
    given = [value for value in prepared if not (writes_null and value is None)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*given, which])
        return bool(cursor.rowcount)


def keep(using: str, key: object, compile_: Callable[[], Any]) -> Any:
    """Return what was compiled for a key, or None if it cannot be reused. The first call of a connection compiles."""
    kept = _statements(using)
    if key not in kept:
        try:
            kept[key] = compile_()
        except Error:
            raise
        except Exception as error:  # noqa: BLE001  what the ORM's inner parts raise where they are not as we know them
            _give_up(using, key, error)
    return kept[key]


def _give_up(using: str, key: object, error: Exception) -> None:
    """Use the ORM itself for a statement on this connection from now on. Logs this once for each database."""
    _statements(using)[key] = None
    if using not in _reported:
        _reported.add(using)
        logger.warning(
            'compiled statements for the database "%s" cannot be reused, so the ORM compiles them each time, '
            "which is slower: %s",
            using,
            f"{type(error).__name__}: {error}"[:300],
        )


def _insert(statement: Insert, row: models.Model, values: Sequence[Any]) -> bool:
    """Insert a row. If the statement inserted nothing, return False and do not change the object."""
    connection = statement.connection
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, values)
        if statement.is_key_given and connection.features.can_return_columns_from_insert:
            returned = cursor.fetchone()
            if returned is None:
                return False
            row.pk = returned[0]
        elif not cursor.rowcount:
            return False
        elif statement.is_key_given:
            row.pk = cursor.lastrowid
    row._state.adding, row._state.db = False, connection.alias
    return True


def _insert_by_orm(row: models.Model, using: str) -> bool:
    type(row)._base_manager.using(using).bulk_create([row])
    if row.pk is None:  # MySQL returns no keys for bulk inserts
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT LAST_INSERT_ID()")
            (row.pk,) = cursor.fetchone()
    return True


def _statements(using: str) -> dict[object, Any]:
    """Return the statements that were compiled for a connection. They are stored on the connection object."""
    kept: dict[object, Any] = connections[using].__dict__.setdefault(_KEPT, {})
    return kept
