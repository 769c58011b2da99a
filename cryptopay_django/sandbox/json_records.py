"""Writes dataclasses as JSON and reads them, by their type hints, for the state file. No money as a float."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints


def to_json(value: Any) -> Any:
    """Return a value as JSON has it: times and amounts spelt out, bytes as the text that they nearly always are."""
    kind = type(value)
    if is_dataclass(kind):
        return {name: to_json(getattr(value, name)) for name in _names_of(kind)}
    writer = _WRITERS.get(kind) or (_write_enum if isinstance(value, Enum) else None)
    if writer is None:
        raise TypeError(f"a state file cannot hold {kind.__name__}")
    return writer(value)


def from_json(hint: Any, value: Any) -> Any:
    """Return what `to_json` was given, if this is its type. ValueError, TypeError or KeyError when it cannot be."""
    origin = get_origin(hint)
    if origin is not None:
        return _READERS[origin](get_args(hint), value)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _read_dataclass(hint, value)
    return _read_plain(hint, value)


def _same(value: Any) -> Any:
    return value


def _write_enum(value: Any) -> Any:
    return value.value


def _write_bytes(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")


def _write_list(value: Any) -> list[Any]:
    return [to_json(entry) for entry in value]


def _write_mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(to_json(key)): to_json(entry) for key, entry in value.items()}


_WRITERS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((NoneType, bool, int, float, str), _same),
    **dict.fromkeys((list, tuple, deque, frozenset), _write_list),
    **dict.fromkeys((dict, defaultdict), _write_mapping),
    Decimal: str,
    datetime: datetime.isoformat,
    bytes: _write_bytes,
}


def _read_optional(arguments: tuple[Any, ...], value: Any) -> Any:
    (hint,) = (argument for argument in arguments if argument is not NoneType)
    return None if value is None else from_json(hint, value)


def _read_tuple(arguments: tuple[Any, ...], value: Any) -> Any:
    return tuple(from_json(argument, entry) for argument, entry in zip(arguments, value, strict=True))


def _read_mapping(arguments: tuple[Any, ...], value: Any) -> Any:
    return {from_json(arguments[0], key): from_json(arguments[1], entry) for key, entry in value.items()}


_READERS: dict[Any, Callable[[tuple[Any, ...], Any], Any]] = {
    **dict.fromkeys((Union, UnionType), _read_optional),
    **dict.fromkeys((dict, defaultdict), _read_mapping),
    tuple: _read_tuple,
    list: lambda arguments, value: [from_json(arguments[0], entry) for entry in value],
    frozenset: lambda arguments, value: frozenset(from_json(arguments[0], entry) for entry in value),
}


def _read_dataclass(hint: Any, value: Any) -> Any:
    hints = _hints_of(hint)
    return hint(**{name: from_json(hints[name], entry) for name, entry in value.items()})


def _read_plain(hint: Any, value: Any) -> Any:
    if hint is bytes:
        return value.encode("utf-8", "surrogateescape")
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is Decimal or issubclass(hint, Enum):
        return hint(value)
    if not isinstance(value, (int, float) if hint is float else hint):
        raise TypeError(f"{value!r} is no {hint.__name__}")
    return value


@lru_cache(maxsize=64)
def _hints_of(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


@lru_cache(maxsize=64)
def _names_of(kind: Any) -> tuple[str, ...]:
    return tuple(spec.name for spec in fields(kind))
