"""What the sandbox refuses, field by field, and where a list goes on: as a merchant's client meets it."""

from __future__ import annotations

import http.client
import json
from decimal import Decimal
from typing import Any

import pytest

from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.sandbox.amounts import spell_scientific
from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.pages.drawings import draw_logo
from cryptopay_django.sandbox.post_callback import post
from cryptopay_django.sandbox.server import SandboxServer

from .conftest import Merchant, Shop, pass_time
from .test_api import fields_of, problem_of
from .test_server import server as server  # noqa: PLC0414 - a fixture

CUSTOMER = {"id": "ada", "currency": "EUR", "addresses": []}
BITCOIN = {"currency": "BTC", "network": "bitcoin", "address": "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"id": None}, {"id"}),
        ({"id": 7}, {"id"}),
        ({"id": "x" * 10_000}, {"id"}),
        ({"currency": None}, {"currency"}),
        ({"currency": "XXX"}, {"currency"}),
        ({"addresses": "nowhere"}, {"addresses"}),
        ({"addresses": ["nowhere"]}, {"addresses[0]"}),
        ({"addresses": [BITCOIN, {**BITCOIN, "currency": "EUR"}]}, {"addresses[1].currency"}),
        ({"addresses": [{**BITCOIN, "network": "tron"}]}, {"addresses[0].network"}),
        ({"addresses": [{**BITCOIN, "address": "nowhere"}]}, {"addresses[0].address"}),
    ],
)
def test_what_is_wrong_with_a_customer_is_named(merchant: Merchant, change: dict[str, Any], fields: set[str]) -> None:
    response = merchant.call("POST", "/api/customers", {**CUSTOMER, **change})

    assert problem_of(response) == (422, "invalid")
    assert fields_of(response) == fields


@pytest.mark.parametrize(
    ("change", "fields"),
    [({"currency": "EUR"}, {"currency"}), ({"address": "nowhere"}, {"address"}), ({"type": "gut feeling"}, {"type"})],
)
def test_what_is_wrong_with_a_question_for_a_risk_is_named(
    merchant: Merchant, change: dict[str, Any], fields: set[str]
) -> None:
    question = {"address": BITCOIN["address"], "currency": "BTC", "type": "source_of_funds", **change}

    assert fields_of(merchant.call("POST", "/api/risks/score", question)) == fields


def test_customers_are_listed_newest_first_and_go_on_after_an_id(merchant: Merchant) -> None:
    for name in ("ada", "bob", "cy"):
        merchant.data("POST", "/api/customers", {**CUSTOMER, "id": name}, status=201)

    assert [one["id"] for one in merchant.data("GET", "/api/customers")] == ["cy", "bob", "ada"]
    assert [one["id"] for one in merchant.data("GET", "/api/customers?starting_after=bob")] == ["ada"]
    assert problem_of(merchant.call("GET", "/api/customers?starting_after=dee"))[0] == 404


def test_nothing_comes_after_the_oldest_invoice(merchant: Merchant) -> None:
    oldest = merchant.order()
    merchant.order()

    assert merchant.data("GET", f"/api/invoices?starting_after={oldest['id']}") == []


def test_a_quote_is_for_what_was_paid_until_then(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    there = sandbox.state.find(invoice["id"])
    sandbox.pay(there.id, amount=there.pay_amount / 2)
    pass_time(sandbox, minutes=11)
    quote = merchant.data("POST", f"/api/invoices/{invoice['id']}/recalculations", {}, status=201)
    sandbox.pay(there.id, amount=there.pay_amount / 4)

    response = merchant.call("POST", f"/api/invoices/{invoice['id']}/recalculations/{quote['id']}/commit")

    assert problem_of(response)[0] == 422
    assert "Another payment has arrived" in response.body.decode()


@pytest.mark.parametrize(
    "change",
    [
        {"callback_url": 7},
        {"callback_secret": ""},
        {"underpaid": "keep"},
        {"overpaid_refund_ends": "cancelled"},
        {"denied": "invoices"},
        {"rate_limit": 0},
        {"rate_limit": True},
    ],
)
def test_a_setting_that_cannot_be_is_named_and_nothing_is_changed(sandbox: Sandbox, change: dict[str, Any]) -> None:
    before = sandbox.account.describe()

    with pytest.raises(CryptopayError) as refusal:
        sandbox.change_settings({"callback_url": "https://shop.example/", **change})

    assert [detail["target"] for detail in refusal.value.details] == list(change)
    assert sandbox.account.describe() == before


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/api/invoices", {"Transfer-Encoding": "chunked"}, 411),
        ("POST", "/api/invoices", {"Content-Length": "many"}, 413),
        ("POST", "/api/invoices", {"Content-Length": "99999999"}, 413),
        ("GET", "/control/nothing", {}, 404),
        ("POST", "/", {}, 405),
        ("HEAD", "/", {"Host": "shop.localhost"}, 200),
    ],
)
def test_requests_that_no_client_sends_are_refused(
    server: SandboxServer, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()

    response = connection.getresponse()

    assert (response.status, response.read() == b"") == (status, method == "HEAD")
    connection.close()


@pytest.mark.parametrize("speed", [None, "fast", -1])
def test_a_speed_that_no_clock_has_is_refused(server: SandboxServer, speed: object) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    connection.request("POST", "/control/clock", json.dumps({"speed": speed}))

    assert connection.getresponse().status == 422
    connection.close()


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_a_payment_of_nothing_is_refused(sandbox: Sandbox, merchant: Merchant, amount: str) -> None:
    with pytest.raises(CryptopayError) as refusal:
        sandbox.pay(merchant.order()["id"], amount=amount)

    assert [detail["target"] for detail in refusal.value.details] == ["amount"]


def test_a_recalculation_that_was_never_made_cannot_be_committed(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], factor="0.5")
    pass_time(sandbox, minutes=11)
    merchant.data("POST", f"/api/invoices/{invoice['id']}/recalculations", {}, status=201)
    another = f"/api/invoices/{invoice['id']}/recalculations/00000000-0000-4000-8000-000000000000/commit"

    assert problem_of(merchant.call("POST", another))[0] == 404


