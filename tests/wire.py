"""Doubles that stand at the wire: a scripted gateway behind a `requests` adapter, and the gateway's histories."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectTimeout, ReadTimeout
from urllib3 import HTTPResponse

from cryptopay_django.testing.factories import transaction_wire

Answer = tuple[int, Any] | Exception


def refusal(status: int, code: str = "refused") -> Answer:
    return status, {"error": {"code": code, "message": "no"}, "meta": {"request_id": "req-1"}}


UNREACHABLE = ConnectTimeout("no route")
TIMED_OUT = ReadTimeout("no answer in time")


@dataclass
class ScriptedGateway(BaseAdapter):
    """Answers each request by a function of method, path and body; keeps what was asked."""

    answer: Callable[[str, str, Any], Answer]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def send(self, request: PreparedRequest, **_: Any) -> Response:  # type: ignore[override]
        body = json.loads(request.body) if request.body else None
        self.asked.append((request.method, request.path_url))
        answer = self.answer(request.method, request.path_url, body)
        if isinstance(answer, Exception):
            raise answer
        response = Response()
        response.status_code, content = answer
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        response.raw = HTTPResponse(BytesIO(raw), status=response.status_code, preload_content=False)
        response.headers["Content-Type"] = "application/json"
        response.request = request
        response.url = request.url
        return response

    def close(self) -> None:
        pass

    def count(self, method: str) -> int:
        return sum(asked == method for asked, _ in self.asked)


A, B = transaction_wire("a" * 64), transaction_wire("b" * 64)


def _step(event: str, status: str, context: str | None = None, **changes: Any) -> tuple[str, Mapping[str, Any]]:
    return event, {"status": status, "status_context": context, **changes}


def _paid(amount: str, *transactions: Mapping[str, Any]) -> dict[str, Any]:
    return {"paid_amount": amount, "transactions": list(transactions)}


CREATED = _step("created", "new")
SEEN_WHOLE = _step("transaction_created", "new", **_paid("0.002", A))
CONFIRMED_WHOLE = _step("transaction_confirmed", "new", **_paid("0.002", A))
SEEN_HALF = _step("transaction_created", "new", **_paid("0.001", A))
CONFIRMED_HALF = _step("transaction_confirmed", "new", **_paid("0.001", A))
SEEN_TWICE = _step("transaction_created", "new", **_paid("0.004", A, B))
RECALCULATED_HALF = {"price_amount": "51.5", "pay_amount": "0.001", **_paid("0.001", A)}

# Every sequence of callbacks that the gateway's protocol calls normal, for 100 EUR asked as 0.002 BTC, and the
# invoice's last status, its settled amount, and the signal that ends it.
SEQUENCES = {
    "paid in full": (
        [CREATED, SEEN_WHOLE, CONFIRMED_WHOLE, _step("status_changed", "completed", **_paid("0.002", A))],
        ("completed", "100", "invoice_completed"),
    ),
    "underpaid, recalculated": (
        [
            SEEN_HALF,
            CONFIRMED_HALF,
            _step("status_changed", "unresolved", "underpaid", **_paid("0.001", A)),
            _step("status_changed", "completed", **RECALCULATED_HALF),
        ],
        ("completed", "51.5", "invoice_settled_short"),
    ),
    "underpaid, refunded": (
        [
            SEEN_HALF,
            CONFIRMED_HALF,
            _step("status_changed", "unresolved", "underpaid", **_paid("0.001", A)),
            _step("refunded", "refunded", **_paid("0.001", A)),
        ],
        ("refunded", None, "invoice_refunded"),
    ),
    "topped up in time": (
        [
            SEEN_HALF,
            CONFIRMED_HALF,
            _step("transaction_created", "new", **_paid("0.002", A, B)),
            _step("transaction_confirmed", "new", **_paid("0.002", A, B)),
            _step("status_changed", "completed", **_paid("0.002", A, B)),
        ],
        ("completed", "100", "invoice_completed"),
    ),
    "overpaid, overage refunded": (
        [
            SEEN_WHOLE,
            SEEN_TWICE,
            _step("status_changed", "unresolved", "overpaid", **_paid("0.004", A, B)),
            _step("status_changed", "completed", **_paid("0.004", A, B)),
        ],
        ("completed", "100", "invoice_completed"),
    ),
    "overpaid, all credited": (
        [
            SEEN_WHOLE,
            SEEN_TWICE,
            _step("status_changed", "unresolved", "overpaid", **_paid("0.004", A, B)),
            _step("recalculated", "completed", price_amount="201.3", pay_amount="0.004", **_paid("0.004", A, B)),
        ],
        ("completed", "201.3", "invoice_completed"),
    ),
    "paid late, recalculated": (
        [
            SEEN_WHOLE,
            CONFIRMED_WHOLE,
            _step("status_changed", "unresolved", "paid_late", **_paid("0.002", A)),
            _step("status_changed", "completed", price_amount="99.99", **_paid("0.002", A)),
        ],
        ("completed", "99.99", "invoice_settled_short"),
    ),
    "paid late, refunded": (
        [
            SEEN_WHOLE,
            CONFIRMED_WHOLE,
            _step("status_changed", "unresolved", "paid_late", **_paid("0.002", A)),
            _step("status_changed", "refunded", **_paid("0.002", A)),
        ],
        ("refunded", None, "invoice_refunded"),
    ),
    "held, completed by the gateway's desk": (
        [
            SEEN_WHOLE,
            CONFIRMED_WHOLE,
            _step("status_changed", "unresolved", "illicit_resource", **_paid("0.002", A)),
            _step("status_changed", "completed", **_paid("0.002", A)),
        ],
        ("completed", "100", "invoice_completed"),
    ),
    "held, refunded by the gateway's desk": (
        [
            SEEN_WHOLE,
            CONFIRMED_WHOLE,
            _step("status_changed", "unresolved", "illicit_resource", **_paid("0.002", A)),
            _step("status_changed", "refunded", **_paid("0.002", A)),
        ],
        ("refunded", None, "invoice_refunded"),
    ),
    "underpaid, then more but late": (
        [
            SEEN_HALF,
            _step("status_changed", "unresolved", "underpaid", **_paid("0.001", A)),
            _step("status_changed", "unresolved", "paid_late", **_paid("0.002", A, B)),
            _step("status_changed", "completed", **_paid("0.002", A, B)),
        ],
        ("completed", "100", "invoice_completed"),
    ),
    "never paid": ([CREATED, _step("status_changed", "cancelled")], ("cancelled", None, "invoice_cancelled")),
    "double spent": (
        [SEEN_WHOLE, _step("status_changed", "cancelled", **_paid("0.0"))],
        ("cancelled", None, "invoice_cancelled"),
    ),
}
