"""Defines the examples of channels in the OpenAPI document. The other examples: `examples.py`."""

from __future__ import annotations

from .examples import ADDRESS, GATEWAY_ID, LATER, MOMENT, WHY, answer, body

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
    "seen_at": MOMENT,
}
_CHANNEL = {
    "id": _CHANNEL_ID,
    "state": "open",
    "pay_currency": "BTC",
    "network": "bitcoin",
    "receiver_currency": "EUR",
    "payment": {"address": ADDRESS, "destination_tag": "", "uri": f"bitcoin:{ADDRESS}"},
}
_CHANNEL_ROW = {
    "id": _CHANNEL_ID,
    "account": "default",
    "environment": "production",
    "custom_id": _CHANNEL_ID,
    "gateway_id": GATEWAY_ID,
    "owner": {"type": "auth.user", "id": "17"},
    "status": "enabled",
    "quarantine_reason": "",
    "name": "auth.User 17",
    "pay_currency": "BTC",
    "network": "bitcoin",
    "receiver_currency": "EUR",
    "address": ADDRESS,
    "destination_tag": "",
    "version": 1,
    "created_at": MOMENT,
    "paid_at": LATER,
}
_CHANNEL_PAYMENT = {
    "id": _RECEIPT["id"],
    "channel_id": _CHANNEL_ID,
    "account": "default",
    "environment": "production",
    "gateway_id": GATEWAY_ID,
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
    "seen_at": MOMENT,
    "finished_at": LATER,
}
CHANNEL = answer("an open channel", _CHANNEL)
CHANNEL_STATE = answer("a payment was credited", {**_CHANNEL, "receipts": [_RECEIPT], "has_more": False})
CHANNELS = answer("a customer's channels", {"channels": [_CHANNEL]})
RECEIPTS = answer("what came in", {"next": None, "previous": None, "results": [_RECEIPT]})
CHANNEL_ROWS = answer("a page", {"next": None, "previous": None, "results": [_CHANNEL_ROW]})
CHANNEL_PAYMENTS = answer("a quarantined payment", {"next": None, "previous": None, "results": [_CHANNEL_PAYMENT]})
SWITCH = body("a customer has left", {"expected_version": 1, "reason": WHY})
RELEASE_PAYMENT = body("the account was switched to USD", {"expected_version": 3, "reason": WHY})
