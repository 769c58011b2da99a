"""Gateways that fail, answer nonsense, or answer with what they were sent, and hosts that are none."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import requests

from tests.wire import ScriptedGateway, refusal


class BugError(Exception):
    """Something that nobody thought of."""


class Echo(ScriptedGateway):
    """A gateway in debugging mood."""

    def send(self, request: Any, **options: Any) -> Any:
        self.answer = lambda *_: (self.status, {"error": {"code": "x", "message": str(request.headers)}})
        return super().send(request, **options)


def raising(make: Callable[[], BaseException]) -> Callable[..., Any]:
    def answer(*_: Any) -> Any:
        raise make()

    return answer


def adapters() -> dict[str, Callable[..., Any]]:
    """Return what CRYPTOPAY_HTTP_ADAPTER may be, by the name of the trouble."""

    def echo(status: int) -> Callable[..., Any]:
        gateway = Echo(raising(BugError))
        gateway.status = status
        return lambda account: gateway

    return {
        "connect timeout": lambda account: ScriptedGateway(raising(lambda: requests.ConnectTimeout("slow"))),
        "read timeout": lambda account: ScriptedGateway(raising(lambda: requests.ReadTimeout("slow"))),
        "an adapter's bug": lambda account: ScriptedGateway(raising(BugError)),
        "the process ends": lambda account: ScriptedGateway(raising(SystemExit)),
        "several at once": lambda account: ScriptedGateway(raising(lambda: BaseExceptionGroup("all", [BugError()]))),
        "an adapter that is not made": raising(BugError),
        "an adapter that is none": lambda account: object(),
        "malformed": lambda account: ScriptedGateway(lambda *_: (200, b"{")),
        "html": lambda account: ScriptedGateway(lambda *_: (502, b"<html>")),
        **{f"refused {n}": lambda a, n=n: ScriptedGateway(lambda *_: refusal(n)) for n in (400, 409, 429)},
        **{f"echo {n}": echo(n) for n in (200, 401, 500)},
    }


def bad_hosts() -> Iterator[tuple[str, str]]:
    """Yield the name of a trouble and the URL that has it."""
    silent, closed = socket.socket(), socket.socket()
    for one in (silent, closed):
        one.bind(("127.0.0.1", 0))
    silent.listen(64)
    yield "nobody answers", f"http://127.0.0.1:{silent.getsockname()[1]}"
    yield "no tls there", f"https://127.0.0.1:{silent.getsockname()[1]}"
    yield "connection refused", f"http://127.0.0.1:{closed.getsockname()[1]}"
    yield "no such host", "https://gateway.invalid"
