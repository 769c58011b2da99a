"""The base class of messages, which reads and writes them by their type annotations.

The messages themselves stand in `schemas.py`, how single values travel in `values.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Any, Self, Union, cast, get_args, get_origin, get_type_hints

from ..exceptions import WireError
from .strictjson import Json, join_path
from .values import PLAIN_CODECS, Codec, read_list, read_object, read_required


@dataclass(frozen=True, slots=True)
class WireObject:
    """A message whose annotations say how it travels.

    A member whose type includes None may be null; one with a default may be absent, or null to mean that
    default. Which were is remembered, and members unknown here are kept, so that `to_wire` gives back
    what was read.
    """

    extra: Mapping[str, Json] = field(default_factory=dict, kw_only=True, repr=False, hash=False)
    absent: frozenset[str] = field(default=frozenset(), kw_only=True, repr=False, compare=False)
    # Lists and maps that came as null.
    null: frozenset[str] = field(default=frozenset(), kw_only=True, repr=False, compare=False)

    @classmethod
    def from_wire(cls, obj: object, path: str = "") -> Self:
        """Read parsed JSON; `path` is where it stood. Raise WireError with the path of what is wrong."""
        members = dict(read_object(obj, path))
        values: dict[str, Any] = {}
        absent, null = set(), set()
        for member in _members_of(cls):
            if member.has_default and member.name not in members:
                absent.add(member.name)
                continue
            value = read_required(members, member.name, path)
            del members[member.name]
            if value is not None:
                values[member.name] = member.codec.read(value, f"{path}.{member.name}" if path else member.name)
            elif member.nullable:
                values[member.name] = None
            elif member.has_default:
                null.add(member.name)
            else:
                raise WireError(join_path(path, member.name), "is null")
        return cls(**values, extra=members, absent=frozenset(absent), null=frozenset(null))

    def to_wire(self) -> dict[str, Json]:
        """Write the gateway's own form, ready for `dump_json`."""
        written: dict[str, Json] = {}
        for member in _members_of(type(self)):
            value = getattr(self, member.name)
            is_blank = value is None or value in ((), {})
            if is_blank and member.name in self.absent:
                continue
            is_null = value is None or (is_blank and member.name in self.null)
            written[member.name] = None if is_null else member.codec.write(value)
        return {**written, **self.extra}


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    codec: Codec
    nullable: bool
    has_default: bool


_MEMBERS: dict[type[WireObject], tuple[_Member, ...]] = {}


def _members_of(cls: type[WireObject]) -> tuple[_Member, ...]:
    if cls not in _MEMBERS:
        hints = get_type_hints(cls, include_extras=True)
        own = dataclasses.fields(WireObject)
        _MEMBERS[cls] = tuple(_member(known, hints[known.name]) for known in dataclasses.fields(cls)[len(own) :])
    return _MEMBERS[cls]


def _member(known: dataclasses.Field[Any], hint: Any) -> _Member:
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    (kept,) = (choice for choice in choices if choice is not NoneType)
    has_default = (known.default, known.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
    return _Member(known.name, _codec_of(kept), NoneType in choices, has_default)


def _codec_of(hint: Any) -> Codec:
    if get_origin(hint) is Annotated:
        return cast("Codec", hint.__metadata__[0])
    if get_origin(hint) is tuple:
        item = _codec_of(get_args(hint)[0])
        return Codec(
            lambda value, path: read_list(value, path, item.read),
            lambda values: [item.write(value) for value in values],
        )
    if isinstance(hint, type) and issubclass(hint, WireObject):
        return Codec(hint.from_wire, lambda message: message.to_wire())
    return PLAIN_CODECS[hint]
