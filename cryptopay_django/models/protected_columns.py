"""Protects the columns that only services may write: `save()` of a shop's object writes only the shop's columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, router

from ..exceptions import ProtectedColumnError
from ..fields import StatusModel
from .begin_again import AgainAsFirstQuerySet

M = TypeVar("M", bound=models.Model)


class ProtectedQuerySet(AgainAsFirstQuerySet[M]):
    """Refuses to write protected columns from objects, like `save()`."""

    def bulk_update(self, objs: Iterable[M], fields: Iterable[str], *args: Any, **kwargs: Any) -> int:
        """Write these columns of many objects; raise ProtectedColumnError for a protected column."""
        fields = list(fields)
        refuse_protected(self.model, fields)
        return super().bulk_update(objs, fields, *args, **kwargs)

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        """Insert many objects; raise ProtectedColumnError if a conflict would update a protected column."""
        refuse_protected(self.model, kwargs.get("update_fields") or ())
        return super().bulk_create(objs, *args, **kwargs)


class ProtectedModel(StatusModel):
    """Restricts `save()` of an existing row to `shop_columns`.

    A payment can arrive between a shop's read and its save. If all columns were written, the older object would undo
    it. New rows, fixtures, copies in another database and `QuerySet.update()` are not affected.
    """

    shop_columns: ClassVar[frozenset[str]]
    """Names of the fields that a shop may change. Each model has its own set."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert a new row, or write the shop's columns of an existing one.

        If another column was changed, raise ProtectedColumnError and write nothing. If the object is out of date, only
        `update_fields` shows what the shop has changed. Without it, protected columns keep their values in the
        database.
        """
        kwargs |= dict(zip(("force_insert", "force_update", "using", "update_fields"), args, strict=False))
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        if self._state.adding or kwargs.get("force_insert") or using != router.db_for_write(type(self)):
            super().save(**kwargs)
            return
        named = kwargs.get("update_fields")
        fields: list[Any] = [
            field
            for field in self._meta.concrete_fields
            if not field.primary_key
            and (field.attname in self.__dict__ if named is None else {field.name, field.attname} & {*named})
        ]
        self._refuse_changes([field for field in fields if is_protected(field)], using, is_named=named is not None)
        kwargs["update_fields"] = [field.name for field in fields if not is_protected(field)]
        super().save(**kwargs)

    def is_as_old_as(self, row: dict[str, Any]) -> bool:
        """Return whether the object was read from the current state of its row. Then the shop made any difference."""
        return True

    def _refuse_changes(self, fields: list[Any], using: str, *, is_named: bool) -> None:
        """Raise ProtectedColumnError if the shop has changed one of these columns on the object."""
        if not fields:
            return
        row: Any = type(self)._base_manager.using(using).filter(pk=self.pk).values().first()
        if row is None or not (is_named or self.is_as_old_as(row)):
            return
        changed = [field.name for field in fields if not self._is_same(field, row[field.attname])]
        if changed:
            raise ProtectedColumnError(self._meta.label, changed)

    def _is_same(self, field: Any, kept: Any) -> bool:
        value = getattr(self, field.attname)
        if hasattr(value, "resolve_expression"):
            return False
        try:
            return bool(value == kept or field.to_python(value) == kept)
        except ValidationError:
            return False


def is_protected(field: Any) -> bool:
    """Return whether a field is protected. Columns that a shop's own child model adds are not."""
    columns = vars(field.model).get("shop_columns")
    return columns is not None and not field.primary_key and field.name not in columns


def refuse_protected(model: type[models.Model], names: Iterable[str]) -> None:
    """Raise ProtectedColumnError if one of these fields is protected."""
    fields = [field for field in model._meta.concrete_fields if is_protected(field)]
    protected = sorted({*names} & {name for field in fields for name in (field.name, field.attname)})
    if protected:
        raise ProtectedColumnError(model._meta.label, protected)
