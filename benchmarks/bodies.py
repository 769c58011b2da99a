"""The gateway's objects and signed requests of the benchmark. Plain Python: the stub uses it too.

Everything about an invoice follows from its id, so that the stub can answer for any without being told.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

SECRET = b"benchmark-callback-secret"
EVENTS = (("transaction_created", "new"), ("transaction_confirmed", "new"), ("status_changed", "completed"))
"""The three callbacks of an invoice that is paid in full and on time."""


def snapshot(gateway_id: str, status: str = "completed", **changes: Any) -> dict[str, Any]:
    """Return an invoice of 100 EUR for which 0.002 BTC have been paid."""
    key = gateway_id.replace("-", "")
    risk = {"score": 3.27, "level": "low", "resource_name": "default", "resource_category": "unknown"}
    return {
        "id": gateway_id,
        "custom_id": f"order-{key}",
        "customer_id": None,
        "status": status,
        "status_context": None,
        "address": f"2N{key}",
        "network": "bitcoin",
        "uri": f"bitcoin:2N{key}?amount=0.002",
        "price_amount": "100.0",
        "price_currency": "EUR",
        "pay_amount": "0.002",
        "pay_currency": "BTC",
        "fee": "1.0",
        "fee_currency": "EUR",
        "paid_amount": "0.002",
        "exchange": {"pair": "BTCEUR", "rate": "50000.0", "fee": "0.0", "fee_currency": "EUR"},
        "transactions": [{"txid": key * 2, "risk": risk}],
        "name": None,
        "description": None,
        "metadata": None,
        "success_redirect_url": None,
        "unsuccess_redirect_url": None,
        "hosted_page_url": None,
        "created_at": "2026-01-01T00:00:00+00:00",
        "expires_at": "2026-01-01T00:10:00+00:00",
        **changes,
    }


def callbacks(gateway_id: str) -> list[bytes]:
    """Return the requests of an invoice's three callbacks, in their order."""
    return [
        signed("/cryptopay/callbacks/", json.dumps({"type": "Invoice", "event": event, "data": data}).encode())
        for event, data in ((event, snapshot(gateway_id, status)) for event, status in EVENTS)
    ]


def signed(path: str, body: bytes) -> bytes:
    """Return a whole POST, signed as the gateway signs."""
    return post(path, body, {"X-Cryptopay-Signature": hmac.new(SECRET, body, hashlib.sha256).hexdigest()})


def post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the bytes of an HTTP/1.1 request that keeps its connection."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(path: str) -> bytes:
    """Return the bytes of a GET that keeps its connection."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def stripe_signed(path: str, body: bytes) -> bytes:
    """Return a whole POST, signed as Stripe signs."""
    at = int(time.time())
    signature = hmac.new(SECRET, b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
    return post(path, body, {"Stripe-Signature": f"t={at},v1={signature}"})


def payment_intent(key: str, status: str = "succeeded") -> dict[str, Any]:
    """Return Stripe's object for a payment of 100 EUR."""
    return {
        "id": f"pi_{key}",
        "object": "payment_intent",
        "amount": 10000,
        "amount_capturable": 0,
        "amount_received": 10000,
        "capture_method": "automatic",
        "client_secret": f"pi_{key}_secret",
        "confirmation_method": "automatic",
        "created": 1767225600,
        "currency": "eur",
        "customer": None,
        "description": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_types": ["card"],
        "status": status,
    }


def stripe_event(key: str, kind: str, data: Mapping[str, Any]) -> bytes:
    """Return the body of one of Stripe's events."""
    event = {
        "id": f"evt_{key}",
        "object": "event",
        "api_version": "2026-05-27.dahlia",
        "created": 1767225600,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
        "data": {"object": data},
    }
    return json.dumps(event).encode()


def checkout_session(token: str) -> dict[str, Any]:
    """Return Stripe's object for a session that was paid."""
    return {
        "id": f"cs_test_{token}",
        "object": "checkout.session",
        "amount_subtotal": 10000,
        "amount_total": 10000,
        "client_reference_id": token,
        "created": 1767225600,
        "currency": "eur",
        "customer": None,
        "livemode": False,
        "metadata": {},
        "mode": "payment",
        "payment_intent": f"pi_{token}",
        "payment_method_types": ["card"],
        "payment_status": "paid",
        "status": "complete",
    }
