"""What tests of withdrawals ask for, and read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from cryptopay_django.sandbox.core import Sandbox
from tests.sandbox.conftest import Merchant

ADDRESS = "2Mz3bcjSVHG8uQJpNjmCxp24VdTjwaqmFcJ"
RIPPLE = "rn7bUErRCFBHhLpjmx3XhR89exwgwFFjMs"
NOBODY = "00000000-0000-4000-8000-000000000000"


def form(**values: Any) -> dict[str, Any]:
    """Return the request for a withdrawal of 100 EUR in BTC, or what is asked for; ... leaves a member out."""
    body = {"address": ADDRESS, "charged_currency": "EUR", "received_currency": "BTC", "force_commit": True} | values
    if not any("amount" in name for name in values):
        body["charged_amount"] = "100.0"
    return {name: value for name, value in body.items() if value is not ...}


def withdraw(merchant: Merchant, **values: Any) -> dict[str, Any]:
    return merchant.data("POST", "/api/coin_withdrawals", form(**values), status=201)


def refused(merchant: Merchant, status: int = 422, **values: Any) -> list[dict[str, Any]]:
    """Return the details of the refusal."""
    response = merchant.call("POST", "/api/coin_withdrawals", form(**values))
    assert response.status == status, response.body
    return json.loads(response.body)["error"]["details"]


def balance(sandbox: Sandbox, currency: str = "EUR") -> Decimal:
    return sandbox.account.balances[currency]


def row(merchant: Merchant) -> dict[str, Any]:
    """Return the newest row of a withdrawal."""
    return merchant.data("GET", "/api/transactions?reference_type=CoinWithdrawal")[0]
