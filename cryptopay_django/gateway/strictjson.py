"""Reads and writes JSON without loss: numbers stay exact, and JSON that two readers could read differently is refused.

What the members mean is in `schemas.py`. Takes linear time for every text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn, TypeAlias, TypeVar, Union

from ..exceptions import WireError
from .field_lengths import JSON_DEPTH, JSON_DEPTH_TOLERATED, JSON_NUMBER_EXPONENT, JSON_NUMBER_LENGTH

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Odd:
    """Stands for a value that cannot be used, in JSON that is read tolerantly. Says what is wrong with it."""

    reason: str


Json: TypeAlias = Union[bool, int, Decimal, str, "list[Json]", "dict[str, Json]", Odd, None]

# One mark at a time: a pattern of whole strings would go back over a string that never ends, once for each quote.
_MARK = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NOT_STORABLE = "a NUL character or half of a surrogate pair"


def is_storable(text: str) -> bool:
    """Return whether every database can store this text: no NUL, no half of a surrogate pair."""
    return not _UNSTORABLE.search(text)


def parse_json(body: bytes) -> Json:
    """Return what this JSON text says, fractions as `Decimal`; raise WireError unless it is strict.

    Refused: other encodings than UTF-8 and a byte order mark, a key given twice, NaN and infinities,
    deep nesting, numbers longer than `limits` allow, and strings that a database cannot store.
    """
    parsed, text = _parse(body, _STRICT, JSON_DEPTH)
    if "\\u" in text:  # nothing else can bring in what UTF-8 and the decoder do not let through
        _check_strings(parsed)
    return parsed


def parse_json_tolerantly(body: bytes) -> Json:
    """Return what this JSON text says, with `Odd` in the place of each value that `parse_json` would refuse.

    Raise WireError where the text is no JSON, or nested so deeply that it is an attack.
    """
    parsed, text = _parse(body, _TOLERANT, JSON_DEPTH_TOLERATED)
    return _replace_strings(parsed) if "\\u" in text else parsed


def _parse(body: bytes, decoder: json.JSONDecoder, depth: int) -> tuple[Json, str]:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("", f"not UTF-8 at byte {error.start}") from error
    _check_depth(text, depth)
    try:
        return decoder.decode(text), text
    except json.JSONDecodeError as error:
        raise WireError("", f"not JSON: {error.msg} at character {error.pos}") from error


def dump_json(value: Json) -> bytes:
    """Return compact UTF-8 JSON, each `Decimal` as a plain number with all its digits."""
    return _text_of(value).encode("utf-8")


def join_path(path: str, key: str | int) -> str:
    """Return the dotted path of a member or, for an int, of an item: `data.transactions[0].risk`.

    A key that anyone could choose is quoted and cut, for paths end up in logs.
    """
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not _PLAIN_KEY.fullmatch(key):
        return f"{path}[{key[:64]!a}]"
    return f"{path}.{key}" if path else key


def _text_of(value: Json) -> str:
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int():
            return str(value)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case list():
            return f"[{','.join(map(_text_of, value))}]"
        case dict():
            members = ",".join(f"{_text_of(key)}:{_text_of(item)}" for key, item in value.items())
            return f"{{{members}}}"
        case _:
            raise TypeError(f"JSON for the gateway holds no {type(value).__name__}: give amounts as Decimal")


def _check_depth(text: str, most: int) -> None:
    """Refuse deep nesting before the decoder meets it, which answers with a RecursionError."""
    if text.count("[") + text.count("{") <= most:
        return
    depth, is_inside = 0, False
    for found in _MARK.finditer(text):
        mark = found[0]
        if mark == '"':
            is_inside = not is_inside
        elif not is_inside and len(mark) == 1:
            depth += 1 if mark in "[{" else -1
            if depth > most:
                raise WireError("", f"nested deeper than {most} levels")


def _check_strings(value: Json) -> None:
    found = _find_unstorable(value)
    if found is None:
        return
    what, *steps = found
    path = ""
    for step in reversed(steps):
        path = join_path(path, step)
    raise WireError(path, f"has {what}")


def _find_unstorable(value: Json) -> list[str | int] | None:
    """Return what cannot be stored and, from the inside out, the steps that lead to it; None where all can."""
    if isinstance(value, str):
        return None if is_storable(value) else [_NOT_STORABLE]
    if isinstance(value, dict) and not all(map(is_storable, value)):
        return [f"a key with {_NOT_STORABLE}"]
    steps = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for step, item in steps:
        found = _find_unstorable(item)
        if found is not None:
            return [*found, step]
    return None


def _replace_strings(value: Json) -> Json:
    """Put `Odd` in the place of texts that cannot be stored; leave out members with such a name."""
    if isinstance(value, str):
        return value if is_storable(value) else Odd(f"a text with {_NOT_STORABLE}")
    if isinstance(value, list):
        return [_replace_strings(item) for item in value]
    if isinstance(value, dict):
        return {key: _replace_strings(item) for key, item in value.items() if is_storable(key)}
    return value


def _read_members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise WireError("", f"the key {twice[:64]!a} is there twice")
    return members


def _read_int(literal: str) -> int:
    _check_length(literal)
    return int(literal)


def _read_fraction(literal: str) -> Decimal:
    _check_length(literal)
    try:
        number = Decimal(literal)
    except ArithmeticError:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > JSON_NUMBER_EXPONENT:
        raise WireError("", f"the number {literal} is out of range")
    return number


def _check_length(literal: str) -> None:
    if len(literal) > JSON_NUMBER_LENGTH:
        raise WireError("", f"a number is longer than {JSON_NUMBER_LENGTH} characters")


def _refuse_constant(literal: str) -> NoReturn:
    raise WireError("", f"{literal} is no JSON number")


def _or_odd(read: Callable[[T], Json], what: str) -> Callable[[T], Json]:
    """Return a reader that gives `Odd` where this one raises."""

    def read_tolerantly(value: T) -> Json:
        try:
            return read(value)
        except WireError as error:
            return Odd(f"{what} that cannot be read ({error.reason})")

    return read_tolerantly


_STRICT = json.JSONDecoder(
    object_pairs_hook=_read_members,
    parse_int=_read_int,
    parse_float=_read_fraction,
    parse_constant=_refuse_constant,
)
_TOLERANT = json.JSONDecoder(
    object_pairs_hook=_or_odd(_read_members, "an object"),
    parse_int=_or_odd(_read_int, "a number"),
    parse_float=_or_odd(_read_fraction, "a number"),
    parse_constant=_or_odd(_refuse_constant, "a number"),
)
