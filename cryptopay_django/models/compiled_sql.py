"""Compiles one statement with the ORM, and checks that it can be reused. `sql_cache.py` keeps and runs it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Generic, TypeVar

from django.db import connections, models
from django.db.models.sql import InsertQuery
from django.db.transaction import TransactionManagementError

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True)
class _Columns(Generic[M]):
    """The positions of a model's columns in a row."""

    model: type[M]
    names: Sequence[str]
    places: Sequence[int]
    key: int

    def take(self, row: Sequence[Any], using: str) -> M | None:
        """Return the object, or None if an outer join found no row."""
        if row[self.key] is None:
            return None
        return self.model.from_db(using, self.names, [row[place] for place in self.places])


@dataclass(frozen=True)
class Select(Generic[M]):
    """A compiled ORM query that can run again with other values: its SQL, and how to build objects from a row."""

    compiler: Any
    sql: str
    converters: Mapping[int, Any]
    own: _Columns[M]
    related: Sequence[tuple[Any, _Columns[Any]]]

    def run(self, values: Sequence[Any]) -> list[M]:
        connection = self.compiler.connection
        if self.compiler.query.select_for_update and not connection.in_atomic_block:
            raise TransactionManagementError("a row can be locked within a transaction only")
        with connection.cursor() as cursor:
            cursor.execute(self.sql, values)
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
class Insert:
    """A compiled ORM INSERT that can run again for other rows, and whether the database generates the key."""

    connection: Any
    sql: str
    is_key_given: bool


def check(model: type[models.Model], sql: str, asked: Sequence[Any], ours: Sequence[Any]) -> None:
    """Raise TypeError unless the statement's parameters are exactly the values that we would pass, in this order."""
    pairs = zip(asked, ours, strict=False)
    if len(asked) != len(ours) or not all(one == other or _bare(one) == _bare(other) for one, other in pairs):
        raise TypeError(f"this statement of {model.__name__} takes its values in another order: {sql}")


def check_order(sql: str, fields: Iterable[Any], using: str) -> None:
    """Raise TypeError unless a part of a statement names these columns in this order. Equal values do not prove it."""
    place = 0
    for field in fields:
        place = sql.find(connections[using].ops.quote_name(field.column), place) + 1
        if not place:
            raise TypeError(f"this statement names its columns in another order: {sql}")


def with_literals(sql: str, constants: Sequence[Any], using: str, *, after: int = 0) -> str:
    """Write constants into a statement in place of their parameters, the first `after` parameters left as they are.

    A driver adapts each parameter each time, and psycopg reads a statement of more than fifty anew each time. The
    constants are those of our own conditions: states and kinds of events, never what somebody sent.

    Raises TypeError if the backend cannot write them, as that of MySQL Connector/Python, which quotes nothing
    (mysql-connector-python 26.10.0).
    """
    quote, left = connections[using].schema_editor().quote_value, list(constants)
    if left and quote("a") != "'a'":
        raise TypeError("the backend does not quote values")
    parts = re.split("(%%|%s)", sql)
    for place in (place for place, part in enumerate(parts) if part == "%s"):
        if after:
            after -= 1
        elif left:
            value = left.pop(0)
            parts[place] = str(quote(value.value if isinstance(value, Enum) else value))
            if "%" in parts[place]:
                raise TypeError(f"a constant with a percent sign stays a parameter: {parts[place]}")
    return "".join(parts)


def condition_of(sql: str) -> str:
    """Return the last conditions of a statement."""
    return sql.rpartition(" WHERE ")[2]


def _bare(value: Any) -> Any:
    """Return the value inside a driver's JSON wrapper (psycopg or psycopg2), which cannot be compared."""
    return getattr(value, "obj", getattr(value, "adapted", value))


def inserted_fields(model: type[models.Model]) -> list[Any]:
    """Return the fields that an INSERT sets."""
    return [field for field in model._meta.concrete_fields if not field.auto_created]


