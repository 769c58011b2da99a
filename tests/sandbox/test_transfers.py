"""Exchange transfers: two rows with one fee, a preview that looks like the deed, and what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from cryptopay_django.sandbox.core import Sandbox
from tests.sandbox.conftest import Merchant, Shop, pass_time

NOBODY = "00000000-0000-4000-8000-000000000000"


pytestmark = pytest.mark.usefixtures("money")


def form(**values: Any) -> dict[str, Any]:
    body = {
        "charged_currency": "EUR", "charged_amount": "100.0", "received_currency": "BTC", "received_amount": None,
        "force_commit": True,
    }  # fmt: skip
    return {name: value for name, value in (body | values).items() if value is not ...}


def exchange(merchant: Merchant, **values: Any) -> dict[str, Any]:
    return merchant.data("POST", "/api/exchange_transfers", form(**values), status=201)


def moved(merchant: Merchant) -> list[dict[str, Any]]:
    return merchant.data("GET", "/api/transactions?reference_type=ExchangeTransfer")


def test_fiat_buys_coins(merchant: Merchant, sandbox: Sandbox) -> None:
    made = exchange(merchant, custom_id="X-1")

    rate = merchant.data("GET", "/api/rates/BTC/EUR")["buy_rate"]
    assert list(made) == [
        "id", "charged_amount", "charged_currency", "received_amount", "received_currency", "custom_id", "exchange",
    ]  # fmt: skip
    assert made["exchange"] == {"pair": "BTCEUR", "rate": rate, "fee": "1.0", "fee_currency": "EUR"}
    assert made["custom_id"] == "X-1"
    received, charged = moved(merchant)
    assert (charged["amount"], charged["currency"], charged["balance"]) == ("-100.0", "EUR", "900.0")
    assert (received["amount"], received["currency"]) == (made["received_amount"], "BTC")
    assert [(row["fee"], row["fee_currency"]) for row in (received, charged)] == [("1.0", "EUR")] * 2
    assert {row["reference_id"] for row in (received, charged)} == {made["id"]}
    assert {(row["status"], row["status_context"], row["custom_id"]) for row in (received, charged)} == {
        (None, None, "X-1")
    }
    assert sandbox.account.balances["BTC"] == 1 + Decimal(made["received_amount"])


def test_coins_are_sold_for_fiat_with_a_fee_in_fiat(merchant: Merchant, sandbox: Sandbox) -> None:
    made = exchange(
        merchant, charged_currency="BTC", received_currency="EUR", charged_amount=None, received_amount="100.0"
    )

    rate = Decimal(merchant.data("GET", "/api/rates/BTC/EUR")["sell_rate"])
    assert (made["received_amount"], made["exchange"]["fee"]) == ("100.0", "1.02")
    assert Decimal(made["charged_amount"]) - Decimal("0.00000001") < Decimal("101.02") / rate
    assert sandbox.account.balances["EUR"] == 1100
    assert [row["fee"] for row in moved(merchant)] == ["1.02", "1.02"]


def test_a_preview_moves_nothing_until_it_is_committed(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    preview = exchange(merchant, force_commit=False)
    assert moved(merchant) == []
    assert merchant.data("GET", f"/api/exchange_transfers/{preview['id']}") == preview

    pass_time(sandbox, seconds=30)
    committed = merchant.data("POST", f"/api/exchange_transfers/{preview['id']}/commit")

    assert committed == preview
    assert len(moved(merchant)) == 2
    assert merchant.call("POST", f"/api/exchange_transfers/{preview['id']}/commit").status == 409
    assert sandbox.account.balances["EUR"] == 900
    assert shop.posts == []


def test_a_preview_that_is_too_old_does_nothing_and_frees_its_custom_id(merchant: Merchant, sandbox: Sandbox) -> None:
    preview = exchange(merchant, force_commit=False, custom_id="X-1")
    assert merchant.call("POST", "/api/exchange_transfers", form(custom_id="X-1")).status == 409

    pass_time(sandbox, seconds=31)

    assert merchant.call("POST", f"/api/exchange_transfers/{preview['id']}/commit").status == 422
    assert sandbox.account.balances["EUR"] == 1000
    exchange(merchant, custom_id="X-1")
    assert merchant.call("POST", "/api/exchange_transfers", form(custom_id="X-1")).status == 409


def test_a_commit_needs_the_money_to_be_there_still(merchant: Merchant, sandbox: Sandbox) -> None:
    preview = exchange(merchant, force_commit=False, charged_amount="600")
    exchange(merchant, charged_amount="600")

    assert merchant.call("POST", f"/api/exchange_transfers/{preview['id']}/commit").status == 422
    assert sandbox.account.balances["EUR"] == 400


@pytest.mark.parametrize(
    ("values", "code", "target"),
    [
        ({"charged_amount": None}, "is_missing", "charged_amount"),
        ({"received_amount": "1"}, "must_be_empty", "received_amount"),
        ({"received_currency": "EUR"}, "must_be_included_in", "received_currency"),
        ({"received_currency": ...}, "is_missing", "received_currency"),
        ({"charged_currency": "XXX"}, "must_be_included_in", "charged_currency"),
        ({"charged_amount": "1.001"}, "invalid_precision", "charged_amount"),
        ({"charged_amount": "0.01"}, "must_be_greater_than", "received_amount"),
        ({"charged_amount": "1000.01"}, "must_be_less_than_or_equal", "charged_amount"),
        ({"charged_currency": "BTC", "received_currency": "TON"}, "must_be_included_in", "received_currency"),
        ({"force_commit": 1}, "must_be_boolean", "force_commit"),
    ],
)
def test_a_request_that_cannot_be_is_refused_by_name(
    merchant: Merchant, values: dict[str, Any], code: str, target: str
) -> None:
    response = merchant.call("POST", "/api/exchange_transfers", form(**values))

    problem = json.loads(response.body)["error"]["details"][0]
    assert (response.status, problem["code"], problem["target"]) == (422, code, target)
    assert moved(merchant) == []


def test_there_is_no_transfer_that_was_not_made(merchant: Merchant, sandbox: Sandbox) -> None:
    assert merchant.call("GET", f"/api/exchange_transfers/{NOBODY}").status == 404
    assert merchant.call("GET", "/api/exchange_transfers/7").status == 422
    assert merchant.call("GET", "/api/exchange_transfers").status == 404
    preview = exchange(merchant, force_commit=False)
    sandbox.variants({"previews": "not_found"})
    assert merchant.call("GET", f"/api/exchange_transfers/{preview['id']}").status == 404