def test_a_payment_that_is_worth_nothing_cannot_be_recalculated(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], amount="0.00000001")
    pass_time(sandbox, minutes=11)

    response = merchant.call("POST", f"/api/invoices/{invoice['id']}/recalculations", {})

    assert problem_of(response)[0] == 422
    assert "worth less than the smallest amount" in response.body.decode()


def test_the_desk_completes_or_refunds_and_nothing_else(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], risk="high")
    pass_time(sandbox, minutes=11)

    with pytest.raises(CryptopayError) as refusal:
        sandbox.decide(invoice["id"], "keep")

    assert [detail["target"] for detail in refusal.value.details] == ["decision"]


def test_a_flag_is_true_or_false(sandbox: Sandbox, merchant: Merchant) -> None:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], factor="0.5")
    pass_time(sandbox, minutes=11)

    response = merchant.call("POST", f"/api/invoices/{invoice['id']}/recalculations", {"force_commit": "yes"})

    assert fields_of(response) == {"force_commit"}


def test_a_limit_of_requests_can_be_set_and_lifted(sandbox: Sandbox) -> None:
    for limit in (5, None):
        sandbox.change_settings({"rate_limit": limit})
        assert sandbox.account.rate_limit == limit


@pytest.mark.parametrize("risk", ["low", "high"])
def test_what_is_over_or_on_hold_takes_no_more_payments(sandbox: Sandbox, merchant: Merchant, risk: str) -> None:
    invoice = merchant.order()
    sandbox.pay(invoice["id"], risk=risk)
    pass_time(sandbox, minutes=11)

    with pytest.raises(CryptopayError, match="takes no more payments"):
        sandbox.pay(invoice["id"])


def test_two_payments_that_come_late_leave_it_as_it_is(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    invoice = merchant.order()
    for _ in range(2):
        sandbox.pay(invoice["id"], factor="0.5")
        pass_time(sandbox, minutes=11)
    sandbox.pay(invoice["id"], factor="0.5")
    pass_time(sandbox, minutes=11)

    assert shop.story.count("status_changed(unresolved, paid_late)") == 1


@pytest.mark.parametrize("count", [0, 100_000])
def test_trouble_is_planned_a_sensible_number_of_times(sandbox: Sandbox, count: int) -> None:
    with pytest.raises(CryptopayError) as refusal:
        sandbox.state.trouble.plan("timeout", count=count)

    assert [detail["target"] for detail in refusal.value.details] == ["count"]


def test_a_clock_runs_forward_only(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        sandbox.clock.set_speed(-1)


def test_there_is_a_logo_for_each_coin_and_for_nothing_else() -> None:
    assert draw_logo("BTC")
    assert draw_logo("EUR") is None


def test_a_callback_without_an_url_goes_nowhere_and_says_why() -> None:
    assert post("", {}, b"").error == "no callback URL is set"


def test_a_shop_that_is_not_there_is_told_of_in_the_words_of_the_system() -> None:
    assert "no connection: " in str(post("http://127.0.0.1:9/", {}, b"").error)
    assert "InvalidURL" in str(post("http://", {}, b"").error)


def test_an_amount_is_spelt_for_a_link_in_powers_of_ten() -> None:
    assert [spell_scientific(Decimal(amount)) for amount in ("29226190000000000", "0")] == ["0.2922619e17", "0.0"]