def compile_insert(row: models.Model, using: str, values: Sequence[Any]) -> Insert:
    """Compile the INSERT of a row with these values."""
    model, connection = type(row), connections[using]
    query = InsertQuery(model)
    # The values are in the row already. A field that sets the present time would set another one now.
    query.insert_values(inserted_fields(model), [row], raw=True)
    compiler = query.get_compiler(using)
    pk = model._meta.pk
    compiler.returning_fields = [pk] if pk.auto_created else []
    ((sql, asked),) = compiler.as_sql()
    check(model, sql, asked, values)
    check_order(sql, compiler.query.fields, using)
    query.objs = []  # the SQL is kept, not the row
    return Insert(connection, sql, is_key_given=bool(compiler.returning_fields))


def compile_insert_if(
    row: models.Model,
    using: str,
    values: Sequence[Any],
    *,
    model: type[models.Model],
    lookup: Mapping[str, Any],
    asked_for: Sequence[Any],
) -> Insert:
    """Compile an INSERT of a row with these values that happens only if another row matches a lookup."""
    statement = compile_insert(row, using, values)
    there = filtered(rows_of(model, using), lookup).order_by().values("pk")
    condition, asked = there.query.get_compiler(using).as_sql()
    check(model, condition, asked, asked_for)
    check_order(condition_of(condition), fields_of(model, lookup), using)
    into, _, rest = statement.sql.partition(" VALUES (")
    row_values, bracket, returning = rest.rpartition(")")
    if not bracket:
        raise TypeError(f"this statement is no INSERT of one row: {statement.sql}")
    return replace(statement, sql=f"{into} SELECT {row_values} WHERE EXISTS ({condition}){returning}")


def insertable(fields: Iterable[Any], row: models.Model, connection: Any) -> list[Any]:
    """Return the values of a new row in the form that the database accepts."""
    return [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]


def compile_select(
    model: type[M], using: str, queryset: models.QuerySet[M], lookup: Mapping[str, Any], values: Sequence[Any]
) -> Select[M]:
    """Compile a query that ends with a lookup of these values."""
    compiler = filtered(queryset, lookup).query.get_compiler(using)
    sql, given = compiler.as_sql()
    constants, asked = list(given)[: -len(values)], list(given)[-len(values) :]
    check(model, sql, asked, values)
    check_order(condition_of(sql), fields_of(model, lookup), using)
    klass = compiler.klass_info
    return Select(
        compiler=compiler,
        sql=with_literals(sql, constants, using),
        converters=compiler.get_converters([column[0] for column in compiler.select]),
        own=_columns(compiler, klass),
        related=[(info["field"], _columns(compiler, info)) for info in klass.get("related_klass_infos", ())],
    )


def _columns(compiler: Any, klass: Mapping[str, Any]) -> _Columns[Any]:
    places = klass["select_fields"]
    names = [compiler.select[place][0].target.attname for place in places]
    return _Columns(klass["model"], names, places, places[names.index(klass["model"]._meta.pk.attname)])


def filtered(queryset: models.QuerySet[M], lookup: Mapping[str, Any]) -> models.QuerySet[M]:
    """Add the conditions one by one, so that their values keep this order."""
    for name, value in lookup.items():
        queryset = queryset.filter(**{name: value})
    return queryset


def fields_of(model: type[models.Model], names: Iterable[str]) -> list[Any]:
    """Return the fields with these names. One may be "pk"."""
    return [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in names]


def rows_of(model: type[M], using: str) -> models.QuerySet[M]:
    """Return all rows of a model in a database."""
    return model._default_manager.using(using)


def prepare(model: type[models.Model], using: str, lookup: Mapping[str, Any]) -> list[Any]:
    """Return the values of a lookup in the form that the database accepts.

    An invalid value raises here, not in SQL.
    """
    return [
        field.get_db_prep_value(value, connections[using])
        for field, value in zip(fields_of(model, lookup), lookup.values(), strict=True)
    ]
