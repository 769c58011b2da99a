"""A pytest plugin: no test may show a secret of tests/settings.py, or a signature made with one.

Watched are log records with their tracebacks, the answers of Django's test clients, what commands print, what is
captured of stdout and stderr, mails, and what pytest prints of a failure. Requests to the gateway, where signatures
belong, are not. A test that is about such text has the mark `shows_secrets`.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import logging
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.management.base import OutputWrapper
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client

MARK = "canary-"
"""What every secret of tests/settings.py begins with, so that one look is enough for nearly every text."""

_SIGNATURE = re.compile(r"[0-9a-f]{64}|[A-Za-z0-9+/]{27}=")


class Canaries:
    """The secrets, the signatures that this test has made with them, and where one of either was seen."""

    def __init__(self) -> None:
        self.secrets = frozenset(_secrets_in(settings.CRYPTOPAY_ACCOUNTS))
        self.signatures: set[str] = set()
        self.seen: list[str] = []

    def look(self, text: str, where: str) -> None:
        """Note every secret and signature in a text."""
        if MARK in text:
            self.seen += [f"{where} shows {secret}" for secret in self.secrets if secret in text]
        if self.signatures:
            self.seen += [
                f"{where} shows the signature {found}"
                for found in _SIGNATURE.findall(text)
                if found in self.signatures
            ]

    def remember(self, digest: bytes) -> None:
        """Note what was signed, in both of the ways in which it is written."""
        self.signatures |= {digest.hex(), base64.b64encode(digest).decode()}


class _LogWatch(logging.Handler):
    def __init__(self, canaries: Canaries) -> None:
        super().__init__()
        self.canaries = canaries
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.canaries.look(self.format(record), f"a log record of {record.name}")


_CANARIES = pytest.StashKey[Canaries]()
_IS_TOLD = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", "shows_secrets: the test is about a text with a secret or a signature in it")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Stand beside everything that goes out, for the whole session."""
    canaries = session.config.stash[_CANARIES] = Canaries()
    logging.getLogger().addHandler(_LogWatch(canaries))
    for name in ("cryptopay_django", "urllib3"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    _stand_beside_signing(canaries)
    _stand_beside_answers(canaries)
    _stand_beside_output(canaries)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Fail the phase of a test in which a canary was seen."""
    report = yield
    canaries = item.config.stash[_CANARIES]
    for title, text in report.sections:
        canaries.look(text, title)
    if report.longrepr is not None:
        canaries.look(report.longreprtext, "what pytest prints of the failure")
    for message in getattr(mail, "outbox", []):
        canaries.look(f"{message.subject}\n{message.body}\n{message.extra_headers}", "a mail")
    is_told = item.stash.setdefault(_IS_TOLD, False) or item.get_closest_marker("shows_secrets")
    if canaries.seen and not is_told:
        item.stash[_IS_TOLD] = True
        report.outcome = "failed"
        report.longrepr = "\n".join(["a secret got out:", *sorted(set(canaries.seen))])
    canaries.seen.clear()
    if call.when == "teardown":
        canaries.signatures.clear()
    return report


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(MARK):
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _secrets_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _secrets_in(item)


def _stand_beside_signing(canaries: Canaries) -> None:
    digest = hmac.digest
    keys = {secret.encode() for secret in canaries.secrets}

    def remembering(key: bytes, msg: bytes, digest_name: str) -> bytes:
        made = digest(key, msg, digest_name)
        if key in keys:
            canaries.remember(made)
        return made

    hmac.digest = remembering  # type: ignore[assignment]


def _stand_beside_answers(canaries: Canaries) -> None:
    def look_at_part(where: str, part: bytes) -> bytes:
        canaries.look(part.decode("utf-8", "replace"), where)
        return part

    def look(response: HttpResponseBase) -> None:
        where = f"the answer {response.status_code} to {response.request.get('PATH_INFO', '?')}"
        canaries.look("\n".join(f"{name}: {value}" for name, value in response.items()), where)
        if not response.streaming:
            canaries.look(response.content.decode("utf-8", "replace"), where)
        elif not response.is_async:
            # No generator: Django would close it while it runs, which kills Python 3.12.1.
            response.streaming_content = map(partial(look_at_part, where), response.streaming_content)

    def request(client: Client, ask: Callable[..., Any] = Client.request, **environ: Any) -> Any:
        response = ask(client, **environ)
        look(response)
        return response

    async def async_request(client: AsyncClient, ask: Callable[..., Any] = AsyncClient.request, **scope: Any) -> Any:
        response = await ask(client, **scope)
        with contextlib.suppress(AttributeError):
            look(response)
        return response

    Client.request = request  # type: ignore[method-assign]
    AsyncClient.request = async_request  # type: ignore[method-assign]


def _stand_beside_output(canaries: Canaries) -> None:
    write = OutputWrapper.write

    def watched(self: OutputWrapper, msg: Any = "", *arguments: Any, **options: Any) -> None:
        canaries.look(str(msg), "what a command prints")
        write(self, msg, *arguments, **options)

    OutputWrapper.write = watched  # type: ignore[method-assign]
