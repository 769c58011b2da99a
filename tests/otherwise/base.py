"""SQLite, with values in wrappers of a driver's own and, in an INSERT, the columns the other way round."""

from __future__ import annotations

import sqlite3
from typing import Any

from django.db.backends.sqlite3 import base, operations


class Wrapped:
    """A value on its way to the database; equal to nothing."""

    def __init__(self, value: Any) -> None:
        self.value = value


sqlite3.register_adapter(Wrapped, lambda wrapped: wrapped.value)


class DatabaseOperations(operations.DatabaseOperations):
    compiler_module = "tests.otherwise.compiler"


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations
