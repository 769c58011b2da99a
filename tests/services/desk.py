"""The desk's side of a test: invoices that wait for a person, and a wire that fails around one call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any

from django.utils import timezone
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectionError as BrokenConnectionError
from requests.exceptions import ConnectTimeout, ReadTimeout
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError

from cryptopay_django.models import Invoice, Resolution
from cryptopay_django.sandbox.resolutions import resolve_by_settings
from cryptopay_django.services import create_invoice, process_overdue, refresh_invoice
from cryptopay_django.testing.inprocess import InProcessSandbox

PREVIEW = r"POST .*/recalculations"
COMMIT = r"POST .*/commit"
REFUND = r"POST .*/refunds"
READING = r"GET .*"
REFUNDS = r"GET .*/refunds"
MONEY = rf"{COMMIT}|{REFUND}"

ADDRESS = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"


_DETAIL = {"code": "minimum", "target": "amount", "message": "is below 0.0002 BTC", "args": {}}
REFUSAL = {"error": {"code": "invalid", "message": "invalid", "details": [_DETAIL]}, "meta": {"request_id": "r"}}


def _error(message: str) -> bytes:
    return json.dumps({"error": {"code": message.replace(" ", "_"), "message": message, "details": []}}).encode()


class Killed(BaseException):
    """The process ends here."""


def _answer(request: PreparedRequest, status: int, content: bytes) -> Response:
    response = Response()
    response.status_code, response.request, response.url = status, request, request.url
    response.raw = HTTPResponse(BytesIO(content), status=status, preload_content=False)
    return response


def _time_out(request: PreparedRequest) -> Response:
    raise ReadTimeout("no answer in time")


def _reset(request: PreparedRequest) -> Response:
    raise BrokenConnectionError(ProtocolError("Connection aborted.", ConnectionResetError(104, "reset by peer")))


def _unreachable(request: PreparedRequest) -> Response:
    raise ConnectTimeout("no route")


def _kill(request: PreparedRequest) -> Response:
    raise Killed


FAULTS: dict[str, Callable[[PreparedRequest], Response]] = {
    "timeout": _time_out,
    "reset": _reset,
    "5xx": lambda request: _answer(request, 502, b"<html>Bad Gateway</html>"),
    "unreadable": lambda request: _answer(request, 200, b'{"data": {"id": "0'),
    "refused": lambda request: _answer(request, 422, json.dumps(REFUSAL).encode()),
    "unreachable": _unreachable,
    **{
        name: lambda request, status=status, name=name: _answer(request, status, _error(name))
        for name, status in {"not found": 404, "unauthorized": 401, "limited": 429}.items()
    },
    "killed": _kill,
    **{
        f"proxy {status}": lambda request, status=status: _answer(request, status, b"<html>not the gateway</html>")
        for status in (400, 403, 404, 408, 409, 413, 429, 499)
    },
}


@dataclass
class Wire:
    """The sandbox's transport, in front of which one kind of call can fail, before or after it had its effect."""

    sandbox: InProcessSandbox
    asked: list[str] = field(default_factory=list)
    dates: dict[str, str] = field(default_factory=dict)
    call: str = ""
    fault: str = ""
    after_effect: bool = False
    before_call: tuple[str, Callable[[], object]] | None = None
    after_call: tuple[str, Callable[[], object]] | None = None
    changes: list[tuple[str, Callable[[dict[str, Any]], object]]] = field(default_factory=list)

    def change(self, call: str, change: Callable[[dict[str, Any]], object]) -> None:
        """Let a function edit the data of each answer to this call."""
        self.changes.append((call, change))

    def fail(self, call: str, fault: str, *, after_effect: bool = False) -> None:
        self.call, self.fault, self.after_effect = call, fault, after_effect

    def heal(self) -> None:
        self.call = ""

    def just_before(self, call: str, act: Callable[[], object]) -> None:
        """Let something happen once, when this call is about to reach the gateway."""
        self.before_call = call, act

    def after_each(self, call: str, act: Callable[[], object]) -> None:
        """Let something happen whenever the gateway has answered this call."""
        self.after_call = call, act

    def adapter_for(self, account: str) -> BaseAdapter:
        return _FaultyAdapter(self, self.sandbox.adapter_for(account))

    def count(self, call: str) -> int:
        return sum(re.fullmatch(call, asked) is not None for asked in self.asked)


