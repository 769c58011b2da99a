"""Makes one call to the gateway, from signature to answer: deadlines, limits, retries of GETs, typed errors.

Only a GET is repeated; a POST never is, whatever the error. The calls themselves are in `endpoints/`, signatures and
the HTTP session in `session.py`, the meaning of answers in `answers.py`.
"""

from __future__ import annotations

import logging
import random as randomness
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationValueError, MaxRetryError
from urllib3.exceptions import ProxyError as ProxyConnectError

from ..exceptions import (
    GatewayAnswerError,
    GatewayError,
    GatewayFaultError,
    GatewayRateLimitError,
    GatewayTimeoutError,
    GatewayUnreachableError,
)
from ..redaction import hide_locals
from ..tracing import span
from .answers import Answer, read_clock_offset, read_retry_after
from .credentials import API_KEY, check_base_url
from .rate_limit import Limiter, limiter_for
from .sent_mark import MARK_LIFE, Mark
from .session import RequestSigner, http_date, new_session
from .transport import DeadlineAdapter

logger = logging.getLogger(__name__)
T = TypeVar("T")

ANSWER_LIMIT = 1024 * 1024
LIST_LIMIT = 8 * ANSWER_LIMIT

MAX_ATTEMPTS = 6
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 4.0

_CHUNK = 16 * 1024
_TOO_MANY = 429

# Other errors of theirs are raised before sending and after it alike: InvalidHeader, for one, means either side's.
_NEVER_SENT = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    LocationValueError,
)
_RETRIED = (GatewayUnreachableError, GatewayTimeoutError, GatewayFaultError, GatewayRateLimitError)


@dataclass(frozen=True, slots=True)
class Route:
    """The target of a call: the path, encoded and with its query string, and its pattern without any id."""

    path: str
    template: str


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the gateway. With a mark it is signed with the mark's moment, and is not sent late."""

    method: str
    route: Route
    body: bytes = field(default=b"", repr=False)
    answer_limit: int = ANSWER_LIMIT
    mark: Mark | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.route.path}"


