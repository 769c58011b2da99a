"""Reads and writes single values, such as amounts, times and codes, and refuses bad ones.

`message_base.py` makes messages of them, by the types in `schemas.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Annotated, Any, TypeAlias, TypeVar, cast
from uuid import UUID

from ..exceptions import WireError
from . import field_lengths
from .strictjson import Json, Odd, is_storable, join_path

T = TypeVar("T")
Notes: TypeAlias = tuple[str, ...]

_AMOUNT = re.compile(
    rf"[0-9]{{1,{field_lengths.AMOUNT_INTEGER_DIGITS}}}(?:\.[0-9]{{1,{field_lengths.AMOUNT_DECIMALS}}})?"
)
_PLAIN_DECIMAL = re.compile(r"[0-9]{1,64}(?:\.[0-9]{1,64})?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_LINK = re.compile(r"https?://[^\s/?#\\@][^\s\\]*", re.IGNORECASE)
_EXACT = Context(
    prec=field_lengths.JSON_NUMBER_LENGTH
)  # the default context rounds to 28 digits, also at a minus sign
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Codec:
    """Reads one value from the wire, and writes it back.

    `read_rest` is for values of several parts: it returns the parts that can be used, and notes on the others.
    """

    read: Callable[[object, str], Any]
    write: Callable[[Any], Json]
    read_rest: Callable[[object, str], tuple[Any, Notes]] | None = None


def amount_text(amount: Decimal) -> str:
    """Return an amount as the gateway writes it: no exponent, trailing zeros cut, one decimal kept."""
    whole, _, decimals = format(amount, "f").partition(".")
    return f"{whole}.{decimals.rstrip('0') or '0'}"


def plain_text(amount: Decimal) -> str:
    """Return an amount digit for digit, without an exponent."""
    return format(amount, "f")


def read_object(value: object, path: str = "") -> dict[str, Json]:
    """Return a JSON object; raise WireError for anything else."""
    if not isinstance(value, dict):
        raise WireError(path, f"must be an object, not {kind_of(value)}")
    return cast("dict[str, Json]", value)


def read_required(members: Mapping[str, Json], key: str, path: str) -> Json:
    """Return a member that must be there."""
    if key not in members:
        raise WireError(join_path(path, key), "is missing")
    return members[key]


def read_list(value: object, path: str, read: Callable[[object, str], T]) -> tuple[T, ...]:
    """Return a list with each item read by `read`; raise WireError for anything but a list."""
    if not isinstance(value, list):
        raise WireError(path, f"must be a list, not {kind_of(value)}")
    return tuple(read(item, join_path(path, index)) for index, item in enumerate(value))


def read_each(value: object, path: str, read: Callable[[object, str], T]) -> tuple[tuple[T, ...], Notes]:
    """Return the items of a list that can be read, and notes on the others; raise WireError for no list."""
    usable, notes = [], []
    for item in read_list(value, path, lambda item, place: (item, place)):
        try:
            usable.append(read(*item))
        except WireError as error:
            notes.append(str(error))
    return tuple(usable), tuple(notes)


def first_notes(notes: Sequence[str]) -> Notes:
    """Return the first few notes, and how many more there are."""
    more = len(notes) - field_lengths.NOTES
    return (*notes[: field_lengths.NOTES], f"and {more} more") if more > 0 else tuple(notes)


def text(length: int, *, empty: bool = True, lines: bool = False) -> Codec:
    """Return the codec of a string of at most `length` characters; control characters only where `lines`.

    Spaces alone are empty.
    """

    def read(value: object, path: str) -> str:
        if not isinstance(value, str):
            raise WireError(path, f"must be a string, not {kind_of(value)}")
        if len(value) > length:
            raise WireError(path, f"is longer than {length} characters")
        if not empty and not value.strip():
            raise WireError(path, "is empty")
        if not is_storable(value) or (not lines and _CONTROL.search(value)):
            raise WireError(path, "has control characters")
        return value

    return Codec(read, str)


def _read_address(value: object, path: str) -> str:
    """Read an address with its tag; the empty one too, which is none."""
    address = cast("str", _ADDRESS.read(value, path))
    if any(map(str.isspace, address)):
        raise WireError(path, "has spaces")
    return address


def _read_url(value: object, path: str) -> str:
    """Read a text for an app or a browser, without the spaces around it; empty where it is none."""
    return cast("str", _ONE_LINE.read(value, path)).strip()


def _read_amount(value: object, path: str) -> Decimal:
    """Read a string or a JSON number; the latter exactly, in whatever way it spells the same amount."""
    written = _spell_number(value) if _is_number(value) else value
    if not isinstance(written, str):
        raise WireError(path, f"must be an amount, as a string or a number, not {kind_of(value)}")
    if not _AMOUNT.fullmatch(written):
        raise WireError(
            path,
            f"must be a plain decimal, not negative, with at most {field_lengths.AMOUNT_INTEGER_DIGITS} digits "
            f"before and {field_lengths.AMOUNT_DECIMALS} after the point",
        )
    return Decimal(written)


def _read_positive_amount(value: object, path: str) -> Decimal:
    amount = _read_amount(value, path)
    if not amount:
        raise WireError(path, "is zero")
    return amount


def _read_signed_amount(value: object, path: str) -> Decimal:
    """Read an amount that may be negative."""
    if isinstance(value, str) and value.startswith("-"):
        return _EXACT.minus(_read_amount(value[1:], path))
    if _is_number(value) and cast("Decimal", value) < 0:
        return _EXACT.minus(_read_amount(_EXACT.minus(cast("Decimal", value)), path))
    return _read_amount(value, path)


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _spell_number(value: Any) -> str:
    """Return a number as plain digits, without zeros at the end of its decimals."""
    whole, point, decimals = plain_text(Decimal(value)).partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole}{point}{decimals}" if decimals else whole


def _read_score(value: object, path: str) -> Decimal:
    """Read a JSON number, or a string with one."""
    if isinstance(value, str) and _PLAIN_DECIMAL.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise WireError(path, f"must be a JSON number, not {kind_of(value)}")
    number = Decimal(value)
    whole, _, decimals = plain_text(number).partition(".")
    if number.is_signed():
        raise WireError(path, "is negative")
    if len(whole) > field_lengths.SCORE_INTEGER_DIGITS or len(decimals) > field_lengths.SCORE_DECIMALS:
        raise WireError(path, "has too many digits")
    return number


def _read_uuid(value: object, path: str) -> UUID:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise WireError(path, "must be a UUID")
    return UUID(value)


def _read_time(value: object, path: str) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise WireError(path, "must be an ISO 8601 time with its offset from UTC")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise WireError(path, "is no time that exists") from error
    # Further out, converting between time zones overflows.
    if not 1970 <= moment.year <= 9000:
        raise WireError(path, "is outside the years 1970 to 9000")
    return moment


def _read_link(value: object, path: str) -> str:
    link = _read_url(value, path)
    if not _LINK.fullmatch(link):
        raise WireError(path, "must be an http or https URL")
    return link


def _read_string_map(value: object, path: str) -> dict[str, str]:
    members = read_object(value, path)
    return {_KEY.read(key, path): _VALUE.read(item, join_path(path, key)) for key, item in members.items()}


def _read_strings_of_map(value: object, path: str) -> tuple[dict[str, str], Notes]:
    """Read the members that are texts."""
    usable: dict[str, str] = {}
    notes = []
    for key, item in read_object(value, path).items():
        try:
            usable |= _read_string_map({key: item}, path)
        except WireError as error:
            notes.append(str(error))
    return usable, tuple(notes)


def _read_details(value: object, _path: str) -> tuple[Json, ...]:
    return tuple(value) if isinstance(value, list) else (cast("Json", value),)


def _read_flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise WireError(path, f"must be true or false, not {kind_of(value)}")
    return value


def _read_count(value: object, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1000:
        raise WireError(path, "must be a whole number from 0 to 1000")
    return value


def kind_of(value: object) -> str:
    """Return what JSON calls a value, for messages."""
    if isinstance(value, Odd):
        return value.reason
    names = {type(None): "null", bool: "a boolean", str: "a string", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")


_ADDRESS = text(field_lengths.ADDRESS_LENGTH)
_ONE_LINE = text(field_lengths.URL_LENGTH)
_KEY = text(field_lengths.NAME_LENGTH, lines=True)
_VALUE = text(field_lengths.TEXT_LENGTH, lines=True)
PLAIN_CODECS: Mapping[object, Codec] = {
    bool: Codec(_read_flag, bool),
    int: Codec(_read_count, int),
    UUID: Codec(_read_uuid, str),
    Mapping[str, str]: Codec(_read_string_map, dict, _read_strings_of_map),
}

Amount = Annotated[Decimal, Codec(_read_amount, plain_text)]
PositiveAmount = Annotated[Decimal, Codec(_read_positive_amount, plain_text)]
SignedAmount = Annotated[Decimal, Codec(_read_signed_amount, plain_text)]
Score = Annotated[Decimal, Codec(_read_score, lambda score: score)]
Code = Annotated[str, text(field_lengths.CODE_LENGTH, empty=False)]
Pair = Annotated[str, text(field_lengths.PAIR_LENGTH, empty=False)]
Reference = Annotated[str, text(field_lengths.CUSTOM_ID_LENGTH)]
Txid = Annotated[str, text(field_lengths.TXID_LENGTH, empty=False)]
Address = Annotated[str, Codec(_read_address, str)]
Name = Annotated[str, text(field_lengths.NAME_LENGTH, lines=True)]
Text = Annotated[str, text(field_lengths.TEXT_LENGTH, lines=True)]
Url = Annotated[str, Codec(_read_url, str)]
Link = Annotated[str, Codec(_read_link, str)]
Details = Annotated[tuple[Json, ...], Codec(_read_details, list)]
# Not by its type: freezegun puts another class in the place of `datetime` while a test stops the clock.
Moment = Annotated[datetime, Codec(_read_time, lambda moment: moment.isoformat())]
