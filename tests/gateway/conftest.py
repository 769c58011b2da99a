"""The scripted gateway, clients for it, and clocks that move only when slept on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.rate_limit import RateLimiter

from .server import Gateway

API_KEY = "key-of-the-test-account"
API_SECRET = "secret-of-the-test-account"


class Time:
    """A clock, a calendar and a sleep that belong together. Sleeping takes no time."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.pauses: list[float] = []
        self.start = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)

    def clock(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.passed += seconds


@pytest.fixture(autouse=True)
def _no_proxy_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def connect(gateway: Gateway, time: Time) -> Iterator[Callable[..., Client]]:
    """Make clients of the scripted gateway, each with a limiter of its own and without randomness."""
    clients: list[Client] = []

    def make(base_url: str = "", **options: Any) -> Client:
        defaults = {
            "clock": time.clock,
            "now": time.now,
            "sleep": time.sleep,
            "random": lambda: 1.0,
            "limiter": RateLimiter(clock=time.clock),
        }
        client = Client(API_KEY, API_SECRET, base_url or gateway.url, **{**defaults, **options})
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    return connect()


@pytest.fixture(autouse=True)
def no_pause_before_a_retry() -> None:
    """Keep the pauses of a shop: the clock and the sleep of these tests are not the real ones."""
