"""Provides what all calls share: routes, parameters, and the check that an answer is about the requested object."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from urllib import parse
from uuid import UUID

from ...exceptions import CustomIdError, GatewayAnswerError, TransferRequestError
from ..calls import ANSWER_LIMIT, LIST_LIMIT, Call, Caller, Route
from ..lists import Page, Reader, data_of, notes_on, page_of
from ..sent_mark import Mark
from ..strictjson import Json, dump_json
from ..values import plain_text

logger = logging.getLogger("cryptopay_django")

T = TypeVar("T")


class Endpoints:
    """The base of each family's calls."""

    _caller: Caller

    def _get(
        self, route: Route, read: Reader[T], timeout: float | None, *, limit: int = ANSWER_LIMIT, **about: object
    ) -> T:
        """Return an object, which has these members; None stands for any."""
        return self._caller.fetch(Call("GET", route, answer_limit=limit), _checked(route, read, about), timeout)

    def _get_page(self, route: Route, read: Reader[T], timeout: float | None, *, limit: int = LIST_LIMIT) -> Page[T]:
        """Return one page of a list."""
        return self._caller.fetch(Call("GET", route, answer_limit=limit), _noting(route, page_of(read)), timeout)

    def _send(
        self,
        method: str,
        route: Route,
        params: Mapping[str, Json],
        read: Reader[T],
        timeout: float | None,
        *,
        mark: Mark | None = None,
        **about: object,
    ) -> T:
        """Change something, and return the object as it is then, which has these members; None stands for any."""
        body = dump_json(dict(params)) if params else b""
        return self._caller.fetch(Call(method, route, body, mark=mark), _checked(route, read, about), timeout)


def route_to(template: str, **segments: UUID | str) -> Route:
    """Return the route to a path, with its segments encoded."""
    return Route(template.format(**{name: _segment(value) for name, value in segments.items()}), template)


def with_query(route: Route, **params: UUID | str | datetime | None) -> Route:
    """Return the route with what is given as its query string. Times need a time zone."""
    given = {name: time_text(name, value) if isinstance(value, datetime) else str(value)
             for name, value in params.items() if value is not None}  # fmt: skip
    query = f"?{parse.urlencode(given, quote_via=parse.quote)}" if given else ""
    return Route(f"{route.path}{query}", route.template)


def given(**params: Json) -> dict[str, Json]:
    """Return what is given: None is not sent."""
    return {name: value for name, value in params.items() if value is not None}


def amount_text(name: str, amount: Decimal) -> str:
    """Return an amount as it is sent; raise TypeError for what is no finite Decimal."""
    if not isinstance(amount, Decimal) or not amount.is_finite():
        raise TypeError(f"{name} must be a finite Decimal")
    return plain_text(amount)


def time_text(name: str, moment: datetime) -> str:
    """Return a moment as it is sent; raise TypeError for one without a time zone."""
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise TypeError(f"{name} must be a datetime with a time zone")
    return moment.isoformat()


def flags(**values: bool | None) -> dict[str, Json]:
    """Return flags; raise TypeError for anything else, of which "false" would be true."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name} must be True or False")
    return dict(values)


def one_amount(**amounts: Decimal | None) -> dict[str, Json]:
    """Return the one amount that is given; raise TransferRequestError where there is none, more than one, or zero."""
    found = {name: amount for name, amount in amounts.items() if amount is not None}
    if len(found) != 1:
        which = f"not {' and '.join(found)}" if found else "there is none"
        raise TransferRequestError(f"give exactly one of {', '.join(amounts)}: {which}")
    ((name, amount),) = found.items()
    text = amount_text(name, amount)
    if amount <= 0:
        raise TransferRequestError(f"{name} must be above zero, not {text}")
    return {name: text}


def _segment(value: UUID | str) -> str:
    """Encode one segment of a path. A dot or two would be taken for a step within it, and lost."""
    if value in ("", ".", ".."):
        raise CustomIdError(f"{value!r} cannot be looked up: it would change the path of the request")
    return parse.quote(str(value), safe="")


def _checked(route: Route, read: Reader[T], about: Mapping[str, object]) -> Reader[T]:
    """Return what reads an answer, and raises GatewayAnswerError where it is about another object."""

    def read_and_compare(value: object, path: str) -> T:
        answer = read(value, path)
        for name, asked in about.items():
            if asked is not None and not _is_same(found := getattr(answer, name), asked):
                raise GatewayAnswerError(
                    f"{route.path} was answered with another {_kind_of(answer)}, whose {name} is {found}"
                )
        return answer

    return _noting(route, data_of(read_and_compare))


def _is_same(found: object, asked: object) -> bool:
    return str(found) == str(asked).lower() if isinstance(found, UUID) else found == asked


def _kind_of(answer: object) -> str:
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in type(answer).__name__)
    return words.removesuffix(" snapshot").strip()


def _noting(route: Route, read: Callable[[object, str], T]) -> Callable[[object, str], T]:
    """Log what was left out of an answer. A page that is asked for each minute says it each minute."""

    def read_and_note(value: object, path: str) -> T:
        answer = read(value, path)
        if notes := notes_on(answer):
            logger.warning("the answer for %s has odd parts, which were left out: %s", route.path, "; ".join(notes))
        return answer

    return read_and_note
