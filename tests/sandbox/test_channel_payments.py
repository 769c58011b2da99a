"""Payments to channels: seen, credited, held, sent back, given up; their rows in the ledger and their callbacks."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.sandbox import channel_controls
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.simulated_coins import COINS

from .conftest import Merchant, Shop, pass_time
from .test_channels import make

PAYMENT_KEYS = [
    "id", "paid_amount", "paid_currency", "received_amount", "received_currency", "fee", "fee_currency", "txid",
    "exchange", "status", "status_context", "refund_address", "coin_withdrawal_id", "custom_id", "customer_id",
    "channel_id", "address", "network", "risk", "created_at",
]  # fmt: skip


def newest(merchant: Merchant, channel: dict[str, Any]) -> dict[str, Any]:
    payment: dict[str, Any] = merchant.data("GET", f"/api/channels/{channel['id']}/payments")[0]
    return payment


def paid(sandbox: Sandbox, merchant: Merchant, channel: dict[str, Any], amount: str, **how: Any) -> dict[str, Any]:
    """Pay and confirm, and return the payment as the API shows it."""
    channel_controls.pay(sandbox, channel["id"], amount, **how)
    channel_controls.confirm(sandbox, channel["id"])
    return newest(merchant, channel)


def test_a_payment_is_seen_and_then_credited(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    channel = make(merchant, custom_id="seven", customer_id="ann")
    channel_controls.pay(sandbox, channel["id"], "0.01")
    seen = newest(merchant, channel)
    channel_controls.confirm(sandbox, channel["id"])
    sandbox.deliver()
    done = newest(merchant, channel)

    assert (seen["status"], seen["received_amount"], seen["fee"], seen["risk"]) == ("pending", "0.0", "0.0", None)
    assert list(seen) == [key for key in PAYMENT_KEYS if key != "exchange"]
    assert list(done) == PAYMENT_KEYS
    assert (done["status"], done["custom_id"], done["customer_id"]) == ("completed", "seven", "ann")
    assert merchant.data("GET", f"/api/channels/{channel['id']}/payments/{done['id']}") == done
    assert shop.story == ["created(pending)", "completed(completed)"]
    called = [json.loads(body) for _, body in shop.posts]
    assert [callback["type"] for callback in called] == ["ChannelPayment"] * 2
    assert sorted(called[1]["data"]) == sorted(done)
    assert list(called[1]["data"])[:2] == ["id", "txid"]


def test_credit_and_fee_are_what_the_coins_are_worth_cut_at_the_currencys_precision(
    sandbox: Sandbox, merchant: Merchant
) -> None:
    payment = paid(sandbox, merchant, make(merchant), "0.00184519")

    worth = Decimal(payment["paid_amount"]) * Decimal(payment["exchange"]["rate"])
    credited, fee = Decimal(payment["received_amount"]), Decimal(payment["fee"])
    assert credited + fee == worth.quantize(Decimal("0.01"), rounding="ROUND_DOWN")
    assert Decimal(0) <= fee - (credited + fee) / 100 < Decimal("0.01")
    assert payment["exchange"] == {
        "pair": "BTCEUR", "rate": payment["exchange"]["rate"], "fee": "0.0", "fee_currency": "EUR",
    }  # fmt: skip


def test_the_rate_is_that_of_the_receipt(sandbox: Sandbox, merchant: Merchant) -> None:
    channel = make(merchant)
    pass_time(sandbox, days=3)
    rate = merchant.data("GET", "/api/rates/BTC/EUR")["sell_rate"]
    channel_controls.pay(sandbox, channel["id"], "0.01")
    pass_time(sandbox, hours=1)

    assert newest(merchant, channel)["exchange"]["rate"] == rate
    assert rate != merchant.data("GET", "/api/rates/BTC/EUR")["sell_rate"]


@pytest.mark.parametrize("receiver", ["BTC", "ETH", "JPY", "USDT"])
def test_a_channel_can_be_credited_in_any_currency(sandbox: Sandbox, merchant: Merchant, receiver: str) -> None:
    payment = paid(sandbox, merchant, make(merchant, receiver_currency=receiver), "0.5")

    assert ("exchange" in payment) == (receiver != "BTC")
    assert payment["received_currency"] == payment["fee_currency"] == receiver
    if receiver == "BTC":
        assert (payment["received_amount"], payment["fee"]) == ("0.495", "0.005")
    balance = sandbox.account.balances[receiver]
    assert balance == Decimal(payment["received_amount"])


def test_the_fee_is_the_accounts(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.change_settings({"fee_rate": "0"})

    payment = paid(sandbox, merchant, make(merchant, receiver_currency="BTC"), "0.5")

    assert (payment["received_amount"], payment["fee"]) == ("0.5", "0.0")


@pytest.mark.parametrize(("decision", "status"), [("complete", "completed"), ("refund", "refunded")])
def test_a_risky_payment_is_held_until_the_team_decides(
    sandbox: Sandbox, merchant: Merchant, shop: Shop, decision: str, status: str
) -> None:
    channel = make(merchant)
    held = paid(sandbox, merchant, channel, "0.01", risk="high")
    channel_controls.decide(sandbox, held["id"], decision)
    sandbox.deliver()
    after = newest(merchant, channel)

    assert (held["status"], held["status_context"], held["received_amount"]) == ("on_hold", "illicit_resource", "0.0")
    assert held["risk"]["level"] == "high"
    assert (after["status"], after["status_context"]) == (status, None)
    assert (after["received_amount"] != "0.0") == (status == "completed")
    assert shop.story[:3] == ["created(pending)", "on_hold(on_hold, illicit_resource)", f"{status}({status})"]
    with pytest.raises(CryptopayError, match="on hold"):
        channel_controls.decide(sandbox, held["id"], decision)


def test_a_credited_payment_can_be_sent_back_and_takes_its_credit_with_it(
    sandbox: Sandbox, merchant: Merchant, shop: Shop
) -> None:
    channel = make(merchant)
    credited = paid(sandbox, merchant, channel, "0.01")
    assert sandbox.account.balances["EUR"] == Decimal(credited["received_amount"]) > 0

    with pytest.raises(CryptopayError, match="on hold"):
        channel_controls.decide(sandbox, credited["id"], "complete")
    channel_controls.decide(sandbox, credited["id"], "refund")
    sandbox.deliver()

    after = newest(merchant, channel)
    assert (after["status"], after["received_amount"], after["fee"]) == ("refunded", "0.0", "0.0")
    assert sandbox.account.balances["EUR"] == 0
    assert shop.story[-1] == "refunded(refunded)"


def test_coins_that_are_sent_back_leave_by_a_withdrawal_and_take_nothing_from_an_account(
    sandbox: Sandbox, merchant: Merchant
) -> None:
    channel = make(merchant)
    held = paid(sandbox, merchant, channel, "0.01", risk="high")

    channel_controls.decide(sandbox, held["id"], "refund")

    after = newest(merchant, channel)
    withdrawal = merchant.data("GET", f"/api/coin_withdrawals/{after['coin_withdrawal_id']}")
    assert (withdrawal["address"], withdrawal["charged_amount"]) == (after["refund_address"], "0.01")
    assert not sandbox.account.balances["BTC"]


@pytest.mark.parametrize("risk", ["low", "high"])
def test_coins_that_come_to_a_disabled_channel_are_held(
    sandbox: Sandbox, merchant: Merchant, shop: Shop, risk: str
) -> None:
    channel = make(merchant)
    merchant.data("PATCH", f"/api/channels/{channel['id']}", {"status": "disabled"})

    held = paid(sandbox, merchant, channel, "0.01", risk=risk)
    merchant.data("PATCH", f"/api/channels/{channel['id']}", {"status": "enabled"})
    sandbox.deliver()

    assert (held["status"], held["status_context"], held["risk"]) == ("on_hold", "channel_disabled", None)
    assert newest(merchant, channel) == held
    assert shop.story == ["created(pending)", "on_hold(on_hold, channel_disabled)"]


@pytest.mark.parametrize(("risk", "status"), [("low", "completed"), ("high", "on_hold")])
def test_enabling_the_channel_lets_held_payments_go_on_where_this_is_played(
    sandbox: Sandbox, merchant: Merchant, risk: str, status: str
) -> None:
    sandbox.variants({"enabled_again": "completed"})
    channel = make(merchant)
    channel_controls.change(sandbox, channel["id"], "disabled")
    paid(sandbox, merchant, channel, "0.01", risk=risk)

    channel_controls.change(sandbox, channel["id"], "enabled")

    assert newest(merchant, channel)["status"] == status


def test_a_payment_that_never_confirms_is_cancelled_after_14_days(
    sandbox: Sandbox, merchant: Merchant, shop: Shop
) -> None:
    channel = make(merchant)
    channel_controls.pay(sandbox, channel["id"], "0.01", double_spend=True)
    pass_time(sandbox, days=13, hours=23)
    before = newest(merchant, channel)["status"]
    pass_time(sandbox, hours=1)

    assert (before, newest(merchant, channel)["status"]) == ("pending", "cancelled")
    assert shop.story == ["created(pending)", "cancelled(cancelled)"]


def known_customer(merchant: Merchant) -> tuple[str, str]:
    address = merchant.order()["address"]
    entry = {"address": address, "currency": "BTC", "network": "bitcoin"}
    merchant.data("POST", "/api/customers", {"id": "ann", "currency": "EUR", "addresses": [entry]}, status=201)
    return "ann", address


def test_risky_coins_of_a_customer_with_an_address_go_back_by_themselves(
    sandbox: Sandbox, merchant: Merchant, shop: Shop
) -> None:
    customer, address = known_customer(merchant)
    channel = make(merchant, customer_id=customer)

    payment = paid(sandbox, merchant, channel, "0.01", risk="high")
    sandbox.deliver()

    assert (payment["status"], payment["refund_address"]) == ("refunded", address)
    assert shop.story[:2] == ["created(pending)", "refunded(refunded)"]
    # An address in another coin is none for this one.
    other = make(merchant, customer_id=customer, pay_currency="LTC")
    assert paid(sandbox, merchant, other, "1", risk="high")["status"] == "on_hold"
    # Nothing would be left of this.
    assert paid(sandbox, merchant, channel, "0.00000001", risk="high")["status"] == "on_hold"


def test_a_risky_invoice_of_a_customer_with_an_address_goes_back_by_itself(
    sandbox: Sandbox, merchant: Merchant
) -> None:
    customer, address = known_customer(merchant)
    invoice = merchant.order(customer_id=customer)

    sandbox.pay(invoice["id"], risk="high")
    sandbox.confirm(invoice["id"])

    assert merchant.read(invoice)["status"] == "refunded"
    assert merchant.data("GET", f"/api/invoices/{invoice['id']}/refunds")[0]["address"] == address


def test_the_ledger_has_one_row_for_each_payment_from_the_start(sandbox: Sandbox, merchant: Merchant) -> None:
    channel = make(merchant, custom_id="seven")
    channel_controls.pay(sandbox, channel["id"], "0.01")
    path = "/api/transactions?reference_type=ChannelPayment"
    (before,) = merchant.data("GET", path)
    channel_controls.confirm(sandbox, channel["id"])
    (after,) = merchant.data("GET", path)
    payment = newest(merchant, channel)

    assert (before["id"], before["amount"], before["fee"], before["status"]) == (after["id"], "0.0", "0.0", "pending")
    assert (after["amount"], after["fee"]) == (payment["received_amount"], payment["fee"])
    assert (after["reference_id"], after["custom_id"], after["status"]) == (payment["id"], "seven", "completed")
    assert after["balance"] == payment["received_amount"]
    assert after["risk"] == payment["risk"]


def test_callbacks_show_every_digit_of_a_score_and_answers_two(
    sandbox: Sandbox, merchant: Merchant, shop: Shop
) -> None:
    channel = make(merchant)
    answered = paid(sandbox, merchant, channel, "0.01")["risk"]["score"]
    sandbox.deliver()
    called = json.loads(shop.posts[-1][1])["data"]["risk"]["score"]

    assert round(called, 2) == answered != called


def test_an_amount_has_to_be_one(sandbox: Sandbox, merchant: Merchant) -> None:
    channel = make(merchant)
    for amount in ("0", "-1", "much", ""):
        with pytest.raises(CryptopayError) as refusal:
            channel_controls.pay(sandbox, channel["id"], amount)
        assert [detail["target"] for detail in refusal.value.details] == ["amount"]


@pytest.mark.parametrize(
    ("code", "network"), [(coin.code, network) for coin in COINS.values() for network in coin.networks]
)
def test_every_coin_and_network_makes_a_channel_that_can_be_paid(
    sandbox: Sandbox, merchant: Merchant, code: str, network: str
) -> None:
    channel = make(merchant, pay_currency=code, network=network)

    payment = paid(sandbox, merchant, channel, "1000")

    assert payment["status"] == "completed"
    assert Decimal(payment["received_amount"]) > 0
    assert payment["address"] == channel["address"]
