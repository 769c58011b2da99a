"""A merchant with a signing pen, and a sandbox whose clock stands still until it is moved."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from cryptopay_django.gateway.signing import SIGNATURE_HEADER, sign_request
from cryptopay_django.sandbox import money_controls
from cryptopay_django.sandbox.account import Account
from cryptopay_django.sandbox.callbacks import Answer
from cryptopay_django.sandbox.clock import Clock
from cryptopay_django.sandbox.core import Sandbox, travel
from cryptopay_django.sandbox.routing import Request, Response


@dataclass
class Shop:
    """The host's side: what was posted to it, and what it answers (200 until told otherwise)."""

    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def receive(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        self.posts.append((headers, body))
        return Answer(self.answers.pop(0) if self.answers else 200, b"ok")

    @property
    def story(self) -> list[str]:
        """What was posted, one word a callback: event(status) or event(status, context)."""
        return [tell(json.loads(body)) for _, body in self.posts]


@dataclass
class Merchant:
    """Calls the API as an official client does."""

    sandbox: Sandbox

    def call(self, method: str, path: str, body: object = None, **changes: Any) -> Response:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        date = changes.pop("date", format_datetime(datetime.now(UTC), usegmt=True))
        key = changes.pop("key", self.sandbox.account.api_key)
        secret = changes.pop("secret", self.sandbox.account.api_secret)
        signed = changes.pop("signed_path", path)
        signature = sign_request(secret=secret, method=method, path=signed, date=date, body=raw)
        headers = {"Authorization": f"HMAC {key}:{signature}", "Date": date, "Content-Type": "application/json"}
        return self.sandbox.handle(Request(method, path, headers, changes.pop("sent_body", raw)))

    def data(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        response = self.call(method, path, body)
        assert response.status == status, response.body
        return json.loads(response.body)["data"]

    def order(self, **values: Any) -> dict[str, Any]:
        """Create an invoice of 100 EUR in BTC, or what is asked for instead."""
        form = {"price_amount": "100.0", "price_currency": "EUR", "pay_currency": "BTC"} | values
        return self.data("POST", "/api/invoices", form, status=201)

    def read(self, invoice: dict[str, Any]) -> dict[str, Any]:
        return self.data("GET", f"/api/invoices/{invoice['id']}")


def tell(callback: dict[str, Any]) -> str:
    data = callback["data"]
    return f"{callback['event']}({', '.join(filter(None, (data['status'], data.get('status_context'))))})"


def pass_time(sandbox: Sandbox, **delta: float) -> None:
    """Move the clock and deliver what falls due on the way."""
    travel([sandbox], timedelta(**delta))


class Host(HTTPServer):
    """A shop's callback URL: remembers what it was sent and answers 200, or what is in `answers`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), HostHandler)
        self.received: list[tuple[str, bytes]] = []
        self.answers: list[int] = []

    @property
    def story(self) -> list[str]:
        return [tell(json.loads(body)) for _, body in self.received]


class HostHandler(BaseHTTPRequestHandler):
    server: Host

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.headers[SIGNATURE_HEADER], body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def host() -> Iterator[Host]:
    server = Host()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def sandbox(shop: Shop) -> Sandbox:
    account = Account(callback_url="https://shop.test/callbacks/")
    return Sandbox(account=account, clock=Clock(), post=shop.receive)


@pytest.fixture
def merchant(sandbox: Sandbox) -> Merchant:
    return Merchant(sandbox)


@pytest.fixture
def money(sandbox: Sandbox) -> None:
    """Put money on the account."""
    for currency, amount in (("EUR", "1000"), ("BTC", "1"), ("XRP", "1000"), ("XLM", "1000")):
        money_controls.deposit(sandbox, currency, amount)
