"""What is refused of requests for withdrawals, field by field, and what is taken."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.invoices import Risk
from cryptopay_django.sandbox.risks import make_wallet
from tests.sandbox.conftest import Merchant
from tests.sandbox.withdrawing import RIPPLE, balance, form, refused, withdraw

pytestmark = pytest.mark.usefixtures("money")


def test_too_much_is_refused_with_what_there_is(merchant: Merchant, sandbox: Sandbox) -> None:
    charged, received = refused(merchant, charged_amount="1000.01")

    assert charged == {
        "code": "must_be_less_than_or_equal", "target": "charged_amount",
        "message": "must be less than or equal to 1000.0", "args": {"value": "1000.0"},
    }  # fmt: skip
    assert (received["code"], received["target"]) == ("must_be_less_than_or_equal", "received_amount")
    sandbox.change_settings({"withdrawal_maximum": "50"})
    assert refused(merchant)[0]["args"] == {"value": "50.0"}
    assert refused(merchant, charged_currency="USD")[0]["args"] == {"value": "0.0"}


def test_what_may_be_sent_at_most_can_be_sent(merchant: Merchant, sandbox: Sandbox) -> None:
    most = refused(merchant, charged_amount=..., received_amount="5")[1]["args"]["value"]

    withdraw(merchant, charged_amount=..., received_amount=most)

    assert 0 <= balance(sandbox) < Decimal("0.02")


def test_less_than_five_euros_is_refused(merchant: Merchant) -> None:
    (problem,) = refused(merchant, charged_amount="5.0")

    assert problem == {
        "code": "must_be_greater_than_or_equal", "target": "charged_amount_to_send",
        "message": "must be greater than or equal to 5.0", "args": {"value": "5.0"},
    }  # fmt: skip
    refused(merchant, charged_currency="BTC", charged_amount="0.00004")


def test_an_address_of_bad_repute_gets_no_coins(merchant: Merchant, sandbox: Sandbox) -> None:
    response = merchant.call(
        "POST", "/api/coin_withdrawals", form(address=make_wallet(sandbox.state.seed, "bitcoin", Risk.HIGH))
    )

    error = json.loads(response.body)["error"]
    assert (response.status, error["code"], error["details"]) == (422, "high_risk_address", [])
    assert error["message"].startswith("We were unable to process your request")


@pytest.mark.parametrize(
    ("values", "code", "target"),
    [
        ({"address": "x"}, "invalid_coin_address", "address"),
        ({"address": ...}, "is_missing", "address"),
        ({"address": 7}, "invalid_coin_address", "address"),
        ({"received_currency": "XRP", "address": RIPPLE}, "invalid_coin_address", "address"),
        ({"received_currency": "EUR"}, "must_be_included_in", "received_currency"),
        ({"charged_currency": "XXX"}, "must_be_included_in", "charged_currency"),
        ({"charged_currency": ...}, "is_missing", "charged_currency"),
        ({"network": "tron"}, "must_be_included_in", "network"),
        ({"network_fee_level": "warp"}, "must_be_included_in", "network_fee_level"),
        ({"charged_amount": ...}, "is_missing", "charged_amount"),
        ({"charged_amount": "100.001"}, "invalid_precision", "charged_amount"),
        ({"charged_amount": "-1"}, "must_be_greater_than", "charged_amount"),
        ({"charged_amount": "ten"}, "must_be_decimal", "charged_amount"),
        ({"charged_amount": ..., "received_amount": "0.001000001"}, "invalid_precision", "received_amount"),
        ({"charged_amount": "1", "received_amount": "1"}, "must_be_empty", "received_amount"),
        ({"charged_amount": ..., "amount": "1"}, "is_missing", "amount_currency"),
        ({"charged_amount": ..., "amount": "1", "amount_currency": "USD"}, "must_be_included_in", "amount_currency"),
        ({"force_commit": "yes"}, "must_be_boolean", "force_commit"),
        ({"custom_id": 7}, "must_be_string", "custom_id"),
        ({"travel_rule_compliant": True}, "is_missing", "beneficiary"),
        ({"travel_rule_compliant": True, "beneficiary": {}}, "must_be_included_in", "beneficiary.type"),
        ({"charged_currency": "TON"}, "must_be_included_in", "charged_currency"),
    ],
)
def test_a_request_that_cannot_be_is_refused_by_name(
    merchant: Merchant, values: dict[str, Any], code: str, target: str
) -> None:
    if "charged_amount" not in values:
        values = {"charged_amount": "100.0"} | values

    problems = refused(merchant, **values)

    assert (problems[0]["code"], problems[0]["target"]) == (code, target)


def test_a_beneficiary_needs_a_name_and_a_country(merchant: Merchant) -> None:
    person = {"type": "natural_person", "name": "Ada Lovelace", "address": {"country": "GB"}}

    withdraw(merchant, travel_rule_compliant=True, beneficiary=person)

    for member in ("type", "name", "address"):
        assert refused(merchant, travel_rule_compliant=True, beneficiary=person | {member: None})
    assert refused(merchant, travel_rule_compliant=True, beneficiary=person | {"address": {"country": "England"}})


@pytest.mark.parametrize(
    ("coin", "address"),
    [
        ("XRP", f"{RIPPLE}?dt=0"),
        ("XRP", f"{RIPPLE}?dt=2751702755"),
        ("XLM", "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7?dt=7"),
        ("XLM", "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7?memoId=7"),
        ("XLM", "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"),
    ],
)
def test_tags_are_sent_in_the_address(merchant: Merchant, coin: str, address: str) -> None:
    made = withdraw(merchant, charged_currency=coin, received_currency=coin, charged_amount="500", address=address)

    assert made["address"] == address
