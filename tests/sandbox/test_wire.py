"""What a client of the service can rely on: envelopes, words of refusals, prices in every currency, spelling of addresses."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import base58
import pytest

from cryptopay_django.exceptions import AddressError
from cryptopay_django.gateway.addresses import check_address
from cryptopay_django.sandbox.addresses import encode
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.simulated_coins import COINS, FIAT

from .conftest import Merchant

# The examples of BIP 350 and BIP 173.
TAPROOT = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
UPPER_CASE = "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"


def body_of(merchant: Merchant, method: str, path: str, body: object = None) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(merchant.call(method, path, body).body)
    return parsed


def error_of(merchant: Merchant, method: str, path: str, body: object = None) -> dict[str, Any]:
    error: dict[str, Any] = body_of(merchant, method, path, body)["error"]
    return error


def test_a_list_says_how_long_it_is_and_whether_more_follows(merchant: Merchant) -> None:
    made = [merchant.order()["id"] for _ in range(53)]

    first = body_of(merchant, "GET", "/api/invoices")
    second = body_of(merchant, "GET", f"/api/invoices?starting_after={first['data'][-1]['id']}")

    assert first["meta"] == {"total": 53, "has_more": True}
    assert second["meta"] == {"total": 53, "has_more": False}
    assert [invoice["id"] for invoice in first["data"] + second["data"]] == made[::-1]


def test_a_filter_counts_what_it_lets_through(merchant: Merchant) -> None:
    merchant.order(customer_id="ann")
    merchant.order()

    assert body_of(merchant, "GET", "/api/invoices?customer_id=ann")["meta"] == {"total": 1, "has_more": False}
    assert body_of(merchant, "GET", f"/api/invoices?subscription_id={UUID(int=1)}")["data"] == []


@pytest.mark.parametrize("path", ["/api/coins", "/api/rates", "/api/invoices/{id}/refunds"])
def test_what_is_not_paged_has_no_meta(merchant: Merchant, path: str) -> None:
    assert body_of(merchant, "GET", path.format(id=merchant.order()["id"])).keys() == {"data"}


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/invoices/7", "invoice_id"),
        ("/api/invoices/7/refunds", "invoice_id"),
        ("/api/invoices?starting_after=7", "starting_after"),
    ],
)
def test_an_id_of_the_services_has_to_look_like_one(merchant: Merchant, path: str, target: str) -> None:
    assert merchant.call("GET", path).status == 422
    assert error_of(merchant, "GET", path) == {
        "code": "invalid",
        "message": "invalid",
        "details": [{"code": "must_be_uuid", "target": target, "message": "must match uuid format", "args": {}}],
    }


def test_what_is_not_there_and_what_was_used_before_have_no_details(merchant: Merchant) -> None:
    merchant.order(custom_id="one")
    again = {"price_amount": "1", "price_currency": "EUR", "pay_currency": "BTC", "custom_id": "one"}

    assert error_of(merchant, "POST", "/api/invoices", again) == {
        "code": "duplicate_custom_id",
        "message": "duplicate custom id",
        "details": [],
    }
    assert error_of(merchant, "GET", "/api/rates/BTC/XXX") == {
        "code": "not_found",
        "message": "not found",
        "details": [],
    }


def test_a_value_that_is_not_in_a_list_is_refused_with_the_list(merchant: Merchant) -> None:
    body = {"price_amount": "1", "price_currency": "EUR", "pay_currency": "BTC", "network": "tron"}

    (detail,) = error_of(merchant, "POST", "/api/invoices", body)["details"]

    assert detail == {
        "code": "must_be_included_in",
        "target": "network",
        "message": "must be one of: bitcoin, bnb_smart_chain",
        "args": {"list": ["bitcoin", "bnb_smart_chain"]},
    }


def test_refusals_and_network_fees_list_coins_in_an_order_of_their_own(merchant: Merchant) -> None:
    (detail, *_) = error_of(merchant, "POST", "/api/risks/score", {})["details"]
    fees = [fee["currency"] for fee in merchant.data("GET", "/api/coin_withdrawals/network_fees")]

    assert detail["args"]["list"][:5] == ["BTC", "LTC", "XRP", "ETH", "BCH"]
    assert [*dict.fromkeys(fees)] == detail["args"]["list"] == [*dict.fromkeys(detail["args"]["list"])]
    assert [coin["currency"] for coin in merchant.data("GET", "/api/coins")][:3] == ["BTC", "LTC", "BCH"]


@pytest.mark.parametrize("price_currency", [*FIAT, *COINS])
def test_a_price_can_be_in_every_currency_that_is_quoted_and_in_every_coin(
    merchant: Merchant, price_currency: str
) -> None:
    for coin in ("BTC", "SHIB", "USDT"):
        invoice = merchant.order(price_amount="1000", price_currency=price_currency, pay_currency=coin)

        assert Decimal(invoice["pay_amount"]) > 0
        assert ("exchange" in invoice) == (coin != price_currency)
        if coin != price_currency:
            assert invoice["exchange"]["pair"] == coin + price_currency


def test_a_settlement_of_an_invoice_priced_in_another_coin_is_in_that_coin(
    sandbox: Sandbox, merchant: Merchant
) -> None:
    invoice = merchant.order(price_amount="2", price_currency="ETH", pay_currency="BTC")
    sandbox.pay(invoice["id"], factor="2")
    sandbox.confirm(invoice["id"])

    new = merchant.data("POST", f"/api/invoices/{invoice['id']}/recalculations", status=201)

    assert new["price_currency"] == "ETH"
    assert Decimal(new["price_amount"]) == pytest.approx(Decimal(4), rel=Decimal("0.01"))


def test_the_fee_is_what_the_account_has_agreed_on(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.change_settings({"fee_rate": "0.0085"})

    assert merchant.order(price_amount="300.0")["fee"] == "2.55"


@pytest.mark.parametrize("share", ["1", "-0.1", "much", 0.5])
def test_a_fee_that_is_no_share_is_refused(sandbox: Sandbox, merchant: Merchant, share: object) -> None:
    with pytest.raises(Exception, match="fee_rate"):
        sandbox.change_settings({"fee_rate": share})


@pytest.mark.parametrize("address", [TAPROOT, UPPER_CASE])
def test_a_refund_can_go_to_the_address_of_a_current_wallet(
    sandbox: Sandbox, merchant: Merchant, address: str
) -> None:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], factor="2")
    sandbox.confirm(invoice["id"])

    assert merchant.data("POST", f"/api/invoices/{invoice['id']}/refunds", {"address": address}, status=201)


def test_a_refund_to_no_address_names_the_coin(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], factor="2")
    sandbox.confirm(invoice["id"])

    (detail,) = error_of(merchant, "POST", f"/api/invoices/{invoice['id']}/refunds", {"address": "2x"})["details"]

    assert detail == {
        "code": "invalid_coin_address",
        "target": "address",
        "message": "must be a valid BTC address",
        "args": {"currency": "BTC"},
    }


def test_addresses_of_one_chain_carry_the_checksum_of_their_case() -> None:
    address = encode("bnb_smart_chain", bytes(range(160, 192)))

    assert address != address.lower()
    check_address(address, "bnb_smart_chain")
    with pytest.raises(AddressError, match="checksum"):
        check_address("0x" + address[2:].swapcase(), "bnb_smart_chain")


def test_solana_addresses_are_points_of_the_curve() -> None:

    addresses = [encode("solana", bytes([number]) * 32) for number in range(40)]

    assert len(set(addresses)) == 40
    # The known keys of RFC 8032, section 7.1, and a number that has no point.
    known = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert encode("solana", known) == base58.b58encode(known).decode()
    assert any(base58.b58decode(address) != bytes([number]) * 32 for number, address in enumerate(addresses))
