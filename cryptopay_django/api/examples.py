"""Defines the examples of the OpenAPI document."""

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

_REFUND_QUOTE = {
    "invoice_id": _INVOICE_ID,
    "invoice_version": 5,
    "amount": "50",
    "currency": "EUR",
    "value_amount": "50",
    "price_currency": "EUR",
    "received_amount": "0.00094224",
    "pay_currency": "BTC",
    "address": _ADDRESS,
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
SUMMARY = _answer("one of two mugs was returned", {
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
    "created_at": _MOMENT,
    "expires_at": "2026-11-28T12:00:00Z",
    "revoked_at": None,
    "used_at": None,
    "address": "",
    "destination_tag": "",
    "without_tag": False,
    "network": "",
}
REFUND_LINKS = _answer("the customer has answered", {
    "links": [{**_LINK, "state": "used", "used_at": _LATER, "address": _ADDRESS, "network": "bitcoin"}],
})  # fmt: skip
MADE_REFUND_LINK = _answer("a new link", {**_LINK, "url": "https://shop.example/cryptopay/refund/qP2v…/"})
QUOTE = _answer("an underpaid invoice", _QUOTE)
REFUND_QUOTE = _answer("half of a completed order", _REFUND_QUOTE)
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
RETURN = _body("half of the order", {"amount": "50", "address": _ADDRESS})
REFUND_COMPLETED = _body(
    "of a completed invoice", {"expected_version": 5, "reason": _WHY, "quote": _REFUND_QUOTE["quote"]}
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

_CHANNEL_ID = "6f0b4a3e-8f0c-4a58-9d8e-5c0f7f1a2b33"
_TXID = "3a1f0b8c5d2e4f60718293a4b5c6d7e8f90123456789abcdef0123456789abcd"
_RECEIPT = {
    "id": "c1d2e3f4-1111-4222-8333-944455566677",
    "state": "credited",
    "txid": _TXID,
    "paid_amount": "0.01",
    "paid_currency": "BTC",
    "credited_amount": "522.47",
    "credited_currency": "EUR",
    "seen_at": _MOMENT,
}
_CHANNEL = {
    "id": _CHANNEL_ID,
    "state": "open",
    "pay_currency": "BTC",
    "network": "bitcoin",
    "receiver_currency": "EUR",
    "payment": {"address": _ADDRESS, "destination_tag": "", "uri": f"bitcoin:{_ADDRESS}"},
}
_CHANNEL_ROW = {
    "id": _CHANNEL_ID,
    "account": "default",
    "environment": "production",
    "custom_id": _CHANNEL_ID,
    "gateway_id": _GATEWAY_ID,
    "owner": {"type": "auth.user", "id": "17"},
    "status": "enabled",
    "quarantine_reason": "",
    "name": "auth.User 17",
    "pay_currency": "BTC",
    "network": "bitcoin",
    "receiver_currency": "EUR",
    "address": _ADDRESS,
    "destination_tag": "",
    "version": 1,
    "created_at": _MOMENT,
    "paid_at": _LATER,
}
_CHANNEL_PAYMENT = {
    "id": _RECEIPT["id"],
    "channel_id": _CHANNEL_ID,
    "account": "default",
    "environment": "production",
    "gateway_id": _GATEWAY_ID,
    "txid": _TXID,
    "status": "completed",
    "status_context": "",
    "quarantine_reason": "received_currency is USD at the gateway, and EUR here",
    "contradicted": {"received_currency": "USD"},
    "paid_amount": "0.01",
    "paid_currency": "BTC",
    "received_amount": "522.47",
    "received_currency": "EUR",
    "credited_amount": "0",
    "fee_amount": "5.28",
    "fee_currency": "EUR",
    "exchange_rate": "52775",
    "risk_score": "3.27",
    "risk_level": "low",
    "version": 3,
    "seen_at": _MOMENT,
    "finished_at": _LATER,
}
CHANNEL = _answer("an open channel", _CHANNEL)
CHANNEL_STATE = _answer("a payment was credited", {**_CHANNEL, "receipts": [_RECEIPT], "has_more": False})
CHANNELS = _answer("a customer's channels", {"channels": [_CHANNEL]})
RECEIPTS = _answer("what came in", {"next": None, "previous": None, "results": [_RECEIPT]})
CHANNEL_ROWS = _answer("a page", {"next": None, "previous": None, "results": [_CHANNEL_ROW]})
CHANNEL_PAYMENTS = _answer("a payment that is held", {"next": None, "previous": None, "results": [_CHANNEL_PAYMENT]})
SWITCH = _body("a customer has left", {"expected_version": 1, "reason": _WHY})
RELEASE_PAYMENT = _body("the account was switched to USD", {"expected_version": 3, "reason": _WHY})

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
    "created_at": _MOMENT,
    "expires_at": None,
    "cancelled_at": None,
    "opened_count": 2,
    "opened_at": _LATER,
    "paid_amount": "49.9",
    "paid_count": 1,
}
PAYMENT_LINK = _answer("paid", _PAYMENT_LINK)
PAYMENT_LINKS = _answer("a page", {"next": None, "previous": None, "results": [_PAYMENT_LINK]})
NEW_PAYMENT_LINK = _body(
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
