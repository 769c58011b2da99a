"""Statements that every callback needs, compiled once for each database connection instead of each time.

The ORM takes several times as long to write the SQL for a row of forty columns as a database takes to find it
(docs/performance.md has the figures). What is kept is what the ORM wrote; nothing is written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from django.db import connections, models
from django.db.models import F
from django.db.models.sql import InsertQuery, UpdateQuery
from django.db.transaction import TransactionManagementError

M = TypeVar("M", bound=models.Model)

_KEPT = "_cryptopay_statements"


@dataclass(frozen=True)
class _Columns(Generic[M]):
    """Where in a row the columns of a model stand."""

    model: type[M]
    names: Sequence[str]
    places: Sequence[int]
    key: int

    def take(self, row: Sequence[Any], using: str) -> M | None:
        """Return the object; None where an outer join has found nothing."""
        if row[self.key] is None:
            return None
        return self.model.from_db(using, self.names, [row[place] for place in self.places])


@dataclass(frozen=True)
class _Select(Generic[M]):
    """A query of the ORM that can run again with other values: its SQL, and how a row becomes objects."""

    compiler: Any
    sql: str
    constants: Sequence[Any]
    fields: Sequence[Any]
    converters: Mapping[int, Any]
    own: _Columns[M]
    related: Sequence[tuple[Any, _Columns[Any]]]

    def run(self, values: Sequence[Any]) -> list[M]:
        connection = self.compiler.connection
        if self.compiler.query.select_for_update and not connection.in_atomic_block:
            raise TransactionManagementError("a row can be locked within a transaction only")
        with connection.cursor() as cursor:
            cursor.execute(self.sql, [*self.constants, *_prepare(self.fields, values, connection)])
            rows = cursor.fetchall()
        if self.converters:
            rows = self.compiler.apply_converters(rows, self.converters)
        found = []
        for row in rows:
            one = self.own.take(row, connection.alias)
            if one is not None:
                for field, columns in self.related:
                    field.set_cached_value(one, columns.take(row, connection.alias))
                found.append(one)
        return found


@dataclass(frozen=True)
class _Insert:
    """An INSERT of the ORM that can run again for other rows; whether it is the database that gives the key."""

    connection: Any
    sql: str
    fields: Sequence[Any]
    is_key_given: bool


def select(
    model: type[M], using: str, shape: object, build: Callable[[], models.QuerySet[M]], **lookup: Any
) -> list[M]:
    """Return the rows of `build()` whose fields equal these values, none of them None: nothing equals NULL.

    `build` is called once for each connection, `shape` and set of fields; it may order, lock, follow foreign keys
    and filter by what is always the same.
    """
    kept, key = _statements(using), ("select", model, shape, tuple(lookup))
    if key not in kept:
        kept[key] = _compile(model, using, build(), lookup)
    statement: _Select[M] = kept[key]
    return statement.run(list(lookup.values()))


def insert(row: models.Model, using: str) -> None:
    """Insert a new row and take over the key that the database gives it. Sends no `post_save`, as `bulk_create`."""
    kept, key = _statements(using), ("insert", type(row))
    if key not in kept:
        kept[key] = _compile_insert(row, using)
    _insert(kept[key], row, ())


def insert_if(row: models.Model, using: str, model: type[models.Model], **lookup: Any) -> bool:
    """Insert a new row if there is one of `model` whose fields equal these values; return whether. One statement."""
    connection, kept = connections[using], _statements(using)
    fields = _fields(model, lookup)
    key = ("insert if", type(row), model, tuple(lookup))
    if key not in kept:
        statement = _compile_insert(row, using)
        there = _filter(model._default_manager.using(using), lookup).order_by().values("pk")
        condition, asked = there.query.get_compiler(using).as_sql()
        _check(model, condition, asked, _prepare(fields, list(lookup.values()), connection))
        into, _, rest = statement.sql.partition(" VALUES (")
        values, bracket, returning = rest.rpartition(")")
        if not bracket:
            raise TypeError(f"this statement is no INSERT of one row: {statement.sql}")
        kept[key] = replace(statement, sql=f"{into} SELECT {values} WHERE EXISTS ({condition}){returning}")
    return _insert(kept[key], row, _prepare(fields, list(lookup.values()), connection))


def touch(model: type[models.Model], using: str, **lookup: Any) -> bool:
    """Write the row whose fields equal these values as it is, for the lock of a write; return whether it is there."""
    connection, kept = connections[using], _statements(using)
    fields = _fields(model, lookup)
    key = ("touch", model, tuple(lookup))
    if key not in kept:
        pk = model._meta.pk.attname
        query: Any = _filter(model._default_manager.using(using), lookup).query.chain(UpdateQuery)
        query.add_update_values({pk: F(pk)})
        sql, asked = query.get_compiler(using).as_sql()
        _check(model, sql, asked, _prepare(fields, list(lookup.values()), connection))
        kept[key] = sql
    with connection.cursor() as cursor:
        cursor.execute(kept[key], _prepare(fields, list(lookup.values()), connection))
        return bool(cursor.rowcount)


def update(
    model: type[M],
    using: str,
    shape: object,
    build: Callable[[], models.QuerySet[M]],
    *,
    pk: object,
    values: Mapping[str, Any],
) -> int:
    """Write these values into the row of `build()` that has this key; return whether there is one, as 1 or 0.

    `build` as for `select`, without an order. Sends no `post_save`, as `QuerySet.update`.
    """
    connection, kept = connections[using], _statements(using)
    pairs: list[tuple[Any, Any]] = [(model._meta.get_field(name), value) for name, value in values.items()]
    prepared = [field.get_db_prep_save(value, connection) for field, value in pairs]
    which = model._meta.pk.get_db_prep_value(pk, connection)
    key = ("update", model, shape, tuple(values), tuple(value is None for value in prepared))
    if key not in kept:
        query: Any = build().filter(pk=pk).query.chain(UpdateQuery)
        query.add_update_fields([(field, None, value) for field, value in pairs])
        sql, asked = query.get_compiler(using).as_sql()
        # Some releases of Django write NULL into the SQL, others pass it as a value.
        writes_null = None in prepared and None not in asked
        given = [value for value in prepared if not (writes_null and value is None)]
        constants = list(asked)[len(given) : -1]
        _check(model, sql, asked, [*given, *constants, which])
        kept[key] = sql, writes_null, constants
    sql, writes_null, constants = kept[key]
    given = [value for value in prepared if not (writes_null and value is None)]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*given, *constants, which])
        changed: int = cursor.rowcount
    return changed


def _check(model: type[models.Model], sql: str, asked: Sequence[Any], ours: Sequence[Any]) -> None:
    """Raise TypeError unless the ORM has put into its statement, one by one, what we would put into it."""
    pairs = zip(asked, ours, strict=False)
    if len(asked) != len(ours) or not all(one == other or _bare(one) == _bare(other) for one, other in pairs):
        raise TypeError(f"this statement of {model.__name__} takes its values in another order: {sql}")


def _bare(value: Any) -> Any:
    """Return what psycopg's wrapper of JSON holds, which has no equality of its own."""
    return getattr(value, "obj", value)


