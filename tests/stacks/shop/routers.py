"""Routers of rows with two databases: the orders in the other one, or the app, or a replica of all."""

from __future__ import annotations

from typing import Any, ClassVar


class _Router:
    apart: ClassVar[set[str]] = set()

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "other" if model._meta.app_label in self.apart else None

    db_for_write = db_for_read

    def allow_relation(self, one: Any, another: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        # Permissions point at content types of their own database.
        return app_label in {"contenttypes", "auth"} or (db == "other") is (app_label in self.apart)


class OrdersElsewhere(_Router):
    """The shop's orders are in "other"."""

    apart = {"stackshop"}


class AppElsewhere(_Router):
    """The payments are in "other"."""

    apart = {"cryptopay_django"}


class ReadFromReplica:
    """Payments and orders are read from "replica", and written to "default". Sessions know no lag."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "replica" if model._meta.app_label in {"cryptopay_django", "stackshop"} else None

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return "default"

    def allow_relation(self, one: Any, another: Any, **hints: Any) -> bool:
        return True
