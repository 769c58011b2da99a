"""What no source proves, played in each way: the switch, and what it changes on the wire."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest

from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.sandbox import channel_controls, control
from cryptopay_django.sandbox.__main__ import _open, _parse
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.open_questions import QUESTIONS, Variants

from .conftest import Merchant, Shop, pass_time
from .test_api import make_unresolved, problem_of


def body_of(merchant: Merchant, method: str, path: str, body: object = None) -> bytes:
    return merchant.call(method, path, body).body


def test_the_first_answer_is_played_until_another_is_chosen() -> None:
    variants = Variants()
    first = {name: next(iter(question.answers)) for name, question in QUESTIONS.items()}

    assert variants.describe() == first
    variants.change({"amounts": "numbers"})
    assert variants.describe() == first | {"amounts": "numbers"}


def test_every_question_has_several_answers_that_say_what_they_mean() -> None:
    for question in QUESTIONS.values():
        assert len(question.answers) > 1
        assert all([question.text, *question.answers.values()])


def test_what_is_no_question_or_no_answer_is_named_and_nothing_is_changed(sandbox: Sandbox) -> None:
    with pytest.raises(CryptopayError) as refusal:
        sandbox.variants({"amounts": "numbers", "key_order": "random", "weather": "fine"})

    assert [detail["target"] for detail in refusal.value.details] == ["key_order", "weather"]
    assert sandbox.state.variants["amounts"] == "strings"


def test_a_variant_is_chosen_by_script_and_on_the_command_line(sandbox: Sandbox) -> None:
    answer = control.respond(sandbox, "POST", "/control/variants", b'{"amounts": "numbers"}')
    opened = _open(_parse(["--variant", "refund_address=ignored, late_commit=409"]))

    assert json.loads(answer.body)["variants"]["amounts"] == "numbers"
    assert sandbox.state.variants["amounts"] == "numbers"
    assert opened.state.variants.chosen == {"refund_address": "ignored", "late_commit": "409"}


def test_amounts_are_written_as_numbers_without_losing_a_digit(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.variants({"amounts": "numbers"})
    metadata = {"fee": "1.0", "amount": '"price_amount":"7.0"'}

    body = body_of(
        merchant, "POST", "/api/invoices",
        {"price_amount": "1.1", "price_currency": "EUR", "pay_currency": "SHIB", "metadata": metadata},
    )  # fmt: skip
    invoice = json.loads(body, parse_float=Decimal)["data"]

    assert b'"price_amount":1.1,' in body
    assert (invoice["price_amount"], invoice["fee"], invoice["paid_amount"]) == (Decimal("1.1"), Decimal("0.02"), 0)
    assert isinstance(invoice["exchange"]["rate"], Decimal)
    assert invoice["metadata"] == metadata
    rates = json.loads(body_of(merchant, "GET", "/api/rates/SHIB/EUR"), parse_float=Decimal)["data"]
    assert {type(rate) for rate in rates.values()} == {Decimal}


def test_keys_come_in_the_order_of_a_database(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    sandbox.variants({"key_order": "database"})
    invoice = json.loads(body_of(merchant, "POST", "/api/invoices", order(metadata={"zz": "1", "a": "2"})))["data"]
    sandbox.pay(invoice["id"])
    sandbox.deliver()
    callback = json.loads(shop.posts[0][1])

    assert list(callback) == ["data", "type", "event"]
    for keys in (list(invoice), list(callback["data"]), list(invoice["exchange"])):
        assert keys == sorted(keys, key=lambda key: (len(key), key))
    assert list(invoice["metadata"]) == ["zz", "a"]


def order(**values: Any) -> dict[str, Any]:
    return {"price_amount": "100.0", "price_currency": "EUR", "pay_currency": "BTC"} | values


def test_times_are_written_with_z(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.variants({"times": "zulu"})
    written = "2026-01-01T00:00:00+00:00"

    invoice = merchant.order(name=written)

    assert invoice["created_at"].endswith("Z")
    assert invoice["expires_at"].endswith("Z")
    assert invoice["name"] == written


def test_callbacks_lack_what_those_of_2022_lacked(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    sandbox.variants({"callback_members": "of_2022"})
    sandbox.pay(merchant.order()["id"])
    channel = merchant.data(
        "POST", "/api/channels", {"name": "7", "pay_currency": "BTC", "receiver_currency": "EUR"}, status=201
    )
    channel_controls.pay(sandbox, channel["id"], "0.01")
    channel_controls.confirm(sandbox, channel["id"])
    sandbox.deliver()

    invoice, *_, payment = (json.loads(body)["data"] for _, body in shop.posts)
    assert not {"network", "uri", "fee", "hosted_page_url", "subscription_id"} & invoice.keys()
    assert not {"network", "address", "customer_id"} & payment.keys()
    assert list(invoice["exchange"]) == list(payment["exchange"]) == ["pair", "rate"]
    assert list(invoice)[:2] == ["id", "status"]
    assert list(invoice)[list(invoice).index("metadata") + 1] == "custom_id"
    assert "network" in merchant.read(invoice)


@pytest.mark.parametrize(
    ("variant", "outcome"), [("obeyed", "the address"), ("ignored", None), ("refused", (422, "invalid"))]
)
def test_the_address_of_a_refund_is_obeyed_ignored_or_refused(
    sandbox: Sandbox, merchant: Merchant, variant: str, outcome: object
) -> None:
    sandbox.variants({"refund_address": variant})
    invoice, address = make_unresolved(sandbox, merchant), merchant.order()["address"]

    answer = merchant.call("POST", f"/api/invoices/{invoice['id']}/refunds", {"address": address})

    if variant == "refused":
        assert problem_of(answer) == outcome
        assert merchant.read(invoice)["status"] == "unresolved"
    else:
        assert json.loads(answer.body)["data"]["address"] == (address if outcome else None)
        assert merchant.read(invoice)["status"] == "refunded"


@pytest.mark.parametrize("variant", ["sent", "not_sent"])
def test_the_events_of_resolutions_come_or_do_not(
    sandbox: Sandbox, merchant: Merchant, shop: Shop, variant: str
) -> None:
    sandbox.variants({"resolution_events": variant})
    for what in ("refunds", "recalculations"):
        invoice = make_unresolved(sandbox, merchant)
        merchant.data("POST", f"/api/invoices/{invoice['id']}/{what}", {"force_commit": True}, status=201)
    sandbox.deliver()

    events = [json.loads(body)["event"] for _, body in shop.posts]
    assert [events.count(event) for event in ("refunded", "recalculated")] == [variant == "sent"] * 2
    assert events.count("status_changed") == 4


def test_a_new_invoice_is_announced_where_this_is_played(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    sandbox.variants({"created_event": "sent"})

    merchant.order()
    sandbox.deliver()

    assert shop.story == ["created(new)"]


@pytest.mark.parametrize("status", ["403", "422"])
def test_a_caller_whose_address_is_not_white_listed_is_refused(
    sandbox: Sandbox, merchant: Merchant, status: str
) -> None:
    sandbox.variants({"ip_not_allowed": status})
    sandbox.change_settings({"ip_allowed": False})

    answer = merchant.call("GET", "/api/accounts")

    assert problem_of(answer) == (int(status), "ip_not_allowed")
    assert json.loads(answer.body)["error"]["message"] == "ip not allowed"


@pytest.mark.parametrize("status", [422, 409])
def test_a_late_and_a_second_commit_are_refused_as_it_is_played(
    sandbox: Sandbox, merchant: Merchant, status: int
) -> None:
    sandbox.variants({"late_commit": str(status), "second_commit": str(status)})
    path = f"/api/invoices/{make_unresolved(sandbox, merchant)['id']}/recalculations"
    late = merchant.data("POST", path, status=201)["id"]
    pass_time(sandbox, seconds=31)
    good = merchant.data("POST", path, status=201)["id"]

    answers = [merchant.call("POST", f"{path}/{preview}/commit").status for preview in (late, good, good)]

    assert answers == [status, 200, status]


def test_a_change_of_a_customer_replaces_or_merges_addresses(sandbox: Sandbox, merchant: Merchant) -> None:
    bitcoin = {"address": merchant.order()["address"], "currency": "BTC", "network": "bitcoin"}
    litecoin = {"address": merchant.order(pay_currency="LTC")["address"], "currency": "LTC", "network": "litecoin"}
    merchant.data("POST", "/api/customers", {"id": "ann", "currency": "EUR", "addresses": [bitcoin]}, status=201)

    replaced = merchant.data("PATCH", "/api/customers/ann", {"addresses": [litecoin]})["addresses"]
    sandbox.variants({"customer_addresses": "merged"})
    merged = merchant.data("PATCH", "/api/customers/ann", {"addresses": [bitcoin]})["addresses"]

    assert replaced == [litecoin]
    assert merged == [litecoin, bitcoin]


def test_the_decoded_path_can_be_signed_instead_of_the_one_that_is_sent(sandbox: Sandbox, merchant: Merchant) -> None:
    sent = "/api/transactions?created_at_from=2026-01-01T00%3A00%3A00Z"
    asked = merchant.call("GET", sent, signed_path=unquote(sent))
    sandbox.variants({"signed_path": "or_decoded"})

    assert problem_of(asked) == (401, "unauthenticated")
    assert merchant.call("GET", sent, signed_path=unquote(sent)).status == 200
    assert merchant.call("GET", sent).status == 200
    assert problem_of(merchant.call("GET", sent, signed_path="/api/invoices")) == (401, "unauthenticated")


def test_the_endpoint_of_risks_can_be_gone(sandbox: Sandbox, merchant: Merchant) -> None:
    sandbox.variants({"risks": "gone"})

    assert problem_of(merchant.call("POST", "/api/risks/score", {})) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("channels", {"name": "7", "pay_currency": "BTC", "receiver_currency": "TON"}),
        ("coin_withdrawals", {"received_currency": "BTC", "charged_currency": "TON", "charged_amount": "100.0"}),
        ("exchange_transfers", {"charged_currency": "EUR", "received_currency": "TON", "charged_amount": "100.0"}),
        ("subscriptions", {"currency": "TON"}),
    ],
)
def test_no_family_knows_a_coin_that_came_later(
    sandbox: Sandbox, merchant: Merchant, path: str, body: dict[str, str]
) -> None:
    sandbox.variants({"coins": "as_2023"})
    (field,) = (name for name, value in body.items() if value == "TON")

    error = json.loads(merchant.call("POST", f"/api/{path}", body).body)["error"]

    assert {"must_be_included_in"} == {one["code"] for one in error["details"] if one["target"] == field}


@pytest.mark.parametrize(("edition", "pairs"), [("as_2022", 13), ("as_2023", 32)])
def test_coins_are_those_of_a_year(sandbox: Sandbox, merchant: Merchant, edition: str, pairs: int) -> None:
    sandbox.variants({"coins": edition})

    coins = merchant.data("GET", "/api/coins")
    refused = merchant.call("POST", "/api/invoices", order(pay_currency="TON"))

    assert sum(len(coin["networks"]) for coin in coins) == pairs
    assert problem_of(refused) == (422, "invalid")


def test_usdt_on_tron_can_have_two_decimals(sandbox: Sandbox, merchant: Merchant) -> None:
    usdt = {"price_amount": "300", "price_currency": "USD", "pay_currency": "USDT"}
    sandbox.variants({"usdt_on_tron": "two_decimals"})

    tron, ethereum = (merchant.order(**usdt, network=network)["pay_amount"] for network in ("tron", "ethereum"))

    assert len(tron.partition(".")[2]) <= 2 < len(ethereum.partition(".")[2])
    assert Decimal(0) <= Decimal(tron) - Decimal(ethereum) < Decimal("0.01")


def test_refunds_by_mail_go_out_three_days_later_to_the_customer(
    sandbox: Sandbox, merchant: Merchant, shop: Shop
) -> None:
    sandbox.variants({"email_refunds": "on", "refund_address": "refused"})
    sandbox.change_settings({"overpaid": "refund"})
    asked, silent = (merchant.order(**extra)["id"] for extra in ({"payer_email": "ann@example.com"}, {}))
    for invoice in (asked, silent):
        sandbox.pay(invoice, factor="2")
        sandbox.confirm(invoice)

    pass_time(sandbox, days=2, hours=23)
    before = sandbox.find(asked).status
    pass_time(sandbox, hours=1)

    assert (before, sandbox.find(asked).status, sandbox.find(silent).status) == (
        "unresolved", "completed", "completed",
    )  # fmt: skip
    assert sandbox.find(asked).refunds[0].address
    assert sandbox.find(silent).refunds[0].address is None


def test_a_refund_by_mail_that_the_network_fee_would_eat_leaves_the_invoice_unresolved(
    sandbox: Sandbox, merchant: Merchant
) -> None:
    sandbox.variants({"email_refunds": "on"})
    sandbox.change_settings({"underpaid": "refund"})
    invoice = merchant.order(payer_email="ann@example.com")["id"]
    sandbox.pay(invoice, amount="0.00000001")
    sandbox.confirm(invoice)

    pass_time(sandbox, days=3, hours=1)

    found = sandbox.find(invoice)
    assert (found.status, found.context, found.refunds) == ("unresolved", "underpaid", [])
    assert found.timeline[-1][1].startswith("left unresolved: ")


def test_every_variant_answers_every_list(sandbox: Sandbox, merchant: Merchant) -> None:
    for name, question in QUESTIONS.items():
        for answer in question.answers:
            sandbox.variants({name: answer})
            for path in ("/api/invoices", "/api/channels", "/api/coins", "/api/rates", f"/api/channels/{UUID(int=4)}"):
                assert json.loads(body_of(merchant, "GET", path))