def _compile_insert(row: models.Model, using: str) -> _Insert:
    model, connection = type(row), connections[using]
    query = InsertQuery(model)
    query.insert_values([field for field in model._meta.concrete_fields if not field.auto_created], [row])
    compiler = query.get_compiler(using)
    pk = model._meta.pk
    compiler.returning_fields = [pk] if pk.auto_created else []
    ((sql, asked),) = compiler.as_sql()
    _check(model, sql, asked, _insertable(compiler.query.fields, row, connection))
    query.objs = []  # the SQL is kept, not the row
    return _Insert(connection, sql, compiler.query.fields, is_key_given=bool(compiler.returning_fields))


def _insert(statement: _Insert, row: models.Model, condition: Sequence[Any]) -> bool:
    """Insert a row; return False, and leave it as it is, when the statement has left it out."""
    connection = statement.connection
    with connection.cursor() as cursor:
        cursor.execute(statement.sql, [*_insertable(statement.fields, row, connection), *condition])
        if statement.is_key_given and connection.features.can_return_columns_from_insert:
            told = cursor.fetchone()
            if told is None:
                return False
            row.pk = told[0]
        elif not cursor.rowcount:
            return False
        elif statement.is_key_given:
            row.pk = cursor.lastrowid
    row._state.adding, row._state.db = False, connection.alias
    return True


def _insertable(fields: Iterable[Any], row: models.Model, connection: Any) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]


def _statements(using: str) -> dict[object, Any]:
    """Return what was compiled for a connection: kept by it, and gone with it."""
    kept: dict[object, Any] = connections[using].__dict__.setdefault(_KEPT, {})
    return kept


def _compile(model: type[M], using: str, queryset: models.QuerySet[M], lookup: Mapping[str, Any]) -> _Select[M]:
    connection, fields = connections[using], _fields(model, lookup)
    compiler = _filter(queryset, lookup).query.get_compiler(using)
    sql, values = compiler.as_sql()
    constants, asked = list(values)[: -len(fields)], list(values)[-len(fields) :]
    _check(model, sql, asked, _prepare(fields, list(lookup.values()), connection))
    klass = compiler.klass_info
    return _Select(
        compiler=compiler,
        sql=sql,
        constants=constants,
        fields=fields,
        converters=compiler.get_converters([column[0] for column in compiler.select]),
        own=_columns(compiler, klass),
        related=[(info["field"], _columns(compiler, info)) for info in klass.get("related_klass_infos", ())],
    )


def _columns(compiler: Any, klass: Mapping[str, Any]) -> _Columns[Any]:
    places = klass["select_fields"]
    names = [compiler.select[place][0].target.attname for place in places]
    return _Columns(klass["model"], names, places, places[names.index(klass["model"]._meta.pk.attname)])


def _filter(queryset: models.QuerySet[M], lookup: Mapping[str, Any]) -> models.QuerySet[M]:
    """Add the conditions one by one: only so do their values stand in this order."""
    for name, value in lookup.items():
        queryset = queryset.filter(**{name: value})
    return queryset


def _fields(model: type[models.Model], names: Iterable[str]) -> list[Any]:
    return [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in names]


def _prepare(fields: Sequence[Any], values: Sequence[Any], connection: Any) -> list[Any]:
    return [field.get_db_prep_value(value, connection) for field, value in zip(fields, values, strict=True)]
