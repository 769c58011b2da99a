"""The examples of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

from .problems import CONTENT_TYPE, TYPE

_INVOICE_ID = "0d8f4c1e-5b0e-4f0b-9a3e-6b8f6f0a7c21"
_GATEWAY_ID = "8dd53e0f-0725-48b4-b0a7-1840aa67b5bb"
_ADDRESS = "2N44BYHaFmyYAaHfwYmKsPeqvErua4tmznT"
_MOMENT = "2026-11-21T12:00:00Z"
_LATER = "2026-11-21T12:10:00Z"

_STATE = {
    "id": _INVOICE_ID,
    "state": "waiting",
    "is_final": False,
    "price_amount": "100",
    "price_currency": "EUR",
    "pay_amount": "0.001895",
    "pay_currency": "BTC",
    "paid_amount": "0",
    "due_amount": "0.001895",
    "network": "bitcoin",
    "expires_at": _LATER,
    "seconds_left": 581,
    "payment": {
        "address": _ADDRESS,
        "destination_tag": "",
        "amount": "0.001895",
        "currency": "BTC",
        "network": "bitcoin",
        "uri": f"bitcoin:{_ADDRESS}?amount=0.001895",
    },
}

_ROW = {
    "id": _INVOICE_ID,
    "account": "default",
    "environment": "production",
    "custom_id": "order-7QX2M9KD",
    "gateway_id": _GATEWAY_ID,
    "order": {"type": "shop.order", "id": "17"},
    "status": "unresolved",
    "status_context": "underpaid",
    "quarantine_reason": "",
    "price_amount": "100",
    "price_currency": "EUR",
    "settled_amount": None,
    "pay_amount": "0.001895",
    "pay_currency": "BTC",
    "network": "bitcoin",
    "paid_amount": "0.0017",
    "version": 4,
    "created_at": _MOMENT,
    "expires_at": _LATER,
    "finished_at": None,
}

_QUOTE = {
    "invoice_id": _INVOICE_ID,
    "invoice_version": 4,
    "credited_amount": "89.71",
    "price_currency": "EUR",
    "ordered_amount": "100",
    "shortfall_amount": "10.29",
    "paid_amount": "0.0017",
    "pay_currency": "BTC",
    "exchange_rate": "52770.58",
    "previous_exchange_rate": "52905.17",
    "fee_amount": "0.89",
    "fee_currency": "EUR",
    "expires_at": "2026-11-21T13:00:30Z",
    "quote": "eyJpbnZvaWNlX2lkIjoi...:1vMabc:qE9s...",
}

_RESOLUTION = {
    "id": "5a0d6f5e-43d1-4f57-8a57-5f0f7d6f2b10",
    "invoice_id": _INVOICE_ID,
    "invoice_status": "completed",
    "invoice_version": 5,
    "kind": "settle",
    "status": "succeeded",
    "awaits_approval": False,
    "actor": "finance",
    "reason": "ticket 4711: the customer takes what was paid",
    "needs_approval": False,
    "approver": "",
    "approved_at": None,
    "parameters": {"call": "commit", "credited_amount": "89.71"},
    "result": {},
    "error": "",
    "created_at": _MOMENT,
    "sent_at": _MOMENT,
    "finished_at": _MOMENT,
}


def _answer(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True)


def _body(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _problem(status: int, code: str, title: str, detail: str, **more: Any) -> OpenApiExample:
    body = {"type": f"{TYPE}{code}", "title": title, "status": status, "detail": detail, "code": code, **more}
    return OpenApiExample(code, value=body, response_only=True, media_type=CONTENT_TYPE)


COINS = _answer(
    "a price of 100 EUR",
    {
        "coins": [
            {"currency": "BTC", "network": "bitcoin", "coin_name": "Bitcoin", "network_name": "Bitcoin",
             "precision": 8, "amount": "0.00189018"},
            {"currency": "USDT", "network": "tron", "coin_name": "Tether", "network_name": "Tron",
             "precision": 6, "amount": "113.328"},
        ]
    },
)  # fmt: skip
WAITING = _answer("waiting for the payment", _STATE)
COMPLETED = _answer(
    "paid",
    {**_STATE, "state": "completed", "is_final": True, "paid_amount": "0.001895", "due_amount": None,
     "seconds_left": None, "payment": None},
)  # fmt: skip
COIN_CHOICE = _body("USDT on Tron", {"currency": "USDT", "network": "tron"})

INVOICES = _answer(
    "a page",
    {"next": "https://shop.example/cryptopay/api/desk/invoices/?cursor=cD0yMDI2", "previous": None, "results": [_ROW]},
)
QUOTE = _answer("an underpaid invoice", _QUOTE)
RESOLUTION = _answer("done", _RESOLUTION)
PENDING = _answer("waits for a second person", {
    **_RESOLUTION, "invoice_status": "unresolved", "invoice_version": 4, "status": "planned", "awaits_approval": True,
    "needs_approval": True, "sent_at": None, "finished_at": None,
})  # fmt: skip

_WHY = "ticket 4711: agreed by telephone"
SETTLE = _body("commit a quote", {"expected_version": 4, "reason": _WHY, "quote": _QUOTE["quote"]})
SETTLE_ORDERED = _body(
    "credit the ordered amount of an overpaid invoice, refund the rest to the own account",
    {"expected_version": 4, "reason": _WHY, "refund_overage": True},
)
REFUND_TO_ADDRESS = _body(
    "to the customer", {"expected_version": 4, "reason": _WHY, "destination": "address", "address": _ADDRESS}
)
REFUND_TO_OWN = _body(
    "to the merchant's own coin account", {"expected_version": 4, "reason": _WHY, "destination": "own_account"}
)
REFUND_TO_TAG = _body(
    "to the customer's account at an exchange, of XRP",
    {"expected_version": 4, "reason": _WHY, "destination": "address", "address": "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH",
     "tag": "2751702755"},
)  # fmt: skip
END = _body(
    "nothing of it is in the account",
    {"expected_version": 4, "reason": _WHY, "resolution": _RESOLUTION["id"], "checked": True},
)
RELEASE = _body("end a quarantine", {"expected_version": 4, "reason": _WHY})

PROBLEMS = {
    400: _problem(
        400, "invalid", "The request is not valid", "Some of what was sent cannot be taken.",
        errors=[{"field": "reason", "code": "required", "detail": "This field is required."}],
    ),
    403: _problem(
        403, "permission_denied", "Not permitted", "You do not have permission to perform this action."
    ),
    404: _problem(404, "not_found", "Not found", "Not found."),
    409: _problem(409, "invoice_changed", "The invoice has changed", "Look at it again."),
    429: _problem(429, "throttled", "Too many requests", "Request was throttled. Expected available in 20 seconds."),
    503: _problem(
        503, "gateway_unreachable", "The payment service cannot be reached",
        "Nothing was sent. Try again in a moment.",
    ),
}  # fmt: skip
