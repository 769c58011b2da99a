"""Calls every endpoint of a family on the sandbox, and holds each answer against the table of shapes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from cryptopay_django.sandbox import channel_controls, money_controls

from .comparing import differences
from .conftest import Merchant, pass_time
from .shapes import ENDPOINTS, PAGED


class Surveyor:
    """Calls endpoints, holds each answer against the table, and remembers which were called."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant
        self.called: set[str] = set()

    def call(self, endpoint: str, *pieces: str, body: object = None, query: str = "") -> Any:
        method, path = endpoint.split(" ")
        status, shape = ENDPOINTS[endpoint]
        for piece in pieces:
            start, _, rest = path.partition("{")
            path = start + piece + rest.partition("}")[2]
        response = self.merchant.call(method, path + query, body)
        assert response.status == status, response.body
        envelope = json.loads(response.body)
        data = envelope.pop("data")
        assert envelope.keys() == ({"meta"} if endpoint in PAGED else set())
        for meta in envelope.values():
            assert list(differences("page_meta", meta, "meta")) == []
        assert list(differences(shape, data)) == []
        self.called.add(endpoint)
        return data


def survey_channels(survey: Surveyor) -> None:
    """Call every endpoint of channels; a payment in each status is in the lists."""
    sandbox = survey.merchant.sandbox
    body = {"name": "7", "pay_currency": "BTC", "receiver_currency": "EUR", "custom_id": "seven"}
    channel_id = survey.call("POST /api/channels", body=body)["id"]
    survey.call("GET /api/channels/{id}", channel_id)
    survey.call("GET /api/channels/custom_id/{custom_id}", "seven")
    for risk in ("high", "low", "high"):
        payment = channel_controls.pay(sandbox, channel_id, "0.01", risk=risk)
    channel_controls.confirm(sandbox, channel_id)
    channel_controls.decide(sandbox, payment.id, "refund")
    survey.call("PATCH /api/channels/{id}", channel_id, body={"status": "disabled"})
    channel_controls.pay(sandbox, channel_id, "0.01")
    channel_controls.confirm(sandbox, channel_id)
    channel_controls.pay(sandbox, channel_id, "0.01", double_spend=True)
    survey.call("GET /api/channels")
    payments = survey.call("GET /api/channels/{id}/payments", channel_id)
    assert [one["status"] for one in payments] == ["pending", "on_hold", "refunded", "completed", "on_hold"]
    survey.call("GET /api/channels/{id}/payments/{id}", channel_id, payments[0]["id"])


def survey_money(survey: Surveyor) -> None:
    """Call every endpoint of accounts, the ledger, withdrawals and exchange transfers."""
    sandbox, address = survey.merchant.sandbox, survey.merchant.order()["address"]
    money_controls.deposit(sandbox, "EUR", "10000")
    body = {"address": address, "charged_currency": "EUR", "received_currency": "BTC", "charged_amount": "100"}
    preview = survey.call("POST /api/coin_withdrawals", body=body | {"custom_id": "payout"})["id"]
    survey.call("POST /api/coin_withdrawals/{id}/commit", preview)
    pass_time(sandbox, minutes=30)
    survey.call("GET /api/coin_withdrawals/{id}", preview)
    survey.call("GET /api/coin_withdrawals/custom_id/{custom_id}", "payout")
    survey.call("GET /api/coin_withdrawals")
    survey.call("GET /api/coin_withdrawals/network_fees", query="?all_networks=true")
    body = {"charged_currency": "EUR", "received_currency": "BTC", "charged_amount": "100", "received_amount": None}
    transfer = survey.call("POST /api/exchange_transfers", body=body)["id"]
    survey.call("POST /api/exchange_transfers/{id}/commit", transfer)
    survey.call("GET /api/exchange_transfers/{id}", transfer)
    accounts = survey.call("GET /api/accounts")
    euros = next(account["id"] for account in accounts if account["currency"] == "EUR")
    survey.call("GET /api/accounts/{id}/transactions", euros)
    survey.call("GET /api/transactions")


def survey_subscriptions(survey: Surveyor) -> None:
    """Call every endpoint of subscriptions; one is paid, one is cancelled."""
    sandbox = survey.merchant.sandbox
    body = {
        "name": "Monthly", "amount": "10", "currency": "EUR", "period": "month", "period_quantity": 3,
        "payer_email": "ann@example.com", "starts_at": (sandbox.clock.now() + timedelta(days=7)).isoformat(),
    }  # fmt: skip
    paid = survey.call("POST /api/subscriptions", body=body | {"custom_id": "paid"})["id"]
    invoice = money_controls.bill(sandbox, paid, "BTC", None)
    sandbox.pay(invoice.id)
    sandbox.confirm(invoice.id)
    cancelled = survey.call("POST /api/subscriptions", body=body)["id"]
    survey.call("POST /api/subscriptions/{id}/cancel", cancelled)
    survey.call("GET /api/subscriptions/{id}", paid)
    survey.call("GET /api/subscriptions/custom_id/{custom_id}", "paid")
    survey.call("GET /api/subscriptions")