class _FaultyAdapter(BaseAdapter):
    def __init__(self, wire: Wire, adapter: BaseAdapter) -> None:
        super().__init__()
        self.wire, self.adapter = wire, adapter

    def send(self, request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        wire, asked = self.wire, f"{request.method} {request.path_url}"
        wire.asked.append(asked)
        wire.dates[asked] = str(request.headers["Date"])
        if wire.before_call and re.fullmatch(wire.before_call[0], asked):
            (_, act), wire.before_call = wire.before_call, None
            act()
        if not (wire.call and re.fullmatch(wire.call, asked)):
            response = self.adapter.send(request, **options)
            if wire.after_call and re.fullmatch(wire.after_call[0], asked):
                wire.after_call[1]()
            return self._changed(asked, request, response)
        if wire.after_effect:
            self.adapter.send(request, **options)
        return FAULTS[wire.fault](request)

    def _changed(self, asked: str, request: PreparedRequest, response: Response) -> Response:
        changes = [change for call, change in self.wire.changes if re.fullmatch(call, asked)]
        if not changes or response.status_code >= 300:
            return response
        body = json.loads(response.content)
        for change in changes:
            change(body["data"])
        return _answer(request, response.status_code, json.dumps(body).encode())

    def close(self) -> None:
        pass


def unresolved(sandbox: InProcessSandbox, context: str = "underpaid", **order: Any) -> Invoice:
    """Return an invoice of 100 EUR in BTC that waits for a person; its callbacks are still on their way."""
    asked = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC", **order}
    invoice = create_invoice(**asked)
    if context == "paid_late":
        sandbox.advance(minutes=11)
    factor = {"underpaid": "0.5", "overpaid": "2"}.get(context, "1")
    sandbox.pay(invoice, factor=factor, risk="high" if context == "illicit_resource" else "low")
    sandbox.confirm(invoice)
    if context == "underpaid":
        sandbox.advance(minutes=11)
    invoice = refresh_invoice(invoice)
    assert (invoice.status, invoice.status_context) == ("unresolved", context)
    return invoice


def resolve_by_setting(sandbox: InProcessSandbox, invoice: Invoice, handling: str = "refund") -> None:
    """Let the account's own setting for the invoice's context take effect at the gateway, now."""
    account = sandbox.account()
    with account.changed:
        there = account.find(str(invoice.gateway_id))
        if there.context:
            account.change_settings({str(there.context): handling})
            resolve_by_settings(account.state, there, account.clock.now())


def money_moved(sandbox: InProcessSandbox, invoice: Invoice) -> int:
    """Return how many refunds and committed recalculations the gateway has for an invoice."""
    there = sandbox.invoice(invoice)
    return len(there.refunds) + sum(entry.committed_at is not None for entry in there.recalculations)


def look(*, later: bool = False) -> Resolution:
    """Do what worker and cron do when the time has come; `later`: when no call can be in flight any more."""
    due = {"next_attempt_at": timezone.now()}
    if later:
        due["sent_at"] = timezone.now() - timedelta(hours=1)
    Resolution.objects.filter(next_attempt_at__isnull=False).update(**due)
    process_overdue()
    return Resolution.objects.latest("created_at")


def kinds(invoice: Invoice) -> list[str]:
    """Return the steps of an invoice's resolutions, as its timeline has them."""
    found = invoice.events.order_by("pk").values_list("kind", flat=True)
    return [kind.removeprefix("resolution_") for kind in found if kind.startswith("resolution_")]
