"""Sends callbacks from the sandbox's server: one POST with a deadline, no redirects, no proxies."""

from __future__ import annotations

import time

import requests

from .callbacks import DEADLINE_SECONDS, LOGGED_BYTES, Answer


def post(url: str, headers: dict[str, str], body: bytes) -> Answer:
    """Post a callback and return the answer within the deadline."""
    if not url:
        return Answer(None, error="no callback URL is set")
    started = time.monotonic()
    try:
        with (
            requests.Session() as session,
            _open(session, url, headers, body) as response,
        ):
            excerpt = response.raw.read(LOGGED_BYTES, decode_content=True)
            status = response.status_code
    except (requests.RequestException, OSError) as error:
        return Answer(None, error=_explain(error))
    if time.monotonic() - started > DEADLINE_SECONDS:
        return Answer(None, error=f"no whole answer within {DEADLINE_SECONDS} seconds")
    return Answer(status, excerpt)


def _open(session: requests.Session, url: str, headers: dict[str, str], body: bytes) -> requests.Response:
    session.trust_env = False
    return session.post(url, data=body, headers=headers, timeout=DEADLINE_SECONDS, allow_redirects=False, stream=True)


def _explain(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return f"no answer within {DEADLINE_SECONDS} seconds"
    cause: BaseException | None = error
    while cause is not None:
        # What the system said is at the bottom of what the libraries made of it.
        if isinstance(cause, OSError) and cause.strerror:
            return f"no connection: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: {error}"
