"""Defines the parts of a route: the request and the answer, one routed call, one page of a list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from .forms import check_uuid
from .refusals import not_found
from .state import State

PAGE_LENGTH = 50


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was received: `path` is the raw one with its query string, `body` the exact bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, ready for a socket; `silent` when none is to be given and the caller left waiting."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One routed call: the decoded pieces of the path, the query and the parsed body."""

    state: State
    now: datetime
    parts: tuple[str, ...]
    query: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a long list: how many objects the whole list has, and whether more follow."""

    items: list[Any]
    total: int
    has_more: bool


Handler: TypeAlias = Callable[[Call], tuple[int, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API: its path with {} for each piece that varies, and the permission that a key needs."""

    method: str
    path: str
    permission: str
    handler: Handler
    pattern: re.Pattern[str]


def route(method: str, path: str, permission: str, handler: Handler) -> Route:
    """Return a route: each {} of the path is a piece that the handler gets decoded, in `parts`."""
    return Route(method, path, permission, handler, re.compile(path.replace("{}", "([^/]+)")))


class Listed(Protocol):
    """The items of a list."""

    id: str

    def to_wire(self) -> dict[str, Any]:
        """Return the object as the API shows it."""


def page_of(call: Call, objects: Iterable[Listed]) -> Page:
    """Return the page of these that the call asks for."""
    listed = list(objects)
    return make_page([one.to_wire for one in listed], [one.id for one in listed], read_cursor(call))


def read_cursor(call: Call) -> str | None:
    """Return the id after which a list goes on; RefusalError (422) when it cannot be one."""
    after = call.query.get("starting_after")
    return check_uuid(after, "starting_after").lower() if after else None


def make_page(show: Sequence[Callable[[], Any]], ids: Sequence[str], after: str | None) -> Page:
    """Return the page behind the object `after`; RefusalError (404) when there is no such object."""
    begin = 0
    if after:
        if after not in ids:
            raise not_found()
        begin = ids.index(after) + 1
    end = begin + PAGE_LENGTH
    return Page([one() for one in show[begin:end]], len(show), len(show) > end)
