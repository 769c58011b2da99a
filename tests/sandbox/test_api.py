"""The REST API: who may call, what is refused and how, and what comes back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import pytest

from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.routing import Request

from .conftest import Merchant, Shop, pass_time

ORDER = {"price_amount": "100.0", "price_currency": "EUR", "pay_currency": "BTC"}


def problem_of(response: Any) -> tuple[int, str]:
    body = json.loads(response.body)
    assert body["meta"]["request_id"]
    return response.status, body["error"]["code"]


def fields_of(response: Any) -> set[str]:
    return {detail["target"] for detail in json.loads(response.body)["error"]["details"]}


@pytest.mark.parametrize("zone", ["GMT", "+0000"])
def test_both_spellings_of_the_date_are_accepted(merchant: Merchant, zone: str) -> None:
    date = format_datetime(datetime.now(UTC)).replace("+0000", zone)

    assert merchant.call("GET", "/api/coins", date=date).status == 200


@pytest.mark.parametrize("minutes", [-11, 11])
def test_a_date_that_is_off_by_more_than_ten_minutes_is_refused(merchant: Merchant, minutes: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)

    assert problem_of(merchant.call("GET", "/api/coins", date=date)) == (401, "unauthenticated")


@pytest.mark.parametrize(
    "change", [{"secret": "wrong"}, {"key": "wrong"}, {"sent_body": b'{"price_amount": "1"}'}, {"date": "yesterday"}]
)
def test_a_request_that_was_not_signed_for_this_is_refused(merchant: Merchant, change: dict[str, Any]) -> None:
    assert problem_of(merchant.call("POST", "/api/invoices", ORDER, **change)) == (401, "unauthenticated")


def test_a_request_without_credentials_is_refused(sandbox: Sandbox) -> None:
    assert problem_of(sandbox.handle(Request("GET", "/api/coins", {}))) == (401, "unauthenticated")


def test_a_key_without_the_permission_is_refused(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.change_settings({"denied": ["invoices"]})

    assert problem_of(merchant.call("POST", "/api/invoices", ORDER)) == (403, "unauthorized")
    assert merchant.call("GET", "/api/coins").status == 200


@pytest.mark.parametrize("path", [f"/api/invoices/{UUID(int=7)}", "/api/invoices/custom_id/nothing", "/api/nothing"])
def test_what_does_not_exist_is_not_found(merchant: Merchant, path: str) -> None:
    assert problem_of(merchant.call("GET", path)) == (404, "not_found")


def test_a_custom_id_is_used_once(merchant: Merchant) -> None:
    invoice = merchant.order(custom_id="ORDER 1/ä")

    assert problem_of(merchant.call("POST", "/api/invoices", ORDER | {"custom_id": "ORDER 1/ä"}))[0] == 409
    assert merchant.data("GET", "/api/invoices/custom_id/ORDER%201%2F%C3%A4")["id"] == invoice["id"]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"price_amount": NaN}', b"\xff"])
def test_a_malformed_body_is_refused(merchant: Merchant, body: bytes) -> None:
    assert problem_of(merchant.call("POST", "/api/invoices", body)) == (400, "bad_request")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"price_amount": None, "price_currency": None, "pay_currency": None}, {"price_amount", "price_currency", "pay_currency"}),
        ({"price_amount": "0"}, {"price_amount"}),
        ({"price_amount": "-1"}, {"price_amount"}),
        ({"price_amount": "100.001"}, {"price_amount"}),
        ({"price_amount": True}, {"price_amount"}),
        ({"price_amount": "much"}, {"price_amount"}),
        ({"price_currency": "ZZZ"}, {"price_currency"}),
        ({"pay_currency": "EUR"}, {"pay_currency"}),
        ({"network": "tron"}, {"network"}),
        ({"metadata": {"a": 1}}, {"metadata"}),
        ({"success_redirect_url": "javascript:alert(1)"}, {"success_redirect_url"}),
        ({"name": 1}, {"name"}),
    ],
)  # fmt: skip
def test_every_field_that_is_wrong_is_named(merchant: Merchant, change: dict[str, Any], fields: set[str]) -> None:
    response = merchant.call("POST", "/api/invoices", ORDER | change)

    assert problem_of(response) == (422, "invalid")
    assert fields_of(response) == fields


@pytest.mark.parametrize("amount", ["100.0", "100", 100, 100.0])
def test_amounts_are_taken_as_strings_and_as_numbers(merchant: Merchant, amount: object) -> None:
    assert merchant.order(price_amount=amount)["price_amount"] == "100.0"


def test_more_than_two_hundred_requests_a_minute_are_refused(merchant: Merchant) -> None:
    for _ in range(200):
        assert merchant.call("GET", "/api/invoices").status == 200

    response = merchant.call("GET", "/api/invoices")

    assert response.status == 429
    assert response.headers["Retry-After"] == "60"


def test_rates_are_public_and_spelt_both_ways(sandbox: Sandbox) -> None:
    table = json.loads(sandbox.handle(Request("GET", "/api/rates", {})).body)["data"]

    assert table["BTCEUR"] == table["BTC/EUR"]
    assert sandbox.handle(Request("GET", "/api/rates/BTC/EUR", {})).status == 200
    assert sandbox.handle(Request("GET", "/api/rates/EUR/BTC", {})).status == 404


def test_a_fiat_price_is_frozen_for_ten_minutes_and_a_coin_price_for_two_hours(merchant: Merchant) -> None:
    in_euro, in_coin = merchant.order(), merchant.order(price_amount="0.5", price_currency="BTC")

    assert life_of(in_euro) == timedelta(minutes=10)
    assert in_euro["exchange"]["pair"] == "BTCEUR"
    assert life_of(in_coin) == timedelta(hours=2)
    assert "exchange" not in in_coin


def life_of(invoice: dict[str, Any]) -> timedelta:
    return datetime.fromisoformat(invoice["expires_at"]) - datetime.fromisoformat(invoice["created_at"])


def test_a_list_is_newest_first_and_goes_on_after_an_id(merchant: Merchant) -> None:
    ids = [merchant.order(customer_id="ann" if number % 2 else "bob")["id"] for number in range(60)]

    first = [invoice["id"] for invoice in merchant.data("GET", "/api/invoices")]
    rest = [invoice["id"] for invoice in merchant.data("GET", f"/api/invoices?starting_after={first[-1]}")]
    of_ann = [invoice["id"] for invoice in merchant.data("GET", "/api/invoices?customer_id=ann")]

    assert first + rest == ids[::-1]
    assert len(first) == 50
    assert of_ann == ids[1::2][::-1]


def make_unresolved(sandbox: Sandbox, merchant: Merchant, factor: str = "0.9") -> dict[str, Any]:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], factor=factor)
    sandbox.confirm(invoice["id"])
    pass_time(sandbox, minutes=10)
    return invoice


@pytest.mark.parametrize("body", [None, {}])
def test_a_recalculation_is_a_preview_until_it_is_committed(
    sandbox: Sandbox, merchant: Merchant, shop: Shop, body: object
) -> None:
    invoice = make_unresolved(sandbox, merchant)
    path = f"/api/invoices/{invoice['id']}/recalculations"

    preview = merchant.data("POST", path, body, status=201)
    assert merchant.read(invoice)["status"] == "unresolved"
    commit = merchant.data("POST", f"{path}/{preview['id']}/commit")

    after = merchant.read(invoice)
    assert preview["created_at"].endswith("Z")
    assert commit["created_at"].endswith("+00:00")
    assert preview["previous_price_amount"] == "100.0"
    assert (after["status"], after["price_amount"]) == ("completed", preview["price_amount"])
    assert after["pay_amount"] == after["paid_amount"] == preview["pay_amount"]


def test_a_preview_cannot_be_committed_after_thirty_seconds_nor_twice(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = make_unresolved(sandbox, merchant)
    path = f"/api/invoices/{invoice['id']}/recalculations"
    old = merchant.data("POST", path, status=201)
    pass_time(sandbox, seconds=31)
    new = merchant.data("POST", path, status=201)

    assert merchant.call("POST", f"{path}/{old['id']}/commit").status == 422
    assert merchant.call("POST", f"{path}/{new['id']}/commit").status == 200
    assert problem_of(merchant.call("POST", f"{path}/{new['id']}/commit")) == (409, "already_committed")


def test_force_commit_recalculates_at_once(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = make_unresolved(sandbox, merchant)

    merchant.data("POST", f"/api/invoices/{invoice['id']}/recalculations", {"force_commit": True}, status=201)

    assert merchant.read(invoice)["status"] == "completed"


def test_a_refund_goes_to_an_address_and_is_sent_a_little_later(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = make_unresolved(sandbox, merchant)
    path, address = f"/api/invoices/{invoice['id']}/refunds", merchant.order()["address"]

    refund = merchant.data("POST", path, {"address": address}, status=201)
    pass_time(sandbox, minutes=1)

    assert (refund["address"], refund["txid"], refund["risk"]) == (address, None, None)
    assert merchant.data("GET", path)[0]["txid"]
    assert merchant.read(invoice)["status"] == "refunded"


def test_a_second_refund_is_refused(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = make_unresolved(sandbox, merchant)
    path = f"/api/invoices/{invoice['id']}/refunds"
    merchant.data("POST", path, status=201)

    assert problem_of(merchant.call("POST", path)) == (422, "invalid")
    assert len(merchant.data("GET", path)) == 1


def test_coins_go_neither_to_nonsense_nor_to_a_bad_name(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = make_unresolved(sandbox, merchant)
    path = f"/api/invoices/{invoice['id']}/refunds"
    bad = sandbox.pay(merchant.order()["id"], risk="high").source_address

    assert problem_of(merchant.call("POST", path, {"address": "nonsense"})) == (422, "invalid")
    assert problem_of(merchant.call("POST", path, {"address": bad})) == (422, "high_risk_address")
    assert merchant.read(invoice)["status"] == "unresolved"


def test_the_merchant_cannot_resolve_what_is_on_hold(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], risk="high")
    sandbox.confirm(invoice["id"])

    for what in ("refunds", "recalculations"):
        assert merchant.call("POST", f"/api/invoices/{invoice['id']}/{what}").status == 422


def test_the_overage_is_what_is_refunded_of_an_overpaid_invoice(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = make_unresolved(sandbox, merchant, factor="2")

    refund = merchant.data("POST", f"/api/invoices/{invoice['id']}/refunds", status=201)

    assert refund["amount"] == invoice["pay_amount"]
    assert merchant.read(invoice)["status"] == "completed"


def test_a_risk_can_be_asked_for(sandbox: Sandbox, merchant: Merchant) -> None:
    bad = sandbox.pay(merchant.order()["id"], risk="high").source_address
    question = {"currency": "BTC", "type": "destination_of_funds"}

    assert merchant.data("POST", "/api/risks/score", question | {"address": bad})["level"] == "high"
    assert (
        merchant.data("POST", "/api/risks/score", question | {"address": merchant.order()["address"]})["level"]
        == "low"
    )
    assert fields_of(merchant.call("POST", "/api/risks/score", {})) == {"currency", "type"}


def test_customers_are_kept_with_their_refund_addresses(merchant: Merchant) -> None:
    address = merchant.order()["address"]
    created = merchant.data("POST", "/api/customers", {"id": "ann", "currency": "EUR"}, status=201)
    entry = {"address": address, "currency": "BTC", "network": "bitcoin"}
    merchant.data("PATCH", "/api/customers/ann", {"addresses": [entry]})

    assert created == {"id": "ann", "currency": "EUR", "refund_addresses": {}, "addresses": []}
    assert merchant.data("GET", "/api/customers/ann") == {
        "id": "ann",
        "currency": "EUR",
        "refund_addresses": {"BTC": address},
        "addresses": [entry],
    }
    assert [customer["id"] for customer in merchant.data("GET", "/api/customers")] == ["ann"]
    assert merchant.call("POST", "/api/customers", {"id": "ann", "currency": "EUR"}).status == 409
