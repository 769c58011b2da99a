"""Defines the examples of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

from .problems import CONTENT_TYPE, TYPE

_INVOICE_ID = "0d8f4c1e-5b0e-4f0b-9a3e-6b8f6f0a7c21"
GATEWAY_ID = "8dd53e0f-0725-48b4-b0a7-1840aa67b5bb"
ADDRESS = "2N44BYHaFmyYAaHfwYmKsPeqvErua4tmznT"
MOMENT = "2026-11-21T12:00:00Z"
LATER = "2026-11-21T12:10:00Z"

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
    "expires_at": LATER,
    "seconds_left": 581,
    "payment": {
        "address": ADDRESS,
        "destination_tag": "",
        "amount": "0.001895",
        "currency": "BTC",
        "network": "bitcoin",
        "uri": f"bitcoin:{ADDRESS}?amount=0.001895",
    },
}

_ROW = {
    "id": _INVOICE_ID,
    "account": "default",
    "environment": "production",
    "custom_id": "order-7QX2M9KD",
    "gateway_id": GATEWAY_ID,
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
    "created_at": MOMENT,
    "expires_at": LATER,
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

_REFUND_QUOTE = {
    "invoice_id": _INVOICE_ID,
    "invoice_version": 5,
    "amount": "50",
    "currency": "EUR",
    "value_amount": "50",
    "price_currency": "EUR",
    "received_amount": "0.00094224",
    "pay_currency": "BTC",
    "address": ADDRESS,
    "network": "bitcoin",
    "network_fee_borne_by": "merchant",
    "network_fee_amount": "0.00002",
    "network_fee_level": "average",
    "fee_amount": "0.52",
    "fee_currency": "EUR",
    "charged_amount": "51.59",
    "charged_currency": "EUR",
    "balance_amount": "1204.10",
    "exchange_rate": "53064.88",
    "left_value_amount": "100",
    "left_amount": "0.001895",
    "expires_at": "2026-11-21T13:00:30Z",
    "quote": "eyJpbnZvaWNlX2lkIjoi...:1vNabc:pD8r...",
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
    "parameters": {"call": "commit_recalculation", "credited_amount": "89.71"},
    "result": {},
    "error": "",
    "created_at": MOMENT,
    "sent_at": MOMENT,
    "finished_at": MOMENT,
}


def answer(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, response_only=True)


def body(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


def _problem(status: int, code: str, title: str, detail: str, **more: Any) -> OpenApiExample:
    body = {"type": f"{TYPE}{code}", "title": title, "status": status, "detail": detail, "code": code, **more}
    return OpenApiExample(code, value=body, response_only=True, media_type=CONTENT_TYPE)


COINS = answer(
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
WAITING = answer("waiting for the payment", _STATE)
COMPLETED = answer(
    "paid",
    {**_STATE, "state": "completed", "is_final": True, "paid_amount": "0.001895", "due_amount": None,
     "seconds_left": None, "payment": None},
)  # fmt: skip
COIN_CHOICE = body("USDT on Tron", {"currency": "USDT", "network": "tron"})

INVOICES = answer(
    "a page",
    {"next": "https://shop.example/cryptopay/api/desk/invoices/?cursor=cD0yMDI2", "previous": None, "results": [_ROW]},
)
SUMMARY = answer("one of two mugs was returned", {
    "order": {"type": "shop.order", "id": "17"}, "currency": "EUR", "due_amount": "16.50", "paid_amount": "33",
    "pending_amount": "0", "quarantined_amount": "0", "refunded_amount": "16.50", "returned_amount": "16.50",
    "kept_amount": "16.50", "remaining_amount": "0", "overpaid_amount": "0", "is_paid": True, "is_paid_twice": False,
    "is_certain": True, "has_pending": False, "has_quarantined": False, "completed_count": 1, "unknown": [],
})  # fmt: skip
_LINK = {
    "id": "0b9e5d0a-7a51-4a0e-9f43-2f0c1d9e8b77",
    "invoice_id": _INVOICE_ID,
    "state": "open",
    "actor": "finance",
    "created_at": MOMENT,
    "expires_at": "2026-11-28T12:00:00Z",
    "revoked_at": None,
    "used_at": None,
    "address": "",
    "destination_tag": "",
    "without_tag": False,
    "network": "",
}
REFUND_LINKS = answer("the customer has answered", {
    "links": [{**_LINK, "state": "used", "used_at": LATER, "address": ADDRESS, "network": "bitcoin"}],
})  # fmt: skip
MADE_REFUND_LINK = answer("a new link", {**_LINK, "url": "https://shop.example/cryptopay/refund/qP2v…/"})
QUOTE = answer("an underpaid invoice", _QUOTE)
REFUND_QUOTE = answer("half of a completed order", _REFUND_QUOTE)
RESOLUTION = answer("done", _RESOLUTION)
PENDING = answer("waits for a second person", {
    **_RESOLUTION, "invoice_status": "unresolved", "invoice_version": 4, "status": "planned", "awaits_approval": True,
    "needs_approval": True, "sent_at": None, "finished_at": None,
})  # fmt: skip

WHY = "ticket 4711: agreed by telephone"
SETTLE = body("commit a quote", {"expected_version": 4, "reason": WHY, "quote": _QUOTE["quote"]})
SETTLE_ORDERED = body(
    "credit the ordered amount of an overpaid invoice, refund the rest to the own account",
    {"expected_version": 4, "reason": WHY, "refund_overage": True},
)
REFUND_TO_ADDRESS = body(
    "to the customer", {"expected_version": 4, "reason": WHY, "destination": "address", "address": ADDRESS}
)
RETURN = body("half of the order", {"amount": "50", "address": ADDRESS})
REFUND_COMPLETED = body(
    "of a completed invoice", {"expected_version": 5, "reason": WHY, "quote": _REFUND_QUOTE["quote"]}
)
REFUND_TO_OWN = body(
    "to the merchant's own coin account", {"expected_version": 4, "reason": WHY, "destination": "own_account"}
)
REFUND_TO_TAG = body(
    "to the customer's account at an exchange, of XRP",
    {"expected_version": 4, "reason": WHY, "destination": "address", "address": "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH",
     "tag": "2751702755"},
)  # fmt: skip
END = body(
    "nothing of it is in the account",
    {"expected_version": 4, "reason": WHY, "resolution": _RESOLUTION["id"], "checked": True},
)
RELEASE = body("end a quarantine", {"expected_version": 4, "reason": WHY})

_PAYMENT_LINK = {
    "id": "2f1d6f6e-6f3b-4b57-9a57-1f0f7d6f2b77",
    "url": "https://shop.example/cryptopay/pay/q3Zr0vJt5m2XyKb8Lw9NcA/",
    "kind": "link",
    "account": "default",
    "environment": "production",
    "price_amount": "49.9",
    "price_currency": "EUR",
    "least_amount": None,
    "most_amount": None,
    "description": "Workshop on 3 May",
    "reference": "A-17",
    "is_reusable": False,
    "actor": "finance",
    "created_at": MOMENT,
    "expires_at": None,
    "cancelled_at": None,
    "opened_count": 2,
    "opened_at": LATER,
    "paid_amount": "49.9",
    "paid_count": 1,
}
PAYMENT_LINK = answer("paid", _PAYMENT_LINK)
PAYMENT_LINKS = answer("a page", {"next": None, "previous": None, "results": [_PAYMENT_LINK]})
NEW_PAYMENT_LINK = body(
    "paid once",
    {"price_amount": "49.90", "price_currency": "EUR", "description": "Workshop on 3 May", "reference": "A-17"},
)

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
