"""Refunds to an address, which a withdrawal delivers, and what no source proves about withdrawals."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from cryptopay_django.sandbox import money_controls
from cryptopay_django.sandbox.core import Sandbox
from tests.sandbox.conftest import Merchant, Shop, pass_time
from tests.sandbox.withdrawing import ADDRESS, balance, withdraw

pytestmark = pytest.mark.usefixtures("money")


def refund(merchant: Merchant, sandbox: Sandbox, **order: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let an invoice be underpaid and refunded to an address; return it and the refund."""
    invoice = merchant.order(**order)
    sandbox.pay(invoice["id"], factor="0.9")
    sandbox.confirm(invoice["id"])
    pass_time(sandbox, minutes=11)
    body = {"address": ADDRESS}
    return invoice, merchant.data("POST", f"/api/invoices/{invoice['id']}/refunds", body, status=201)


def test_a_refund_to_an_address_is_a_withdrawal_that_delivers_less(
    merchant: Merchant, sandbox: Sandbox, shop: Shop
) -> None:
    before = balance(sandbox, "BTC")
    invoice, made = refund(merchant, sandbox)

    (withdrawal,) = merchant.data("GET", "/api/coin_withdrawals")
    pass_time(sandbox, hours=1)

    (sent,) = merchant.data("GET", "/api/coin_withdrawals")
    (shown,) = merchant.data("GET", f"/api/invoices/{invoice['id']}/refunds")
    net = Decimal(made["amount"]) - Decimal(made["fee"])
    assert (withdrawal["custom_id"], withdrawal["address"], withdrawal["status"]) == (None, ADDRESS, "pending")
    assert Decimal(withdrawal["charged_amount"]) == net
    assert Decimal(withdrawal["received_amount"]) == net - Decimal(withdrawal["network_fee"])
    assert sent["status"] == "completed"
    assert sent["txid"] == shown["txid"] is not None
    assert balance(sandbox, "BTC") == before
    assert not [event for event in shop.story if "pending" in event or "processing" in event]


def test_the_withdrawal_of_a_refund_can_fail_and_be_cancelled_and_then_the_coins_are_on_the_account(
    merchant: Merchant, sandbox: Sandbox
) -> None:
    before = balance(sandbox, "BTC")
    invoice, made = refund(merchant, sandbox)
    (withdrawal,) = merchant.data("GET", "/api/coin_withdrawals")

    for decision in ("hold", "cancel"):
        money_controls.decide_withdrawal(sandbox, withdrawal["id"], decision)
    pass_time(sandbox, days=1)

    assert merchant.data("GET", f"/api/invoices/{invoice['id']}/refunds")[0]["txid"] is None
    assert balance(sandbox, "BTC") == before + Decimal(made["amount"]) - Decimal(made["fee"])


def test_a_refund_that_the_network_would_eat_is_refused_and_changes_nothing(
    merchant: Merchant, sandbox: Sandbox
) -> None:
    order = merchant.order(price_amount="0.5")
    sandbox.pay(order["id"], factor="0.9")
    sandbox.confirm(order["id"])
    pass_time(sandbox, minutes=11)

    response = merchant.call("POST", f"/api/invoices/{order['id']}/refunds", {"address": ADDRESS})

    assert response.status == 422
    assert merchant.read(order)["status"] == "unresolved"
    assert merchant.data("GET", f"/api/invoices/{order['id']}/refunds") == []


def test_the_open_questions_about_withdrawals_can_be_answered_otherwise(
    merchant: Merchant, sandbox: Sandbox, shop: Shop
) -> None:
    sandbox.variants(
        {
            "previews": "not_found", "withdrawal_fee_currency": "charged", "refund_withdrawals": "announced",
            "second_commit": "422",
        }
    )  # fmt: skip

    preview = withdraw(merchant, force_commit=False)
    assert merchant.call("GET", f"/api/coin_withdrawals/{preview['id']}").status == 404
    committed = merchant.data("POST", f"/api/coin_withdrawals/{preview['id']}/commit")
    assert committed["fee_currency"] == "EUR"
    assert merchant.call("POST", f"/api/coin_withdrawals/{preview['id']}/commit").status == 422
    assert merchant.data("GET", f"/api/coin_withdrawals/{preview['id']}") == committed
    refund(merchant, sandbox)
    sandbox.deliver()
    assert shop.story.count("created(pending)") == 2


def test_callbacks_of_withdrawals_can_lack_what_those_of_2022_lacked(
    merchant: Merchant, sandbox: Sandbox, shop: Shop
) -> None:
    sandbox.variants({"callback_members": "of_2022"})
    shown = withdraw(merchant)

    sandbox.deliver()

    data = json.loads(shop.posts[-1][1])["data"]
    assert shown.keys() - data.keys() == {"network", "customer_id", "description"}
    assert data["exchange"] == {name: shown["exchange"][name] for name in ("pair", "rate")}
