"""What an answer of the gateway means: the data it carries, or the error of our tree that it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
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
from .resources import ErrorBody
from .strictjson import parse_json_tolerantly
from .values import read_object, read_required

T = TypeVar("T")

_REFUSALS: dict[int, tuple[type[GatewayRefusedError], str]] = {
    400: (GatewayValidationError, "Correct what `details` names"),
    401: (
        GatewayAuthenticationError,
        "Check API_KEY and API_SECRET, and that this machine's clock is at most ten minutes off",
    ),
    403: (
        GatewayPermissionError,
        "Give the API key this permission and white-list the address of this machine in the account's settings",
    ),
    404: (GatewayNotFoundError, "The account of this API key has nothing of this id"),
    409: (GatewayConflictError, "This custom_id was used before; fetch the invoice by its custom_id"),
    422: (GatewayValidationError, "Correct what `details` names"),
    429: (GatewayRateLimitError, "More than 200 requests a minute went out with this API key; ask less often"),
}
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, read to its end. `body` is None where it could not be read."""

    call: str
    status: int
    body: bytes | None
    retry_after: float | None = None

    def read_data(self, read: Callable[[object, str], T]) -> T:
        """Return the `data` of a success as `read` takes it; raise GatewayAnswerError when it is not that."""
        try:
            members = read_object(parse_json_tolerantly(self.body or b""), "")
            return read(read_required(members, "data", ""), "data")
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
        told = f' It says: "{error.message[:200]}".' if error.message else ""
        request = f" (request {error.request_id})" if error.request_id else ""
        if self.status >= 500:
            kind: type[GatewayError] = GatewayFaultError
            advice = "The gateway has a fault or is under maintenance; whether this call took effect is unknown"
        else:
            kind, advice = _REFUSALS.get(self.status, (GatewayRefusedError, "The call took no effect"))
        return kind(
            f"{self.call} was answered {said}.{told} {advice}{request}.",
            status=self.status,
            code=error.code,
            request_id=error.request_id,
            details=error.details,
            retry_after=self.retry_after,
        )

    def _error_body(self) -> ErrorBody:
        try:
            return ErrorBody.from_wire(parse_json_tolerantly(self.body or b""))
        except WireError:
            return ErrorBody()


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
