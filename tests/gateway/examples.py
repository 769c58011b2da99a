"""Messages in every shape the gateway sends, with invented ids and values. Each call returns a fresh copy."""

from __future__ import annotations

import copy
from typing import Any

INVOICE_ID = "0b7e1a52-93c4-4d0f-8a65-2f1c7d9e3b40"
OTHER_ID = "d1f4c3a8-5b6e-4f70-9c2d-8e7a6b5c4d3e"
RECALCULATION_ID = "7c9d2e4f-1a3b-4c5d-8e6f-9a0b1c2d3e4f"

_INVOICE: dict[str, Any] = {
    "id": INVOICE_ID,
    "custom_id": "order-7",
    "customer_id": None,
    "status": "new",
    "status_context": None,
    "address": "bcrt1qexampleexampleexampleexample",
    "network": "bitcoin",
    "uri": "bitcoin:bcrt1qexampleexampleexampleexample?amount=0.00125",
    "price_amount": "50.0",
    "price_currency": "EUR",
    "pay_amount": "0.00125",
    "pay_currency": "BTC",
    "fee": "0.5",
    "fee_currency": "EUR",
    "paid_amount": "0.0",
    "exchange": {"pair": "BTCEUR", "rate": "40000.0", "fee": "0.0", "fee_currency": "EUR"},
    "transactions": [],
    "name": None,
    "description": None,
    "metadata": None,
    "success_redirect_url": None,
    "unsuccess_redirect_url": None,
    "hosted_page_url": f"https://hosted.gateway.example/invoices/{INVOICE_ID}",
    "created_at": "2024-02-03T04:05:06+00:00",
    "expires_at": "2024-02-03T04:15:06+00:00",
}
RISK = {"score": 4.5, "level": "low", "resource_name": "default", "resource_category": "unknown"}


def invoice(*without: str, **changes: Any) -> dict[str, Any]:
    """Return an invoice with these members changed, and those named left out."""
    members = {**copy.deepcopy(_INVOICE), **copy.deepcopy(changes)}
    return {name: value for name, value in members.items() if name not in without}


def transaction(txid: str = "ab" * 32, **changes: Any) -> dict[str, Any]:
    return {"txid": txid, "risk": dict(RISK), **changes}


def recalculation(**changes: Any) -> dict[str, Any]:
    return {
        "id": RECALCULATION_ID,
        "invoice_id": INVOICE_ID,
        "pay_amount": "0.001",
        "pay_currency": "BTC",
        "price_amount": "41.23",
        "price_currency": "EUR",
        "fee": "0.42",
        "fee_currency": "EUR",
        "previous_pay_amount": "0.00125",
        "previous_price_amount": "50.0",
        "previous_exchange_rate": "40000.0",
        "exchange": {"pair": "BTCEUR", "rate": "41234.5", "fee": "0.0", "fee_currency": "EUR"},
        "created_at": "2024-02-03T05:00:00+00:00",
        **changes,
    }


def refund(**changes: Any) -> dict[str, Any]:
    return {
        "id": OTHER_ID,
        "custom_id": None,
        "invoice_id": INVOICE_ID,
        "amount": "0.001",
        "amount_currency": "BTC",
        "fee": "0.00001",
        "fee_currency": "BTC",
        "address": "bcrt1qrefundrefundrefundrefund",
        "txid": "cd" * 32,
        "risk": {**RISK, "level": "medium", "score": 6.25},
        "created_at": "2024-02-03T06:00:00+00:00",
        "network": "bitcoin",
        **changes,
    }


def coin_network(network: str = "bitcoin", **changes: Any) -> dict[str, Any]:
    return {
        "network": network,
        "name": network.title(),
        "precision": 8,
        "destination_tag": None,
        "invoices": {"enabled": True},
        "channels": {"enabled": True},
        "coin_withdrawals": {"enabled": False},
        **changes,
    }


def coin(currency: str = "BTC", *networks: dict[str, Any]) -> dict[str, Any]:
    return {
        "currency": currency,
        "name": f"The {currency}",
        "logo_url": f"https://cdn.gateway.example/{currency}.svg",
        "networks": list(networks) or [coin_network()],
    }


def customer(**changes: Any) -> dict[str, Any]:
    return {
        "id": "customer-3",
        "currency": "EUR",
        "refund_addresses": {"BTC": "bcrt1qcustomer"},
        "addresses": [{"address": "bcrt1qcustomer", "currency": "BTC", "network": "bitcoin"}],
        **changes,
    }


INVOICES: dict[str, dict[str, Any]] = {
    "a new one": invoice(),
    "keys absent, as in some callbacks": invoice(
        "network", "uri", "fee", "fee_currency", "hosted_page_url", "customer_id", "exchange", "transactions"
    ),
    "exchange null": invoice(price_currency="BTC", price_amount="0.00125", exchange=None),
    "exchange without its fee": invoice(exchange={"pair": "BTCEUR", "rate": "40000.0"}),
    "exchange with its fee null": invoice(
        exchange={"pair": "BTCEUR", "rate": "40000.0", "fee": None, "fee_currency": None}
    ),
    "subscription and customer": invoice(subscription_id=OTHER_ID, customer_id="customer-3"),
    "XRP with a destination tag": invoice(
        address="rExampleExampleExampleExample?dt=123456789",
        network="ripple",
        pay_currency="XRP",
        pay_amount="104.166667",
        uri="ripple:rExampleExampleExampleExample?amount=104.166667&dt=123456789",
    ),
    "XLM with a memo id": invoice(
        address="GEXAMPLEEXAMPLEEXAMPLE?dt=42",
        network="stellar",
        pay_currency="XLM",
        uri="web+stellar:pay?destination=GEXAMPLEEXAMPLEEXAMPLE&amount=500&memo=42&memo_type=MEMO_ID",
    ),
    "as many digits as fit": invoice(pay_amount="12345678901234567890.123456789012345678"),
    "SHIB, in millions": invoice(pay_currency="SHIB", network="ethereum", pay_amount="83951027.0"),
    "SOL with nine decimals": invoice(pay_currency="SOL", network="solana", pay_amount="0.340136054"),
    "two transactions": invoice(
        status="refunded", paid_amount="0.0025", transactions=[transaction(), transaction("cd" * 32)]
    ),
    "a transaction not yet scored": invoice(transactions=[transaction(risk=None)]),
    "a transaction without risk": invoice(transactions=[{"txid": "ef" * 32}]),
    "source addresses": invoice(
        transactions=[transaction(source_addresses=["bcrt1qone", "bcrt1qtwo"]), transaction(source_addresses=[])]
    ),
    "source addresses null": invoice(transactions=[transaction(source_addresses=None)]),
    "a risk without its resource": invoice(transactions=[transaction(risk={"score": 10, "level": "high"})]),
    "texts and metadata": invoice(
        name="Größe „M“ 🦊",
        description="two\nlines",
        metadata={"basket": "17", "": "empty key", "note": ""},
        success_redirect_url="https://shop.example/thanks?order=7",
        unsuccess_redirect_url="shopapp://basket",
    ),
    "metadata empty": invoice(metadata={}),
    "status and fields of another version": invoice(
        status="paused", status_context="under_review", pay_currency="NEW", added={"deep": [1, 2.5, None, True]}
    ),
    "unresolved": invoice(status="unresolved", status_context="overpaid", paid_amount="0.002"),
    "times null": invoice(created_at=None, expires_at=None),
}
