"""Compares a body on the wire with the table of shapes: one line for everything that is not as the table says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .shapes import CALLBACKS, FORMATS, SHAPES


def callback_differences(body: Any) -> Iterator[str]:
    """Yield one line for everything in a callback that is not as the table says of its type."""
    kind = body.get("type") if isinstance(body, dict) else None
    if kind in CALLBACKS:
        yield from differences(CALLBACKS[kind], body, "callback")
    else:
        yield f"callback.type is not in the table: {kind!r}"


def differences(shape: str, value: Any, where: str = "data") -> Iterator[str]:
    """Yield one line for everything in a value that is not as the table says."""
    kind = shape.rstrip("-")
    nullable, kind = kind.endswith("?"), kind.removesuffix("?").strip()
    if value is None:
        if not nullable:
            yield f"{where} is null"
    elif kind.endswith("[]"):
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for index, entry in enumerate(value):
            yield from differences(kind[:-2], entry, f"{where}[{index}]")
    elif kind in SHAPES:
        yield from _object_differences(SHAPES[kind], value, where)
    elif not _fits(kind, value):
        yield f"{where} is no {kind}: {value!r}"


def _object_differences(fields: dict[str, str], value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is no object"
        return
    for name in value.keys() - fields.keys():
        yield f"{where}.{name} is not in the table"
    for name, shape in fields.items():
        if name in value:
            yield from differences(shape, value[name], f"{where}.{name}")
        elif not shape.endswith("-"):
            yield f"{where}.{name} is missing"


def _fits(kind: str, value: Any) -> bool:
    if kind.startswith("= "):
        return value in kind[2:].split(" | ")
    if kind in FORMATS:
        return isinstance(value, str) and re.fullmatch(FORMATS[kind], value) is not None
    return _PLAIN[kind](value)


_PLAIN = {
    "flag": lambda value: isinstance(value, bool),
    "count": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "number": lambda value: isinstance(value, float) and value >= 0,
    "map": lambda value: isinstance(value, dict) and all(isinstance(text, str) for text in value.values()),
    "args": lambda value: isinstance(value, dict),
    "code_word": lambda value: isinstance(value, str) and re.fullmatch("[a-z_]+", value) is not None,
    "rates": lambda value: (
        isinstance(value, dict)
        and all(re.fullmatch(r"[A-Z]{3,5}/?[A-Z]{3,5}", pair) for pair in value)
        and {pair.replace("/", "") for pair in value if "/" in pair} == {pair for pair in value if "/" not in pair}
        and all(not list(differences("rate", rate)) for rate in value.values())
    ),
}
