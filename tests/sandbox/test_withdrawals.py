"""Coin withdrawals: previews, commits, the way of the coins, callbacks, lists, network fees."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from cryptopay_django.sandbox import money_controls
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.refusals import RefusalError
from tests.sandbox.conftest import Merchant, Shop, pass_time
from tests.sandbox.withdrawing import ADDRESS, NOBODY, RIPPLE, balance, form, refused, row, withdraw

MEMBERS = [
    "id", "custom_id", "customer_id", "address", "network", "txid", "status", "charged_amount", "charged_currency",
    "received_amount", "received_currency", "network_fee", "network_fee_level", "fee", "fee_currency", "description",
    "exchange", "risk", "created_at",
]  # fmt: skip

pytestmark = pytest.mark.usefixtures("money")


def test_a_forced_withdrawal_is_pending_and_debited_at_once(merchant: Merchant, sandbox: Sandbox) -> None:
    made = withdraw(merchant, custom_id="W-1", customer_id="C-1")

    assert list(made) == MEMBERS
    assert made == made | {
        "custom_id": "W-1", "customer_id": "C-1", "address": ADDRESS, "network": "bitcoin", "txid": None,
        "status": "pending", "charged_amount": "100.0", "charged_currency": "EUR", "received_currency": "BTC",
        "network_fee_level": "average", "fee": "0.0", "fee_currency": "BTC", "description": None, "risk": None,
    }  # fmt: skip
    exchange = made["exchange"]
    assert (exchange["pair"], exchange["fee"], exchange["fee_currency"]) == ("BTCEUR", "1.0", "EUR")
    assert exchange["rate"] == merchant.data("GET", "/api/rates/BTC/EUR")["buy_rate"]
    assert made["created_at"].endswith("+00:00")
    assert balance(sandbox) == 900
    assert row(merchant) == row(merchant) | {
        "reference_id": made["id"], "amount": "-100.0", "currency": "EUR", "balance": "900.0", "fee": "1.0",
        "fee_currency": "EUR", "custom_id": "W-1", "customer_id": "C-1", "status": "pending",
    }  # fmt: skip


def test_coins_that_are_sent_as_they_are_have_no_exchange(merchant: Merchant) -> None:
    made = withdraw(merchant, charged_currency="BTC", received_amount="0.01", charged_amount=...)

    assert "exchange" not in made
    total = Decimal(made["received_amount"]) + Decimal(made["network_fee"]) + Decimal(made["fee"])
    assert Decimal(made["charged_amount"]) == total
    assert (row(merchant)["fee"], row(merchant)["fee_currency"]) == ("0.0", "BTC")


def test_an_agreed_fee_is_taken_of_coins_and_of_conversions(merchant: Merchant, sandbox: Sandbox) -> None:
    sandbox.change_settings({"withdrawal_fee_rate": "0.01", "exchange_fee_rate": "0.0085"})

    coins, fiat = (
        withdraw(merchant, charged_currency="BTC", charged_amount="0.01"),
        withdraw(merchant, charged_amount="300.0"),
    )

    assert (coins["fee"], coins["fee_currency"]) == ("0.0001", "BTC")
    assert fiat["exchange"]["fee"] == "2.55"


def test_a_preview_moves_nothing_and_has_a_time_with_z(merchant: Merchant, sandbox: Sandbox) -> None:
    preview = withdraw(merchant, force_commit=...)

    assert preview["status"] == "new"
    assert preview["created_at"].endswith("Z")
    assert balance(sandbox) == 1000
    assert merchant.data("GET", "/api/coin_withdrawals") == []
    assert merchant.data("GET", f"/api/coin_withdrawals/{preview['id']}") == preview


def test_a_commit_puts_the_preview_into_force_as_it_was(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    preview = withdraw(merchant, force_commit=False)
    pass_time(sandbox, seconds=30)

    committed = merchant.data("POST", f"/api/coin_withdrawals/{preview['id']}/commit")

    created_at = preview["created_at"].replace("Z", "+00:00")
    assert committed == preview | {"status": "pending", "created_at": created_at}
    assert row(merchant)["created_at"] != created_at
    assert shop.posts == []
    sandbox.deliver()
    assert shop.story == ["created(pending)"]


def test_a_preview_that_is_too_old_is_never_sent_and_frees_its_custom_id(merchant: Merchant, sandbox: Sandbox) -> None:
    preview = withdraw(merchant, force_commit=False, custom_id="W-1")
    assert refused(merchant, 409, custom_id="W-1") == []
    pass_time(sandbox, seconds=31)

    response = merchant.call("POST", f"/api/coin_withdrawals/{preview['id']}/commit")
    second = withdraw(merchant, custom_id="W-1")

    assert response.status == 422
    assert "30 seconds" in json.loads(response.body)["error"]["details"][0]["message"]
    assert merchant.data("GET", "/api/coin_withdrawals/custom_id/W-1")["id"] == second["id"] != preview["id"]
    assert balance(sandbox) == 900


def test_a_second_commit_is_refused_and_debits_nothing(merchant: Merchant, sandbox: Sandbox) -> None:
    made = withdraw(merchant)

    response = merchant.call("POST", f"/api/coin_withdrawals/{made['id']}/commit")

    assert response.status == 409
    assert json.loads(response.body)["error"]["code"] == "already_committed"
    assert balance(sandbox) == 900


def test_a_preview_whose_money_is_gone_by_its_commit_is_refused(merchant: Merchant, sandbox: Sandbox) -> None:
    preview = withdraw(merchant, force_commit=False, charged_amount="600.0")
    withdraw(merchant, charged_amount="600.0")

    response = merchant.call("POST", f"/api/coin_withdrawals/{preview['id']}/commit")

    assert response.status == 422
    assert balance(sandbox) == 400


def test_a_withdrawal_goes_its_way_and_says_so(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    made = withdraw(merchant)

    pass_time(sandbox, hours=1)

    bodies = [json.loads(body) for _, body in shop.posts]
    done = merchant.data("GET", f"/api/coin_withdrawals/{made['id']}")
    assert shop.story == [
        "created(pending)", "status_changed(processing)", "status_changed(sent)", "status_changed(completed)",
    ]  # fmt: skip
    assert {body["type"] for body in bodies} == {"CoinWithdrawal"}
    assert [body["data"]["txid"] is None for body in bodies] == [True, True, False, False]
    assert [body["data"]["risk"] is None for body in bodies] == [True, True, True, False]
    assert done["status"] == "completed"
    assert row(merchant)["status"] == "completed"
    assert row(merchant)["risk"] == done["risk"]
    assert balance(sandbox) == 900


def test_a_withdrawal_on_hold_is_debited_and_waits(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    sandbox.change_settings({"hold_withdrawals_above": "50"})
    made = withdraw(merchant)

    pass_time(sandbox, days=365)

    assert shop.story == ["created(pending)", "status_changed(on_hold)"]
    assert merchant.data("GET", f"/api/coin_withdrawals/{made['id']}")["status"] == "on_hold"
    assert row(merchant)["status"] == "on_hold"
    assert balance(sandbox) == 900


@pytest.mark.parametrize(
    ("decisions", "status", "left"),
    [
        (["hold", "release"], "processing", 900),
        (["hold", "cancel"], "cancelled", 1000),
        (["fail"], "failed", 900),
        (["fail", "complete"], "completed", 900),
        (["fail", "cancel"], "cancelled", 1000),
        (["complete"], "completed", 900),
        (["hold", "release", "complete"], "completed", 900),
    ],
)
def test_the_service_decides(
    merchant: Merchant, sandbox: Sandbox, decisions: list[str], status: str, left: int
) -> None:
    made = withdraw(merchant)

    for decision in decisions:
        money_controls.decide_withdrawal(sandbox, made["id"], decision)

    shown = merchant.data("GET", f"/api/coin_withdrawals/{made['id']}")
    assert shown["status"] == row(merchant)["status"] == status
    assert (shown["txid"] is not None) == (status == "completed")
    assert balance(sandbox) == left
    assert row(merchant)["amount"] == "-100.0"


def test_a_released_withdrawal_is_completed_by_time(merchant: Merchant, sandbox: Sandbox, shop: Shop) -> None:
    made = withdraw(merchant)
    money_controls.decide_withdrawal(sandbox, made["id"], "hold")
    pass_time(sandbox, days=1)
    money_controls.decide_withdrawal(sandbox, made["id"], "release")

    pass_time(sandbox, days=1)

    assert shop.story[1:] == [f"status_changed({status})" for status in ("on_hold", "processing", "sent", "completed")]


@pytest.mark.parametrize("decision", ["hold", "release", "fail", "complete", "cancel", "dance"])
def test_what_is_completed_stays_so(merchant: Merchant, sandbox: Sandbox, decision: str) -> None:
    made = withdraw(merchant)
    pass_time(sandbox, hours=1)

    with pytest.raises(RefusalError):
        money_controls.decide_withdrawal(sandbox, made["id"], decision)

    assert balance(sandbox) == 900


def test_the_list_is_paged_and_filtered_by_customer(merchant: Merchant) -> None:
    for number in range(52):
        withdraw(merchant, charged_amount="10.0", customer_id=f"C-{number % 2}")

    first = json.loads(merchant.call("GET", "/api/coin_withdrawals").body)
    rest = merchant.data("GET", f"/api/coin_withdrawals?starting_after={first['data'][-1]['id']}")
    of_one = json.loads(merchant.call("GET", "/api/coin_withdrawals?customer_id=C-1").body)

    assert (len(first["data"]), first["meta"], len(rest)) == (50, {"total": 52, "has_more": True}, 2)
    assert of_one["meta"] == {"total": 26, "has_more": False}


def test_there_is_no_withdrawal_that_was_not_made(merchant: Merchant) -> None:
    assert merchant.call("GET", f"/api/coin_withdrawals/{NOBODY}").status == 404
    assert merchant.call("POST", f"/api/coin_withdrawals/{NOBODY}/commit").status == 404
    assert merchant.call("GET", "/api/coin_withdrawals/custom_id/none").status == 404
    response = merchant.call("GET", "/api/coin_withdrawals/7")
    assert (response.status, json.loads(response.body)["error"]["details"][0]["code"]) == (422, "must_be_uuid")


def test_a_custom_id_is_used_once_in_its_family(merchant: Merchant) -> None:
    merchant.order(custom_id="PAYMENT-123")
    withdraw(merchant, custom_id="PAYMENT-123")

    response = merchant.call("POST", "/api/coin_withdrawals", form(custom_id="PAYMENT-123"))

    assert (response.status, json.loads(response.body)["error"]["code"]) == (409, "duplicate_custom_id")


def test_only_bitcoin_has_three_levels_of_network_fees(merchant: Merchant) -> None:
    fees = merchant.data("GET", "/api/coin_withdrawals/network_fees")
    everywhere = merchant.data("GET", "/api/coin_withdrawals/network_fees?all_networks=true")
    assert merchant.data("GET", "/api/coin_withdrawals/network_fees?all_networks=1") == everywhere
    assert merchant.data("GET", "/api/coin_withdrawals/network_fees?all_networks=false") == fees

    of_bitcoin = {fee["level"]: Decimal(fee["fee"]) for fee in fees if fee["currency"] == "BTC"}
    assert list(fees[0]) == ["level", "fee", "currency", "network"]
    assert list(of_bitcoin) == ["fast", "average", "slow"]
    assert of_bitcoin["slow"] < of_bitcoin["average"] < of_bitcoin["fast"]
    assert {fee["level"] for fee in fees if fee["currency"] != "BTC"} == {"average"}
    assert len({fee["currency"] for fee in fees}) == len(fees) - 2
    assert {("USDT", "tron"), ("BTC", "bnb_smart_chain")} <= {(fee["currency"], fee["network"]) for fee in everywhere}
    assert withdraw(merchant, network_fee_level="fast")["network_fee"] == format(of_bitcoin["fast"], "f")
    (problem,) = refused(
        merchant, charged_currency="XRP", received_currency="XRP", address=f"{RIPPLE}?dt=0", network_fee_level="fast",
        charged_amount="100",
    )  # fmt: skip
    assert problem["args"] == {"list": ["average"]}


def test_network_fees_change_every_minute_where_they_have_a_market(merchant: Merchant, sandbox: Sandbox) -> None:
    def fees() -> dict[str, str]:
        listed = merchant.data("GET", "/api/coin_withdrawals/network_fees")
        return {fee["currency"]: fee["fee"] for fee in listed}

    before = fees()
    pass_time(sandbox, minutes=1)
    after = fees()

    assert before["ETH"] != after["ETH"]
    assert (before["LTC"], before["TRX"], before["DOGE"]) == (after["LTC"], "1.0", "0.45")
