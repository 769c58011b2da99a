"""The view that a shop subclasses: its order, its price, its permission; one invoice however often it is asked for."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.models import Invoice
from tests.api.conftest import problem_of
from tests.wire import TIMED_OUT, UNREACHABLE, ScriptedGateway, refusal

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.api.urls")]

BTC = {"currency": "BTC", "network": "bitcoin"}


@pytest.fixture
def order():
    return Group.objects.create(name="49.90")


@pytest.fixture
def customer(order):
    user = User.objects.create(username="customer")
    user.groups.add(order)
    client = Client()
    client.force_login(user)
    return client


def ask(client, order, body=BTC, **headers):
    return client.post(f"/pay/{order.pk}/", body, content_type="application/json", **headers)


def test_the_invoice_has_the_shops_price(customer, order, cryptopay_sandbox):
    answer = ask(customer, order)

    made = Invoice.objects.get()
    assert answer.status_code == 201
    assert answer["Location"] == reverse("cryptopay_django_api:invoice-state", args=[made.pk])
    assert (answer.json()["id"], answer.json()["price_amount"]) == (str(made.pk), "49.9")
    assert (made.order, f"{made.price_amount}", made.price_currency) == (order, "49.9", "EUR")
    assert answer.json()["payment"]["address"] == made.address
    assert "margin" not in answer.content.decode()
    assert customer.get(answer["Location"]).json()["state"] == "waiting"


@pytest.mark.parametrize("name", ["price_amount", "price_currency", "custom_id", "metadata", "account"])
def test_what_is_not_the_customers_to_choose_is_refused(name, customer, order, cryptopay_sandbox):
    answer = ask(customer, order, {**BTC, name: "1"})

    assert problem_of(answer) == (400, "invalid")
    assert answer.json()["errors"] == [{"field": name, "code": "unknown", "detail": "There is no such field."}]
    assert not Invoice.objects.exists()


def test_of_thousands_of_unknown_names_only_the_first_are_answered(customer, order, cryptopay_sandbox):
    answer = ask(customer, order, {**BTC, **{f"name{number}": 1 for number in range(3000)}})

    assert problem_of(answer) == (400, "invalid")
    assert len(answer.json()["errors"]) == 20


def test_asking_twice_returns_the_same_invoice(customer, order, cryptopay_sandbox):
    first, again = ask(customer, order), ask(customer, order)

    assert first.json()["id"] == again.json()["id"]
    assert len(cryptopay_sandbox.invoices()) == 1


def test_another_coin_is_another_invoice(customer, order, cryptopay_sandbox):
    answers = [ask(customer, order), ask(customer, order, {"currency": "USDT", "network": "tron"})]

    assert {answer.status_code for answer in answers} == {201}
    assert Invoice.objects.for_order(order).count() == 2


def test_an_order_that_money_came_in_for_gets_no_other_invoice(customer, order, cryptopay_sandbox):
    ask(customer, order)
    made = Invoice.objects.get()
    cryptopay_sandbox.pay(made)
    cryptopay_sandbox.deliver()

    answer = ask(customer, order, {"currency": "USDT", "network": "tron"})

    assert (answer.status_code, answer.json()["id"], answer.json()["state"]) == (200, str(made.pk), "seen")


def test_after_it_has_expired_there_is_a_new_one(customer, order, cryptopay_sandbox):
    first = ask(customer, order).json()["id"]
    Invoice.objects.update(expires_at="2026-01-01T00:00:00Z")

    again = ask(customer, order)

    assert again.status_code == 201
    assert again.json()["id"] != first


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "currency"),
        ({"currency": "EUR"}, "currency"),
        ({"currency": 5}, "currency"),
        ({"currency": "BTC", "network": "tron"}, "network"),
        ({"currency": "USDT"}, "network"),
        ([], ""),
    ],
)
def test_a_coin_that_is_not_offered_is_a_problem_of_its_field(body, field, customer, order, cryptopay_sandbox):
    answer = ask(customer, order, body)

    assert problem_of(answer) == (400, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[" * 5000,
        '{"currency": "BTC", "currency": "ETH"}',
        '{"currency": NaN}',
        '{"currency": "\\ud800"}',
        '{"currency": "\\u0000"}',
        b"\xff",
        "9" * 5000,
    ],
)
def test_json_that_two_readers_could_take_differently_is_refused(body, customer, order):
    answer = customer.post(f"/pay/{order.pk}/", body, content_type="application/json")

    assert problem_of(answer) == (400, "parse_error")


def test_other_bodies_are_refused(customer, order):
    form = customer.post(f"/pay/{order.pk}/", BTC)
    huge = customer.post(f"/pay/{order.pk}/", json.dumps({"currency": "B" * 70_000}), content_type="application/json")

    assert problem_of(form) == (415, "unsupported_media_type")
    assert problem_of(huge) == (413, "too_large")


def test_only_whom_the_shop_lets(order, customer, client):
    stranger = Client()
    stranger.force_login(User.objects.create(username="stranger"))

    assert problem_of(ask(client, order)) == (403, "not_authenticated")
    assert problem_of(ask(stranger, order)) == (404, "not_found")


def test_a_session_needs_its_csrf_token(order):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(User.objects.create(username="customer"))

    assert problem_of(ask(careful, order)) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("creation", "expected"),
    [
        (UNREACHABLE, (503, "gateway_unreachable")),
        (TIMED_OUT, (503, "creation_unknown")),
        (refusal(422), (422, "gateway_invalid")),
        (refusal(403), (502, "gateway_refused")),
    ],
)
def test_a_gateway_that_does_not_make_it_is_a_problem_in_fixed_words(
    creation, expected, customer, order, settings, cryptopay_sandbox
):
    customer.get("/cryptopay/api/coins/")  # so that the coins are known
    scripted = ScriptedGateway(lambda method, path, body: creation if method == "POST" else TIMED_OUT)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.5

    answer = ask(customer, order)

    assert problem_of(answer) == expected
    assert str(order.pk) not in answer.json()["detail"]
    assert ("Retry-After" in answer) == (expected[0] == 503)


def test_a_view_that_is_not_finished_is_not_a_500(customer, order):
    answer = customer.post(f"/half/{order.pk}/", BTC, content_type="application/json")

    assert problem_of(answer) == (503, "not_configured")
    assert "get_order" not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_shop_with_atomic_requests_can_create(customer, order, cryptopay_sandbox, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

    assert ask(customer, order).status_code == 201


def test_the_account_of_an_order_is_resolved_and_an_invoice_that_waits_stays_in_its_own(
    customer, order, settings, cryptopay_sandbox
):
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: "second" if order.name == "49.90" else "default"
    first = ask(customer, order).json()["id"]
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: "default"

    again = ask(customer, order).json()["id"]

    assert (first, Invoice.objects.get().account) == (again, "second")


def test_one_order_cannot_use_up_the_calls_of_all(customer, order, cryptopay_sandbox, settings):
    settings.CACHES = {"default": {"BACKEND": "tests.test_caching.DownCache"}}
    for _ in range(12):
        assert ask(customer, order).status_code == 201
        Invoice.objects.update(expires_at=timezone.now())

    assert problem_of(ask(customer, order))[0] in (429, 503)
    assert Invoice.objects.count() == 12
