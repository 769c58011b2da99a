"""JSON both ways without loss or surprise: numbers stay exact, and what two readers could take differently
is refused. What the members mean is read in `schemas.py`.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import NoReturn, TypeAlias, Union

from ..exceptions import WireError
from .limits import JSON_DEPTH, JSON_NUMBER_EXPONENT, JSON_NUMBER_LENGTH

Json: TypeAlias = Union[bool, int, Decimal, str, "list[Json]", "dict[str, Json]", None]

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_storable(text: str) -> bool:
    """Tell whether every database can store this text: no NUL, no half of a surrogate pair."""
    return not _UNSTORABLE.search(text)


def parse_json(body: bytes) -> Json:
    """Return what this JSON text says, fractions as `Decimal`; raise WireError unless it is strict.

    Refused: other encodings than UTF-8 and a byte order mark, a key given twice, NaN and infinities,
    deep nesting, numbers longer than `limits` allow, and strings that a database cannot store.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("", f"not UTF-8 at byte {error.start}") from error
    _check_depth(text)
    try:
        parsed: Json = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise WireError("", f"not JSON: {error.msg} at character {error.pos}") from error
    if "\\u" in text:  # nothing else can bring in what UTF-8 and the decoder do not let through
        _check_strings(parsed, "")
    return parsed


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


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the decoder meets it, which answers with a RecursionError."""
    if text.count("[") + text.count("{") <= JSON_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > JSON_DEPTH:
            raise WireError("", f"nested deeper than {JSON_DEPTH} levels")


def _check_strings(value: Json, path: str) -> None:
    if isinstance(value, str):
        if not is_storable(value):
            raise WireError(path, "has a NUL character or half of a surrogate pair")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check_strings(item, join_path(path, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            if not is_storable(key):
                raise WireError(path, "has a key with a NUL character or half of a surrogate pair")
            _check_strings(item, join_path(path, key))


def _read_members(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
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


_DECODER = json.JSONDecoder(
    object_pairs_hook=_read_members,
    parse_int=_read_int,
    parse_float=_read_fraction,
    parse_constant=_refuse_constant,
)
