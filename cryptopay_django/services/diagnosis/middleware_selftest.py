"""Sends a signed callback through the project's whole handler, in this process. Sends no request, stores nothing.

It shows the effect of a redirect, a login, a firewall or any other middleware of the project on callbacks. Only
`callback_selftest.py` sees what is in front of the project, such as a proxy.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.core.signals import got_request_exception
from django.db import DatabaseError, InterfaceError, connections, router
from django.urls import get_script_prefix, set_script_prefix, set_urlconf

from ...conf import Account
from ...exceptions import SignatureError
from ...gateway.signing import CONTENT_TYPE, SIGNATURE_HEADER, sign_callback, verify_callback
from ...models import Callback
from .callback_selftest import AGENT, BODY

logger = logging.getLogger("cryptopay_django")

PROBE = "cryptopay_django.probe"
"""The place of a probe in `request.META`. What clients send are texts, under names that begin with HTTP_."""

_LONGEST = 10.0
"""Seconds after which a trial is given up: `check` waits no longer for the project's middleware."""

_FROM_OUTSIDE = "203.0.113.1"
"""An address for documentation: not one that a middleware takes for the office or for this machine."""

_SAYS_NOTHING = (DatabaseError, InterfaceError, ImproperlyConfigured)
"""Raised where the database is not there yet, or settings are wrong: others report both."""


class Probe:
    """Tries whether a callback reaches the view, whole. The view gives it the body instead of storing it."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.is_taken = self.is_in_transaction = False

    def take(self, body: bytes, signature: str, account: str) -> tuple[int, str]:
        """Return the view's answer: 401 where the body, or the header, was changed on the way."""
        try:
            verify_callback(body, signature, secrets=self._account.callback_secrets)
        except SignatureError as error:
            return 401, str(error)
        self.is_taken = account == self._account.name
        self.is_in_transaction = connections[router.db_for_write(Callback)].in_atomic_block
        return (200, "arrived") if self.is_taken else (404, "at another account")


@dataclass(frozen=True, slots=True)
class Arrival:
    """The project's answer to a signed callback. `target` is where it is redirected to.

    `is_in_transaction`: our view, which ATOMIC_REQUESTS leaves alone, ran in a transaction all the same.
    """

    status: int
    is_taken: bool
    target: str = ""
    is_in_transaction: bool = False

    @property
    def is_right(self) -> bool:
        """Return whether our view took it, and the gateway would be answered so."""
        return self.is_taken and self.status == 200

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400


def try_handler(account: Account, host: str, path: str) -> Arrival | None:
    """Send a signed callback through the project's handler; None where that shows nothing.

    `host` begins with a scheme, `path` with the prefix of this site's URLs.

    In a thread of its own: what the project's middleware sets for a request (language, time zone, URLs, connections)
    stays there, and asynchronous middleware runs there as everywhere.
    """
    found: list[Arrival] = []
    thread = threading.Thread(
        target=_try, args=(account, host, path, get_script_prefix(), found), name="cryptopay-arrival", daemon=True
    )
    thread.start()
    thread.join(_LONGEST)
    return found[0] if found else None


def _try(account: Account, host: str, path: str, prefix: str, found: list[Arrival]) -> None:
    request = WSGIRequest(_environ(account, host, path, prefix))
    raised: list[BaseException | None] = []

    def note(request: object, **kwargs: Any) -> None:
        if getattr(request, "META", {}).get(PROBE) is probe:
            raised.append(sys.exc_info()[1])

    probe = request.META[PROBE]
    got_request_exception.connect(note, weak=False)
    try:
        set_script_prefix(prefix)
        set_urlconf(settings.ROOT_URLCONF)
        handler: Any = BaseHandler()
        handler.load_middleware()
        # Not get_response: it writes each answer of 400 and above into the log.
        response = handler._middleware_chain(request)
    except Exception:
        # A middleware that cannot be built stops the server too, which says so.
        logger.debug("a callback could not be tried through the handler", exc_info=True)
    else:
        if not any(isinstance(error, _SAYS_NOTHING) for error in raised):
            target = response.headers.get("Location", "")
            found.append(Arrival(response.status_code, probe.is_taken, target, probe.is_in_transaction))
    finally:
        got_request_exception.disconnect(note)
        connections.close_all()


def _environ(account: Account, host: str, path: str, prefix: str) -> dict[str, Any]:
    """Return a request as a server passes it on that got it from a proxy which ends TLS."""
    parts = urlsplit(host)
    secure = settings.SECURE_PROXY_SSL_HEADER if parts.scheme == "https" else None
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": prefix.rstrip("/"),
        "PATH_INFO": "/" + path.removeprefix(prefix),
        "QUERY_STRING": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": parts.hostname,
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "REMOTE_ADDR": _FROM_OUTSIDE,
        "CONTENT_TYPE": CONTENT_TYPE,
        "CONTENT_LENGTH": str(len(BODY)),
        "HTTP_HOST": parts.netloc,
        "HTTP_USER_AGENT": AGENT,
        f"HTTP_{SIGNATURE_HEADER.upper().replace('-', '_')}": sign_callback(BODY, secret=account.callback_secrets[0]),
        **({secure[0]: secure[1]} if secure else {}),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(BODY),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        PROBE: Probe(account),
    }