class Caller:
    """Sends calls for one API key over one `requests.Session`. For one thread only, as a session is.

    The clocks, the sleep and the randomness are arguments so that a test needs none of the real ones.
    """

    @hide_locals
    def __init__(
        self,
        api_key: str,
        api_secret: str,
        base_url: str,
        *,
        adapter: BaseAdapter | None = None,
        limiter: Limiter | None = None,
        connect_timeout: float = 3.05,
        total_timeout: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], object] = time.sleep,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        check_base_url(base_url)
        if not API_KEY.fullmatch(api_key) or not api_secret:
            raise ValueError("the API key must be visible ASCII characters, and the API secret not empty")
        self.base_url = base_url.rstrip("/")
        self._connect_timeout = connect_timeout
        self._total_timeout = total_timeout
        self._clock = clock
        self._now = now
        self._sleep = sleep
        self._random = random
        # An adapter given from outside stands for a network of its own, such as a sandbox in process.
        self._limiter = limiter or (limiter_for(api_key) if adapter is None else None)
        self._auth = RequestSigner(api_key, api_secret, now)
        self._session = new_session(adapter or DeadlineAdapter(pool_connections=1, pool_maxsize=1))
        self.clock_offset: float | None = None

    def fetch(self, call: Call, read: Callable[[object, str], T], timeout: float | None = None) -> T:
        """Send a call, a GET again if need be, and return its answer as `read` takes it.

        `timeout` is the seconds for all of it. Raises the errors under GatewayError.
        """
        deadline = self._clock() + (self._total_timeout if timeout is None else timeout)
        attempt = 0
        while True:
            try:
                return self._send(call, deadline).read_success(read)
            except _RETRIED as error:
                pause = self._pause_after(error, attempt)
                attempt += 1
                if call.method != "GET" or attempt == MAX_ATTEMPTS or self._clock() + pause >= deadline:
                    raise
                logger.info("%s failed, trying again in %.2f s: %s", call, pause, error)
                self._sleep(pause)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _pause_after(self, error: GatewayError, attempt: int) -> float:
        """Return the seconds before the next attempt: exponential with full jitter, or what the gateway asks for."""
        spread = self._random() * min(LONGEST_PAUSE, FIRST_PAUSE * (1 << attempt))
        return spread if error.retry_after is None else error.retry_after + spread

    def _send(self, call: Call, deadline: float) -> Answer:
        """Send a call once and return its answer if it is a success. A span of its own."""
        attributes = {
            "http.request.method": call.method,
            "url.template": call.route.template,
            "server.address": urlsplit(self.base_url).hostname,
        }
        with span(f"{call.method} {call.route.template}", is_client=True, **attributes) as note:
            answer = self._exchange(call, deadline)
            note(**{"http.response.status_code": answer.status})
            if not 200 <= answer.status < 300:
                raise answer.to_error()
        return answer

    @hide_locals
    def _exchange(self, call: Call, deadline: float) -> Answer:
        """Send a call once and return its answer, whatever it is. Below here every frame knows the signature."""
        if self._limiter and (wait := self._limiter.reserve(self._patience(deadline))):
            self._sleep(wait)
        left = deadline - self._clock()
        if left <= 0:
            raise GatewayUnreachableError(f"{call}: no time was left to send it")
        # Last of all, after every wait: a process that slept must not act on what a person has ended meanwhile.
        self._check_mark(call)
        try:
            response = self._session.request(
                call.method,
                self.base_url + call.route.path,
                data=call.body,
                headers={"Date": http_date(call.mark.at)} if call.mark else None,
                auth=self._auth,
                timeout=(min(self._connect_timeout, left), left),
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _network_error(call, error) from error
        with response:
            return self._read_answer(call, response, deadline)

    def _patience(self, deadline: float) -> float:
        """Return how many seconds a call may wait for its place: so many that it has time for an answer then."""
        return deadline - self._clock() - self._total_timeout / 2

    def _check_mark(self, call: Call) -> None:
        """Raise GatewayUnreachableError if the call was written down as sent too long ago, by either clock.

        The clock on the wall may be set back, and the other one stands still while a machine is suspended.
        """
        if call.mark is None:
            return
        age = max(abs((self._now() - call.mark.at).total_seconds()), self._clock() - call.mark.monotonic)
        if age > MARK_LIFE:
            raise GatewayUnreachableError(
                f"{call}: it was written down as sent {age:.0f} s ago, or this machine's clock was set; that is too "
                "long ago to send it now, nothing was sent"
            )

    def _read_answer(self, call: Call, response: requests.Response, deadline: float) -> Answer:
        status = response.status_code
        retry_after = read_retry_after(response.headers.get("Retry-After"), self._now())
        self.clock_offset = read_clock_offset(response.headers.get("Date"), response.headers.get("Age"), self._now())
        if self._limiter:
            self._limiter.answered(is_refused=status == _TOO_MANY, retry_after=retry_after)
        if 300 <= status < 400:
            return Answer(str(call), status, None)
        try:
            body = self._read_body(call, response, deadline)
        except GatewayError:
            if status < 400:
                raise
            return Answer(str(call), status, None, retry_after)
        return Answer(str(call), status, self._auth.redact(body, response.request), retry_after)

    def _read_body(self, call: Call, response: requests.Response, deadline: float) -> bytes:
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise GatewayAnswerError(f"the answer to {call} has an encoding that was not asked for")
        chunks = bytearray()
        try:
            for chunk in response.iter_content(_CHUNK):
                chunks += chunk
                if len(chunks) > call.answer_limit:
                    raise GatewayAnswerError(
                        f"the answer to {call} is larger than {call.answer_limit} bytes",
                        status=response.status_code,
                    )
                if self._clock() >= deadline:
                    raise GatewayTimeoutError(
                        f"{call}: the answer took too long, whether the call took effect is unknown"
                    )
        except requests.exceptions.ContentDecodingError as error:
            raise GatewayAnswerError(f"the answer to {call} is damaged: {error}") from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _broken(call, error) from error
        return bytes(chunks)


def _network_error(call: Call, error: Exception) -> GatewayError:
    """Return GatewayUnreachableError when surely nothing was sent, else GatewayTimeoutError."""
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    if isinstance(reason, ConnectTimeoutError | ProxyConnectError) or isinstance(error, _NEVER_SENT):
        return GatewayUnreachableError(f"{call}: the gateway cannot be reached, nothing was sent ({reason or error})")
    return _broken(call, error)


def _broken(call: Call, error: Exception) -> GatewayTimeoutError:
    return GatewayTimeoutError(f"{call}: no whole answer arrived, whether the call took effect is unknown ({error})")
