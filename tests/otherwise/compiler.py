"""What the ORM's compilers make of a statement here."""

from __future__ import annotations

from typing import Any

from django.db.models.sql import compiler

from .base import Wrapped


class Wrapping:
    """Wraps the texts among the values of a statement."""

    def as_sql(self, *args: Any, **kwargs: Any) -> Any:
        sql, params = super().as_sql(*args, **kwargs)  # type: ignore[misc]
        return sql, tuple(Wrapped(value) if isinstance(value, str) else value for value in params)


class SQLCompiler(Wrapping, compiler.SQLCompiler):
    pass


class SQLInsertCompiler(compiler.SQLInsertCompiler):
    def as_sql(self) -> Any:
        self.query.fields = self.query.fields[::-1]
        return super().as_sql()


class SQLUpdateCompiler(Wrapping, compiler.SQLUpdateCompiler):
    pass


class SQLDeleteCompiler(compiler.SQLDeleteCompiler):
    pass


class SQLAggregateCompiler(compiler.SQLAggregateCompiler):
    pass
