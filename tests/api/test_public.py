"""What anybody is told: coins, and the state of an invoice; nothing of risk, sources, metadata or staff."""

from __future__ import annotations

import json
from decimal import Decimal
from uuid import uuid4

import pytest
from django.urls import reverse

from cryptopay_django.api.public import InvoiceStateSerializer
from cryptopay_django.models import EventKind
from cryptopay_django.testing.factories import InvoiceEventFactory, PaymentFactory
from tests.api.conftest import problem_of
from tests.pages.states import STATES, invoice, tagged
from tests.wire import UNREACHABLE, ScriptedGateway, refusal

pytestmark = pytest.mark.django_db

TOLD = {
    "id", "state", "is_final", "price_amount", "price_currency", "pay_amount", "pay_currency", "paid_amount",
    "due_amount", "network", "expires_at", "seconds_left", "payment",
}  # fmt: skip
WHERE_TO_PAY = {"address", "destination_tag", "amount", "currency", "network", "uri"}
COINS = reverse("cryptopay_django_api:coins")


def state_url(made) -> str:
    return reverse("cryptopay_django_api:invoice-state", args=[made.pk])


@pytest.mark.parametrize("name", STATES)
def test_a_public_answer_has_these_members_and_no_others(name, client):
    made = STATES[name]()
    with_secrets = {
        "metadata": {"margin": "secret-metadata"},
        "customer_id": "secret-customer",
        "payer_email": "secret@payer.example",
        "custom_id": "secret-custom-id",
        "quarantine_reason": made.quarantine_reason and "secret-reason",
    }
    type(made).objects.filter(pk=made.pk).update(**with_secrets)
    PaymentFactory(
        invoice=made, risk_level="high", risk_resource_name="secret-darknet", source_addresses=["secret-source"]
    )
    InvoiceEventFactory(
        invoice=made, kind=EventKind.INVOICE_RELEASED, actor="secret-name", detail={"reason": "secret-why"}
    )

    answer = client.get(state_url(made))

    assert set(answer.json()) == TOLD == set(InvoiceStateSerializer().fields)
    assert set(answer.json()["payment"] or WHERE_TO_PAY) == WHERE_TO_PAY
    assert "secret" not in answer.content.decode()
    assert "risk" not in answer.content.decode()


@pytest.mark.parametrize("name", STATES)
def test_where_to_pay_is_told_only_while_coins_may_be_sent(name, client):
    answer = client.get(state_url(STATES[name]())).json()

    assert answer["state"] == name.partition("-")[0]
    assert (answer["payment"] is not None) == (answer["state"] in ("waiting", "partly_paid"))


def test_amounts_are_strings_whatever_the_host_set(client, settings):
    settings.REST_FRAMEWORK = {"COERCE_DECIMAL_TO_STRING": False}

    answer = client.get(state_url(STATES["partly_paid"]())).json()

    amounts = {name: answer[name] for name in answer if name.endswith("_amount")}
    assert amounts == {
        "price_amount": "100", "pay_amount": "0.001895", "paid_amount": "0.000758", "due_amount": "0.001137",
    }  # fmt: skip
    assert answer["payment"]["amount"] == "0.001137"
    assert answer["payment"]["uri"] == "", "the gateway's asks for the whole amount"


def test_a_tag_without_which_the_coins_are_lost_is_a_member_of_its_own(client):
    payment = client.get(state_url(tagged())).json()["payment"]

    assert (payment["destination_tag"], payment["network"]) == ("2751702755", "ripple")
    assert "dt=" not in payment["address"]


def test_the_state_is_one_query_and_304_for_who_knows_it(client, django_assert_num_queries):
    made = invoice()
    with django_assert_num_queries(1):
        first = client.get(state_url(made))

    with django_assert_num_queries(1):
        again = client.get(state_url(made), headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert first["Cache-Control"] == "no-store, private"


def test_an_invoice_that_is_not_there_is_a_problem(client):
    assert problem_of(client.get(reverse("cryptopay_django_api:invoice-state", args=[uuid4()]))) == (404, "not_found")


@pytest.mark.parametrize("path", ["nothing/", "invoices/17/", "coins", "desk/invoices/17/settle/"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_is_not_there_is_a_problem_too(path, method, client):
    assert problem_of(getattr(client, method)(f"/cryptopay/api/{path}")) == (404, "not_found")


def test_other_methods_are_refused(client):
    for method in (client.post, client.put, client.delete, client.options):
        assert problem_of(method(COINS)) == (405, "method_not_allowed")


def test_coins_have_amounts_when_a_price_is_given(client, cryptopay_sandbox):
    coins = client.get(COINS, {"price_amount": "100", "price_currency": "EUR"})

    assert coins["Cache-Control"] == "public, max-age=30"
    by_name = {f"{coin['currency']}/{coin['network']}": coin for coin in coins.json()["coins"]}
    assert set(by_name["BTC/bitcoin"]) == {
        "currency", "network", "coin_name", "network_name", "precision", "amount",
    }  # fmt: skip
    assert Decimal(by_name["BTC/bitcoin"]["amount"]) > 0
    assert isinstance(by_name["BTC/bitcoin"]["amount"], str)


def test_coins_without_a_price_have_no_amounts(client, cryptopay_sandbox):
    coins = client.get(COINS).json()["coins"]

    assert coins
    assert {coin["amount"] for coin in coins} == {None}


@pytest.mark.parametrize(
    "query",
    [
        {"price_amount": "100"},
        {"price_currency": "EUR"},
        {"price_amount": "1e5", "price_currency": "EUR"},
        {"price_amount": "-1", "price_currency": "EUR"},
        {"price_amount": "1", "price_currency": "EURO"},
        {"price_amount": "\x00", "price_currency": "EUR"},
        {"price_amount": "1", "price_currency": "EUR", "account": "second"},
    ],
)
def test_a_price_that_is_none_is_a_problem_with_a_field(query, client, cryptopay_sandbox):
    answer = client.get(COINS, query)

    assert problem_of(answer) == (400, "invalid")
    assert {"field", "code", "detail"} == set(answer.json()["errors"][0])


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        (UNREACHABLE, (503, "gateway_unreachable")),
        (refusal(401), (502, "gateway_refused")),
        (refusal(429), (503, "gateway_busy")),
        ((500, {}), (502, "gateway_fault")),
        ((200, b"<html>"), (502, "gateway_fault")),
    ],
)
def test_a_gateway_that_fails_is_a_problem_without_its_words(gateway, expected, client, settings):
    scripted = ScriptedGateway(lambda *asked: gateway)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.3

    answer = client.get(COINS)

    assert problem_of(answer) == expected
    assert "req-1" not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"


def test_customers_who_ask_too_often_are_told_when_to_come_back(client, settings, cryptopay_sandbox):
    settings.REST_FRAMEWORK = {"DEFAULT_THROTTLE_RATES": {"cryptopay_public": "2/min"}}
    url = state_url(invoice())
    statuses = [client.get(url).status_code for _ in range(3)]

    last = client.get(url)

    assert statuses == [200, 200, 429]
    assert problem_of(last) == (429, "throttled")
    assert 0 < int(last["Retry-After"]) <= 60
    assert json.loads(last.content)["title"] == "Too many requests"
