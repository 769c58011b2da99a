"""Reads and writes messages by their type annotations. It is the base class of all messages.

The messages are in `schemas.py` and beside it, the forms of single values in `values.py`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Self, Union, cast, get_args, get_origin, get_type_hints

from ..exceptions import WireError
from .strictjson import Json
from .values import PLAIN_CODECS, Codec, Notes, read_each, read_list, read_object, read_required


@dataclass(frozen=True, slots=True)
class WireObject:
    """A message whose annotations say how it travels.

    A member whose type includes None may be null; one with a default may be absent, or null to mean that
    default. Which were is remembered, and members unknown here are kept, so that `to_wire` gives back
    what was read.

    A class may name its `facts`. Whatever else is odd then does not spoil the message: it is left out, as if
    it were absent, kept in `extra`, and `notes` say so, with its path.
    """

    facts: ClassVar[frozenset[str] | None] = None
    """The members that must be read or refused; None means all. Every other one needs a default."""

    extra: Mapping[str, Json] = field(default_factory=dict, kw_only=True, repr=False, hash=False)
    absent: frozenset[str] = field(default=frozenset(), kw_only=True, repr=False, compare=False)
    # Lists and maps that were null.
    null: frozenset[str] = field(default=frozenset(), kw_only=True, repr=False, compare=False)
    notes: Notes = field(default=(), kw_only=True, repr=False, compare=False)

    @classmethod
    def from_wire(cls, obj: object, path: str = "") -> Self:
        """Read parsed JSON; `path` is where it stood. Raise WireError with the path of what is wrong."""
        members = dict(read_object(obj, path))
        values: dict[str, Any] = {}
        absent, null = set(), set()
        notes: list[str] = []
        for member in _members_of(cls):
            if member.has_default and member.name not in members:
                absent.add(member.name)
                continue
            try:
                value, noted = member.read(read_required(members, member.name, path), path)
            except WireError as error:
                if member.is_fact:
                    raise
                notes.append(str(error))
                continue
            notes.extend(noted)
            if members.pop(member.name) is None and not member.nullable:
                null.add(member.name)
            else:
                values[member.name] = value
        return cls(**values, extra=members, absent=frozenset(absent), null=frozenset(null), notes=tuple(notes))

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
    is_fact: bool

    def read(self, value: Json, path: str) -> tuple[Any, Notes]:
        """Read a value of the message at `path`; return it, and notes on what was left out of it."""
        path = f"{path}.{self.name}" if path else self.name
        if value is None:
            if self.nullable or self.has_default:
                return None, ()
            raise WireError(path, "is null")
        if self.codec.read_rest is not None and not self.is_fact:
            return self.codec.read_rest(value, path)
        read = self.codec.read(value, path)
        return read, _notes_of(read)


_MEMBERS: dict[type[WireObject], tuple[_Member, ...]] = {}


def _members_of(cls: type[WireObject]) -> tuple[_Member, ...]:
    if cls not in _MEMBERS:
        hints = get_type_hints(cls, include_extras=True)
        own = dataclasses.fields(WireObject)
        _MEMBERS[cls] = tuple(_member(cls, known, hints[known.name]) for known in dataclasses.fields(cls)[len(own) :])
    return _MEMBERS[cls]


def _notes_of(value: Any) -> Notes:
    if isinstance(value, WireObject):
        return value.notes
    return tuple(note for item in value for note in _notes_of(item)) if isinstance(value, tuple) else ()


def _member(cls: type[WireObject], known: dataclasses.Field[Any], hint: Any) -> _Member:
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    (kept,) = (choice for choice in choices if choice is not NoneType)
    has_default = (known.default, known.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
    is_fact = cls.facts is None or known.name in cls.facts
    return _Member(known.name, _codec_of(kept), NoneType in choices, has_default, is_fact)


def _read_items(value: object, path: str, item: Codec) -> tuple[Any, Notes]:
    usable, notes = read_each(value, path, item.read)
    return usable, (*notes, *_notes_of(usable))


def _codec_of(hint: Any) -> Codec:
    if get_origin(hint) is Annotated:
        return cast("Codec", hint.__metadata__[0])
    if get_origin(hint) is tuple:
        item = _codec_of(get_args(hint)[0])
        return Codec(
            lambda value, path: read_list(value, path, item.read),
            lambda values: [item.write(value) for value in values],
            lambda value, path: _read_items(value, path, item),
        )
    if isinstance(hint, type) and issubclass(hint, WireObject):
        return Codec(hint.from_wire, lambda message: message.to_wire())
    return PLAIN_CODECS[hint]
