"""Defines model fields and an index: exact amounts, case-sensitive identifiers, a protected status, sparse indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django.core import exceptions
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement
from django_fsm import FSMField, FSMFieldDescriptor, State, TransitionNotAllowed

_S = TypeVar("_S", contravariant=True)  # noqa: PLC0105  the stubs' own names
_G = TypeVar("_G", covariant=True)  # noqa: PLC0105

if TYPE_CHECKING:
    DecimalField = models.DecimalField
    CharField = models.CharField
else:
    # Django's fields take type parameters in their stubs only.

    class DecimalField(models.DecimalField):
        __class_getitem__ = classmethod(lambda cls, _: cls)

    class CharField(models.CharField):
        __class_getitem__ = classmethod(lambda cls, _: cls)


EXACT = Context(prec=80)
"""For arithmetic on amounts: the default context rounds to 28 digits, an amount may have 38."""

_DIGITS, _PLACES = 38, 18
_SQLITE_WIDTH = _DIGITS + 1


def canonical(value: Decimal) -> Decimal:
    """Return a number without trailing zeros and exponent: 1E+2 and 100.0 become 100."""
    value = value.normalize(EXACT)
    return value.quantize(Decimal(1), context=EXACT) if value.as_tuple().exponent > 0 else value  # type: ignore[operator]


class AmountField(DecimalField[_S, _G]):
    """A non-negative amount of money or coin, up to 20 digits before and 18 after the point, exact everywhere.

    `numeric(38, 18)` on servers. SQLite keeps decimals as binary floats, so there it is text of a fixed
    width, padded with zeros: exact, and in the right order. Sums made by SQLite itself are approximate.
    A value that does not fit raises ValueError instead of being rounded.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", _DIGITS)
        kwargs.setdefault("decimal_places", _PLACES)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "AmountField"

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        if connection.vendor == "sqlite":
            return f"char({_SQLITE_WIDTH})"
        return f"numeric({_DIGITS}, {_PLACES})"

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        if isinstance(value, Decimal):
            scaled = value.quantize(Decimal(1).scaleb(-_PLACES), context=EXACT) if value.is_finite() else value
            if not self._has_room_for(value) or scaled != value:
                raise ValueError(f"{self.name}: {value} is not an amount: {self.form}")
            return scaled
        return value

    form = "not negative, 20 digits before and 18 after the point"

    def _has_room_for(self, value: Decimal) -> bool:
        return 0 <= value < Decimal(10) ** (_DIGITS - _PLACES)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002
        value = value if prepared else self.get_prep_value(value)
        if connection.vendor == "sqlite" and isinstance(value, Decimal):
            return f"{value:0{_SQLITE_WIDTH}.{_PLACES}f}"
        return value

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if hasattr(value, "as_sql"):
            return value
        return self.get_db_prep_value(value, connection, prepared=False)

    def from_db_value(self, value: Any, expression: object, connection: BaseDatabaseWrapper) -> Decimal | None:
        if value is None:
            return None
        if isinstance(value, float):  # arithmetic that SQLite did: its own precision, no more
            value = Context(prec=15).create_decimal_from_float(value)
        return canonical(Decimal(value))

    def to_python(self, value: Any) -> Any:
        if isinstance(value, float):
            raise exceptions.ValidationError("A float is not an amount.", code="invalid")
        value = super().to_python(value)
        return canonical(value) if isinstance(value, Decimal) and value.is_finite() else value


class SignedAmountField(AmountField[_S, _G]):
    """An amount that may be negative: a change of a balance. Exact everywhere; SQLite does not keep its order."""

    form = "20 digits before and 18 after the point"

    def _has_room_for(self, value: Decimal) -> bool:
        return value.is_finite() and abs(value) < Decimal(10) ** (_DIGITS - _PLACES)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        if connection.vendor == "sqlite":
            return f"char({_SQLITE_WIDTH + 1})"
        return super().db_type(connection)


class CodeField(CharField[_S, _G]):
    """An identifier that is compared byte by byte. MySQL's default collation would ignore its case."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters: Any = super().db_parameters(connection)
        if connection.vendor == "mysql":
            parameters["collation"] = "utf8mb4_bin"
        return parameters


class StatusDescriptor(FSMFieldDescriptor):
    """Refuses a direct change of a status, but not the same value, and not a reload from the database."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        held = instance.__dict__
        if self.field.name in held and held[self.field.name] != value and not held.get("_reloading"):
            raise AttributeError(f"{self.field.name} moves by transitions only, not by assignment")
        self.field.set_state(instance, value)


class StatusField(FSMField):
    """An FSM field that is always protected. Models that have one derive from `StatusModel`.

    Its transitions send no signals of django-fsm: they run while a row is locked, and a receiver of another app that
    raises, waits or writes there would stop or delay a merge. Receivers get our own signals after the commit.
    """

    descriptor_class = StatusDescriptor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 32)
        super().__init__(*args, **kwargs)

    def change_state(self, instance: models.Model, method: Any, *args: Any, **kwargs: Any) -> Any:
        """Run a transition: check the source, call the method, set the target."""
        meta, source = method._django_fsm, self.get_state(instance)
        if not (meta.has_transition(source) and meta.conditions_met(instance, source)):
            message = f"Can't switch from state '{source}' using method '{method.__name__}'"
            raise TransitionNotAllowed(message, object=instance, method=method)
        result = method(instance, *args, **kwargs)
        target = meta.next_state(source)
        if isinstance(target, State):
            target = target.get_state(instance, method, result, args=args, kwargs=kwargs)
        self.set_state(instance, target)
        return result


class StatusModel(models.Model):
    """Lets `refresh_from_db` write a protected status, with a temporary flag on the instance."""

    class Meta:
        abstract = True

    def refresh_from_db(self, using: str | None = None, *args: Any, **kwargs: Any) -> None:
        """Reload, also a deferred field, from the database that the row came from: a replica may not have it yet."""
        with self._reload():
            super().refresh_from_db(using or self._state.db, *args, **kwargs)

    @contextmanager
    def _reload(self) -> Iterator[None]:
        self.__dict__["_reloading"] = True
        try:
            yield
        finally:
            del self.__dict__["_reloading"]


_NOTHING = "DO 0"
"""A statement without an effect, on MySQL and MariaDB: the schema editor must be given one."""


class SparseIndex(models.Index):
    """An index of the few rows that match `where`, or of all rows on a database without partial indexes.

    Django's own condition makes MySQL warn at every `migrate`. Here the fields are chosen so that the
    whole index serves too, and there is nothing to warn of. With `partial_only` such a database gets none: another
    index begins with the same columns.
    """

    def __init__(self, *, where: models.Q, partial_only: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.where = where
        self.partial_only = partial_only

    def deconstruct(self) -> tuple[str, Any, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        more = {"partial_only": True} if self.partial_only else {}
        return path, args, {**kwargs, "where": self.where, **more}

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        if self._is_left_out(schema_editor):
            return Statement(_NOTHING)
        index = models.Index(fields=self.fields, name=self.name, condition=self.where)
        return index.create_sql(model, schema_editor, using=using, **kwargs)

    def remove_sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor, **kwargs: Any) -> Any:
        if self._is_left_out(schema_editor):
            return Statement(_NOTHING)
        return super().remove_sql(model, schema_editor, **kwargs)

    def _is_left_out(self, schema_editor: BaseDatabaseSchemaEditor) -> bool:
        return self.partial_only and not schema_editor.connection.features.supports_partial_indexes


def storable_text(text: str) -> str:
    """Return a text as every database can store it: without NUL characters and halves of surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\0")
