"""Lists of the gateway: what can be read of them. One odd item spoils no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self, TypeVar
from uuid import UUID

from ..exceptions import WireError
from .resources import Rate
from .schemas import InvoiceId
from .values import Notes, first_notes, read_each, read_list, read_object

T = TypeVar("T")


class Page(tuple[T, ...]):
    """The items of a list that could be read, `notes` on the others, and the `ids` of both, in the list's order.

    The last of `ids` is where the next page starts. Without ids there is no next page.
    """

    ids: tuple[UUID, ...]
    notes: Notes

    def __new__(cls, items: Iterable[T], *, ids: tuple[UUID, ...] = (), notes: Notes = ()) -> Self:
        page = super().__new__(cls, items)
        page.ids, page.notes = ids, notes
        return page


def page_of(read: Callable[[object, str], T]) -> Callable[[object, str], Page[T]]:
    """Return what reads a list of items that `read` reads."""

    def read_page(value: object, path: str) -> Page[T]:
        items, notes = read_each(value, path, read)
        return Page(items, ids=tuple(_ids(value)), notes=notes)

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


def _ids(value: object) -> Iterable[UUID]:
    for item in read_list(value, "", lambda item, _path: item):
        with suppress(WireError):
            yield InvoiceId.from_wire(item).id
