"""Makes the HTTP session of a caller, and signs each request by `signing.py`. `calls.py` sends the requests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime

import requests
from requests.adapters import BaseAdapter
from requests.auth import AuthBase

from .. import __version__
from .signing import CONTENT_TYPE, sign_request

_SHORTEST_SECRET = 8


def http_date(moment: datetime) -> str:
    """Return a moment as the text of a Date header."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


class RequestSigner(AuthBase):
    """Signs the very bytes and path that are sent, and a Date that is set. Being there, it keeps a netrc file out."""

    def __init__(self, api_key: str, api_secret: str, now: Callable[[], datetime]) -> None:
        self._api_key = api_key
        self._api_secret = api_secret
        self._now = now

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        date = request.headers.get("Date") or http_date(self._now())
        body = request.body or b""
        signature = sign_request(
            secret=self._api_secret,
            method=request.method or "",
            path=request.path_url,
            date=date,
            body=body if isinstance(body, bytes) else body.encode(),
        )
        request.headers["Date"] = date
        request.headers["Authorization"] = f"HMAC {self._api_key}:{signature}"
        return request

    def redact(self, body: bytes, request: requests.PreparedRequest) -> bytes:
        """Blacken what a gateway in debugging mood might echo: its words end up in messages and logs."""
        _, _, signature = request.headers["Authorization"].rpartition(":")
        for secret in (signature, self._api_secret, self._api_key):
            if len(secret) >= _SHORTEST_SECRET:
                body = body.replace(secret.encode(), b"***")
        return body


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Find none: even where redirects are not followed, the whole body would be read to look at the next."""
        return None


def new_session(adapter: BaseAdapter) -> requests.Session:
    """Return a session over one adapter. Proxies and CA bundles named in the environment stay in force."""
    session = _Session()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers.update(
        {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": CONTENT_TYPE,
            "User-Agent": f"cryptopay-django/{__version__}",
        }
    )
    return session
