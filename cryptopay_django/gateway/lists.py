"""Reads lists of the gateway, page by page. One item that cannot be read does not spoil the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, TypeAlias, TypeVar, cast
from uuid import UUID

from ..exceptions import WireError
from .market_answers import Rate
from .message_base import WireObject
from .strictjson import Json
from .values import PLAIN_CODECS, Notes, Reference, first_notes, read_each, read_list, read_object, read_required

logger = logging.getLogger("cryptopay_django")

T = TypeVar("T")
Reader: TypeAlias = Callable[[object, str], T]


class Page(tuple[T, ...]):
    """The items of a list that could be read, `notes` on the others, and the `keys` of both, in the list's order.

    A key is an id as text; the last one is where the next page starts. Without keys there is no next
    page. `total` is the length of the whole list, and `has_more` says whether a page follows; None where the gateway
    does not say.
    """

    keys: tuple[str, ...]
    notes: Notes
    total: int | None
    has_more: bool | None

    def __new__(
        cls,
        items: Iterable[T],
        *,
        keys: tuple[str, ...] = (),
        notes: Notes = (),
        total: int | None = None,
        has_more: bool | None = None,
    ) -> Self:
        page = super().__new__(cls, items)
        page.keys, page.notes, page.total, page.has_more = keys, notes, total, has_more
        return page

    @property
    def ids(self) -> tuple[UUID, ...]:
        """The keys that are UUIDs, as those of everything but customers are."""
        return tuple(known for known in map(_uuid, self.keys) if known is not None)

    def without(self, keys: set[str]) -> Page[T]:
        """Return the page without the items of these keys."""
        return Page(
            (item for item in self if str(getattr(item, "id", None)) not in keys),
            keys=tuple(key for key in self.keys if key not in keys),
            notes=self.notes,
            total=self.total,
            has_more=self.has_more,
        )


def follow_pages(list_page: Callable[..., Page[T]], *args: Any, **filters: Any) -> Iterator[Page[T]]:
    """Yield the pages of a list, each of them a call of `list_page`; no item twice.

    Ends where the gateway says so, and where a page brings nothing new, whatever it says.
    """
    seen: set[str] = set()
    while True:
        page = list_page(*args, **filters).without(seen)
        if not page.keys:
            if page.has_more:
                name = getattr(list_page, "__name__", "the list")
                logger.warning("%s: the gateway says that there is more, and repeats what it has sent", name)
            return
        yield page
        if page.has_more is False:
            return
        seen.update(page.keys)
        filters["starting_after"] = page.keys[-1]


def data_of(read: Reader[T]) -> Reader[T]:
    """Return what reads the `data` of an answer by `read`."""
    return lambda answer, path: read(read_required(read_object(answer, path), "data", path), "data")


def page_of(read: Reader[T]) -> Reader[Page[T]]:
    """Return what reads an answer with a list, and with `meta` where the gateway pages it."""

    def read_page(answer: object, path: str) -> Page[T]:
        members = read_object(answer, path)
        listed = read_required(members, "data", path)
        items, notes = read_each(listed, "data", read)
        meta = members.get("meta")
        total, has_more = (meta.get("total"), meta.get("has_more")) if isinstance(meta, dict) else (None, None)
        return Page(
            items,
            keys=tuple(_keys(listed)),
            notes=notes,
            total=total if isinstance(total, int) and not isinstance(total, bool) else None,
            has_more=has_more if isinstance(has_more, bool) else None,
        )

    return read_page


def read_rates(value: object, path: str) -> dict[str, Rate]:
    """Return the rates that can be used, by pair: each is an indication, and a coin without one is offered as well."""
    rates = {}
    for pair, rate in read_object(value, path).items():
        with suppress(WireError):
            rates[pair] = Rate.from_wire(rate, pair)
    return rates


def notes_on(answer: object) -> Notes:
    """Return what an answer has notes on: a message, or the items of a page and what was left out of it."""
    own: Notes = getattr(answer, "notes", ())
    items = answer if isinstance(answer, tuple) else ()
    return first_notes((*own, *(note for item in items for note in getattr(item, "notes", ()))))


@dataclass(frozen=True, slots=True)
class _Keyed(WireObject):
    id: Reference


def _keys(listed: Json) -> Iterator[str]:
    for item in read_list(listed, "", lambda item, _path: item):
        with suppress(WireError):
            key = _Keyed.from_wire(item).id
            yield str(_uuid(key) or key)


def _uuid(key: str) -> UUID | None:
    try:
        return cast("UUID", PLAIN_CODECS[UUID].read(key, ""))
    except WireError:
        return None
