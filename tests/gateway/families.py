"""Things of every family but invoices, in the shapes the gateway sends, with invented ids and values; fresh copies."""

from __future__ import annotations

import copy
from typing import Any

from . import examples

CHANNEL_ID = "5a0c6c1e-7b42-4f0e-9d15-3c8e2b7a6f01"
PAYMENT_ID = "c2b1a0f9-8e7d-4c6b-9a58-47362514f302"
WITHDRAWAL_ID = "e91d7c3b-2a4f-4e6d-8b0c-1f2e3d4c5b03"
TRANSFER_ID = "7f6e5d4c-3b2a-4190-8f7e-6d5c4b3a2904"
SUBSCRIPTION_ID = "1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e05"
ACCOUNT_ID = "9b8a7c6d-5e4f-4a3b-9c2d-1e0f9a8b7c06"
ROW_ID = "3d4e5f60-7182-4394-85a6-b7c8d9e0f107"
PROJECT_ID = "aa11bb22-cc33-4d44-8e55-ff6677889908"

EXCHANGE = {"pair": "BTCEUR", "rate": "40000.0", "fee": "1.0", "fee_currency": "EUR"}

_THINGS: dict[str, dict[str, Any]] = {
    "channel": {
        "id": CHANNEL_ID,
        "status": "enabled",
        "name": "Top up",
        "description": None,
        "receiver_currency": "EUR",
        "pay_currency": "XRP",
        "address": "rExampleExampleExampleExample?dt=123456789",
        "network": "ripple",
        "project_id": PROJECT_ID,
        "custom_id": "wallet-7",
        "customer_id": None,
        "uri": "ripple:rExampleExampleExampleExample?dt=123456789",
        "hosted_page_url": f"https://hosted.gateway.example/channels/{CHANNEL_ID}",
    },
    "channel_payment": {
        "id": PAYMENT_ID,
        "paid_amount": "0.0025",
        "paid_currency": "BTC",
        "received_amount": "99.0",
        "received_currency": "EUR",
        "fee": "1.0",
        "fee_currency": "EUR",
        "txid": "ab" * 32,
        "exchange": {**EXCHANGE, "fee": "0.0"},
        "status": "completed",
        "status_context": None,
        "refund_address": None,
        "coin_withdrawal_id": None,
        "custom_id": "wallet-7",
        "customer_id": None,
        "channel_id": CHANNEL_ID,
        "address": "bcrt1qchannel",
        "network": "bitcoin",
        "risk": dict(examples.RISK),
        "created_at": "2024-02-03T04:05:06+00:00",
    },
    "withdrawal": {
        "id": WITHDRAWAL_ID,
        "custom_id": "payout-7",
        "customer_id": None,
        "address": "bcrt1qpayout",
        "network": "bitcoin",
        "txid": None,
        "status": "new",
        "charged_amount": "100.0",
        "charged_currency": "EUR",
        "received_amount": "0.002455",
        "received_currency": "BTC",
        "network_fee": "0.00002",
        "network_fee_level": "average",
        "fee": "0.0",
        "fee_currency": "BTC",
        "description": None,
        "exchange": dict(EXCHANGE),
        "risk": None,
        "created_at": "2024-02-03T04:05:06+00:00",
    },
    "network_fee": {"level": "average", "fee": "0.00002", "currency": "BTC", "network": "bitcoin"},
    "transfer": {
        "id": TRANSFER_ID,
        "charged_amount": "100.0",
        "charged_currency": "EUR",
        "received_amount": "0.002475",
        "received_currency": "BTC",
        "custom_id": None,
        "exchange": dict(EXCHANGE),
    },
    "subscription": {
        "id": SUBSCRIPTION_ID,
        "status": "active",
        "custom_id": "club-7",
        "name": "Club",
        "amount": "20.0",
        "currency": "EUR",
        "period": "month",
        "period_quantity": 3,
        "current_period_starts_at": "2024-02-03T04:05:06+00:00",
        "current_period_ends_at": "2024-03-03T04:05:06+00:00",
        "current_period_paid": False,
        "payer_email": "ann@example.com",
        "payer_name": None,
        "product_name": None,
        "product_description": None,
        "success_redirect_url": None,
        "unsuccess_redirect_url": None,
        "created_at": "2024-02-03T04:05:06+00:00",
        "cancelled_at": None,
    },
    "account": {"id": ACCOUNT_ID, "balance": "1234.5", "currency": "EUR", "project_id": PROJECT_ID},
    "row": {
        "id": ROW_ID,
        "custom_id": None,
        "customer_id": None,
        "amount": "-100.0",
        "currency": "EUR",
        "balance": "1134.5",
        "fee": "1.0",
        "fee_currency": "EUR",
        "reference_id": TRANSFER_ID,
        "reference_type": "ExchangeTransfer",
        "description": None,
        "status": None,
        "status_context": None,
        "risk": None,
        "created_at": "2024-02-03T04:05:06+00:00",
    },
}


def thing(kind: str, *without: str, **changes: Any) -> dict[str, Any]:
    """Return a thing of a kind with these members changed, and those named left out."""
    members = {**copy.deepcopy(_THINGS[kind]), **copy.deepcopy(changes)}
    return {name: value for name, value in members.items() if name not in without}
