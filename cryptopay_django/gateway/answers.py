"""Reads an answer of the gateway: returns its data, or raises the error of our tree that it means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TypeVar

from ..exceptions import (
    GatewayAnswerError,
    GatewayAuthenticationError,
    GatewayConflictError,
    GatewayError,
    GatewayFaultError,
    GatewayNotFoundError,
    GatewayPermissionError,
    GatewayRateLimitError,
    GatewayRefusedError,
    GatewayValidationError,
    WireError,
)
from .market_answers import ErrorBody
from .strictjson import parse_json_tolerantly

T = TypeVar("T")

_REFUSALS: dict[int, tuple[type[GatewayRefusedError], str]] = {
    400: (GatewayValidationError, "Correct what it names"),
    401: (
        GatewayAuthenticationError,
        "Check API_KEY and API_SECRET, and that this machine's clock is at most ten minutes off",
    ),
    403: (
        GatewayPermissionError,
        "Give the API key this permission and white-list the address of this machine in the account's settings",
    ),
    404: (GatewayNotFoundError, "The account of this API key has nothing of this id"),
    409: (GatewayConflictError, "This custom_id was used before; fetch what has it by its custom_id"),
    422: (GatewayValidationError, "Correct what it names"),
    429: (GatewayRateLimitError, "More than 200 requests a minute went out with this API key; ask less often"),
}
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MOST_REASONS, _LONGEST_REASON = 10, 200
_GATEWAYS_CODE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)

# The sender of these has stopped waiting: for a gateway behind it, or for the caller. The call may go on.
_GIVEN_UP_WAITING = frozenset({408, 499})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read to its end. `body` is None where it could not be read."""

    call: str
    status: int
    body: bytes | None = field(repr=False)
    retry_after: float | None = None

    def read_success(self, read: Callable[[object, str], T]) -> T:
        """Return the body of a success as `read` takes it; raise GatewayAnswerError when it is not that."""
        try:
            return read(parse_json_tolerantly(self.body or b""), "")
        except WireError as error:
            raise GatewayAnswerError(
                f"the answer to {self.call} ({self.status}) cannot be read: {error}. Check BASE_URL, and what "
                "stands between this machine and the gateway",
                status=self.status,
            ) from error

    def to_error(self) -> GatewayError:
        """Return the error that an answer without success stands for."""
        if self.status < 400:
            return GatewayAnswerError(
                f"{self.call} was answered {self.status}, which the gateway never does: check BASE_URL",
                status=self.status,
            )
        error = self._error_body()
        said = f"{self.status} {error.code}" if error.code else f"{self.status}, without the gateway's own error"
        words = f' It says: "{error.message[:200]}".' if error.message else ""
        words += f" {reasons}." if (reasons := "; ".join(map(str, read_reasons(error.details)))) else ""
        request = f" (request {error.request_id})" if error.request_id else ""
        kind: type[GatewayError]
        if self.status >= 500:
            kind = GatewayFaultError
            advice = "The gateway has a fault or is under maintenance; whether this call took effect is unknown"
        elif self._leaves_open(error):
            kind = GatewayAnswerError
            advice = "Something in between may have said so; whether this call took effect is unknown"
        else:
            kind, advice = _REFUSALS.get(self.status, (GatewayRefusedError, "The call took no effect"))
        return kind(
            f"{self.call} was answered {said}.{words} {advice}{request}.",
            status=self.status,
            code=error.code,
            request_id=error.request_id,
            details=error.details,
            retry_after=self.retry_after,
        )

    def _leaves_open(self, error: ErrorBody) -> bool:
        """Return whether a 4xx leaves open what happened: no word of the gateway's own to a call that changes.

        A proxy that gives up waiting answers 408, 409, 429, 499 or whatever it likes, while the gateway goes on. A
        GET changes nothing, so there the status is enough.
        """
        if self.call.startswith("GET "):
            return False
        is_gateways = error.code is not None and _GATEWAYS_CODE.fullmatch(error.code) is not None
        return not is_gateways or self.status in _GIVEN_UP_WAITING

    def _error_body(self) -> ErrorBody:
        try:
            return ErrorBody.from_wire(parse_json_tolerantly(self.body or b""))
        except WireError:
            return ErrorBody()


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that the gateway found wrong. `target` is the member it is about; each may be empty."""

    target: str
    message: str
    code: str

    def __str__(self) -> str:
        said = ": ".join(part for part in (self.target, self.message or self.code) if part)
        return f"{said} ({self.code})" if self.code and self.message else said


def read_reasons(details: Iterable[object]) -> tuple[Reason, ...]:
    """Return the details of a refusal, whatever their form, as texts for people: short ones, and not too many."""
    found = [reason for detail in islice(details, _MOST_REASONS) for reason in _reasons_of(detail)]
    return tuple(found[:_MOST_REASONS])


def _reasons_of(detail: object) -> Iterator[Reason]:
    if not isinstance(detail, dict):
        yield Reason("", _short(detail), "")
    elif "message" in detail or "code" in detail:
        message = _short(detail.get("message")) or _short(detail.get("args"))
        yield Reason(_short(detail.get("target") or detail.get("field")), message, _short(detail.get("code")))
    else:
        for target, messages in islice(detail.items(), _MOST_REASONS):
            yield Reason(_short(target), _short(messages), "")


def _short(value: object) -> str:
    """Return a value as one line of printable text; nothing for what is empty."""
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        value = ", ".join(value[:_MOST_REASONS])
    if value is None or value in ("", [], {}, ()):
        return ""
    text = " ".join(_UNPRINTABLE.sub(" ", str(value)[: 4 * _LONGEST_REASON]).split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def read_clock_offset(date: str | None, age: str | None, now: datetime) -> float | None:
    """Return the seconds by which `now` is ahead of an answer's Date header, give or take one.

    None without such a header, and where a cache has kept the answer.
    """
    if date is None or age is not None:
        return None
    try:
        # The header has whole seconds, cut: on average the answer is half a second younger.
        return (now - parsedate_to_datetime(date)).total_seconds() - 0.5
    except (ValueError, TypeError, OverflowError):
        return None


def read_retry_after(header: str | None, now: datetime) -> float | None:
    """Return the seconds a Retry-After header asks for, which gives them as a number or as an HTTP date."""
    if header is None:
        return None
    if _SECONDS.fullmatch(header.strip()):
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
