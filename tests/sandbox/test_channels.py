"""Channels: made, changed and listed by the API, and what a script does with them."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest

from cryptopay_django.sandbox import channel_controls, control
from cryptopay_django.sandbox.core import Sandbox

from .conftest import Merchant
from .test_api import fields_of, problem_of

CHANNEL = {"name": "Customer 7", "pay_currency": "BTC", "receiver_currency": "EUR"}
CHANNEL_KEYS = [
    "id", "status", "name", "description", "receiver_currency", "pay_currency", "address", "network", "project_id",
    "custom_id", "customer_id", "uri", "hosted_page_url",
]  # fmt: skip


def make(merchant: Merchant, **values: Any) -> dict[str, Any]:
    channel: dict[str, Any] = merchant.data("POST", "/api/channels", CHANNEL | values, status=201)
    return channel


def test_a_channel_has_an_address_and_a_link_without_an_amount(merchant: Merchant) -> None:
    channel = make(merchant)

    assert list(channel) == CHANNEL_KEYS
    assert (channel["status"], channel["network"], channel["custom_id"]) == ("enabled", "bitcoin", None)
    assert channel["uri"] == f"bitcoin:{channel['address']}"
    assert channel["hosted_page_url"].endswith(f"/channels/{channel['id']}")
    assert UUID(channel["project_id"])


@pytest.mark.parametrize(
    ("coin", "network", "uri"),
    [
        ("ETH", "ethereum", "ethereum:{address}@5"),
        ("USDT", "ethereum", "ethereum:{contract}@5/transfer?address={address}"),
        ("XRP", "ripple", "ripple:{address}"),
        ("XLM", "stellar", "web+stellar:pay?destination={plain}&memo={tag}&memo_type=MEMO_ID"),
        ("ADA", "cardano", "web+cardano:{address}"),
        ("SOL", "solana", "solana:{address}"),
        ("BNB", "bnb_smart_chain", "{address}"),
        ("USDT", "tron", "{address}"),
    ],
)
def test_a_link_is_spelt_as_the_coin_has_it(merchant: Merchant, coin: str, network: str, uri: str) -> None:
    channel = make(merchant, pay_currency=coin, network=network)
    plain, _, tag = channel["address"].partition("?dt=")
    contract = channel["uri"].removeprefix("ethereum:").partition("@")[0]

    assert channel["uri"] == uri.format(address=channel["address"], plain=plain, tag=tag, contract=contract)


def test_a_channel_is_found_by_its_id_and_by_the_merchants_own(merchant: Merchant) -> None:
    channel = make(merchant, custom_id="customer/7")

    assert merchant.data("GET", f"/api/channels/{channel['id']}") == channel
    assert merchant.data("GET", "/api/channels/custom_id/customer%2F7") == channel
    assert problem_of(merchant.call("POST", "/api/channels", CHANNEL | {"custom_id": "customer/7"})) == (
        409, "duplicate_custom_id",
    )  # fmt: skip
    assert merchant.order(custom_id="customer/7")
    assert problem_of(merchant.call("GET", "/api/channels/custom_id/nothing")) == (404, "not_found")
    assert problem_of(merchant.call("GET", f"/api/channels/{UUID(int=7)}")) == (404, "not_found")


@pytest.mark.parametrize(("variant", "status"), [("422", 422), ("409", 409)])
def test_an_id_that_is_none_is_refused_as_it_is_played(
    sandbox: Sandbox, merchant: Merchant, variant: str, status: int
) -> None:
    sandbox.variants({"wrong_channel_id": variant})

    for path in ("/api/channels/x", "/api/channels/x/payments"):
        answer = merchant.call("GET", path)
        assert problem_of(answer) == (status, "invalid")
        assert fields_of(answer) == {"channel_id"}
    channel = make(merchant)
    assert problem_of(merchant.call("GET", f"/api/channels/{channel['id']}/payments/x")) == (422, "invalid")
    assert problem_of(merchant.call("GET", f"/api/channels/{channel['id']}/payments/{UUID(int=7)}"))[0] == 404


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"name": None}, {"name"}),
        ({"name": 7}, {"name"}),
        ({"pay_currency": None, "receiver_currency": None}, {"pay_currency", "receiver_currency"}),
        ({"pay_currency": "EUR"}, {"pay_currency"}),
        ({"receiver_currency": "XXX"}, {"receiver_currency"}),
        ({"network": "tron"}, {"network"}),
        ({"custom_id": 7, "description": 7}, {"custom_id", "description"}),
    ],
)
def test_what_is_wrong_with_a_channel_is_named(merchant: Merchant, change: dict[str, Any], fields: set[str]) -> None:
    answer = merchant.call("POST", "/api/channels", CHANNEL | change)

    assert problem_of(answer) == (422, "invalid")
    assert fields_of(answer) == fields


def test_name_description_customer_and_status_can_change_and_nothing_else(merchant: Merchant) -> None:
    channel = make(merchant)
    changes = {"name": "Customer 8", "description": "VIP", "customer_id": "eight", "status": "disabled"}

    changed = merchant.data("PATCH", f"/api/channels/{channel['id']}", changes | {"receiver_currency": "USD"})

    assert changed == channel | changes
    assert merchant.data("PATCH", f"/api/channels/{channel['id']}", {"status": "enabled"})["name"] == "Customer 8"
    for wrong in ({"status": "closed"}, {"name": ""}, {"name": 7}):
        answer = merchant.call("PATCH", f"/api/channels/{channel['id']}", wrong)
        assert fields_of(answer) == set(wrong)


def test_channels_and_payments_are_listed_newest_first_in_pages(sandbox: Sandbox, merchant: Merchant) -> None:
    channels = [make(merchant, customer_id="ann" if number % 2 else "bob")["id"] for number in range(52)]
    for _ in range(51):
        channel_controls.pay(sandbox, channels[0], "0.01")

    for path, ids in (
        ("/api/channels", channels),
        (f"/api/channels/{channels[0]}/payments", [one.id for one in sandbox.state.channels[channels[0]].payments]),
    ):
        first = json.loads(merchant.call("GET", path).body)
        rest = json.loads(merchant.call("GET", f"{path}?starting_after={first['data'][-1]['id']}").body)
        assert first["meta"] == {"total": len(ids), "has_more": True}
        assert rest["meta"] == {"total": len(ids), "has_more": False}
        assert [one["id"] for one in first["data"] + rest["data"]] == ids[::-1]
        assert fields_of(merchant.call("GET", f"{path}?starting_after=x")) == {"starting_after"}
    of_ann = json.loads(merchant.call("GET", "/api/channels?customer_id=ann").body)
    assert (of_ann["meta"]["total"], {one["customer_id"] for one in of_ann["data"]}) == (26, {"ann"})


def ask(sandbox: Sandbox, action: str, **body: Any) -> Any:
    answer = control.respond(sandbox, "POST", f"/control/{action}", json.dumps(body).encode())
    return answer.status, json.loads(answer.body)


def test_a_script_makes_pays_confirms_and_decides(sandbox: Sandbox) -> None:
    _, made = ask(sandbox, "channel", **CHANNEL)
    channel_id = made["channel"]["id"]
    ask(sandbox, "pay", channel_id=channel_id, amount="0.01", risk="high")
    _, confirmed = ask(sandbox, "confirm", channel_id=channel_id)
    (held,) = confirmed["channel"]["payments"]
    _, decided = ask(sandbox, "decide", payment_id=held["id"], decision="complete")
    _, disabled = ask(sandbox, "channel", channel_id=channel_id, status="disabled")

    assert held["status_context"] == "illicit_resource"
    assert held["confirmations"] == held["required_confirmations"] == 1
    assert decided["channel"]["payments"][0]["status"] == "completed"
    assert [callback["event"] for callback in decided["callbacks"]] == ["completed"]
    assert disabled["channel"]["status"] == "disabled"
    state = json.loads(control.respond(sandbox, "GET", "/control/state", b"").body)
    assert [channel["id"] for channel in state["channels"]] == [channel_id]
    assert ask(sandbox, "pay", channel_id=str(UUID(int=7)), amount="1")[0] == 404
    assert ask(sandbox, "decide", payment_id=str(UUID(int=7)), decision="complete")[0] == 404
    assert ask(sandbox, "channel", name="no coin")[0] == 422
