"""The sandbox's own answers, held against the table of shapes: every endpoint, coin, status, callback, refusal."""

from __future__ import annotations

import json

import pytest

from cryptopay_django.sandbox.core import Sandbox
from cryptopay_django.sandbox.scenarios import SCENARIOS, play
from cryptopay_django.sandbox.simulated_coins import COINS

from .comparing import callback_differences, differences
from .conftest import Merchant, Shop, pass_time
from .shapes import CALLBACKS, ENDPOINTS, SHAPES
from .surveying import Surveyor, survey_channels, survey_money, survey_subscriptions


def unresolved(sandbox: Sandbox, merchant: Merchant, **values: str) -> str:
    invoice = merchant.order(**values)["id"]
    sandbox.pay(invoice, factor="2")
    sandbox.confirm(invoice)
    return str(invoice)


def test_every_endpoint_answers_in_shape(sandbox: Sandbox, merchant: Merchant) -> None:
    survey = Surveyor(merchant)
    full = {
        "price_amount": 100, "price_currency": "EUR", "pay_currency": "BTC", "custom_id": "order-1",
        "customer_id": "ann", "name": "Order", "description": "", "metadata": {"a": "b"},
        "success_redirect_url": "https://shop.test/", "unsuccess_redirect_url": "https://shop.test/",
    }  # fmt: skip
    made = survey.call("POST /api/invoices", body=full)
    survey.call("GET /api/invoices/{id}", made["id"])
    survey.call("GET /api/invoices/custom_id/{custom_id}", "order-1")
    settled, same_coin = (
        unresolved(sandbox, merchant),
        unresolved(sandbox, merchant, price_currency="BTC", price_amount="0.5"),
    )
    for invoice in (settled, same_coin):
        preview = survey.call("POST /api/invoices/{id}/recalculations", invoice)
        survey.call("POST /api/invoices/{id}/recalculations/{id}/commit", invoice, preview["id"])
    for address in (None, made["address"]):
        refunded = unresolved(sandbox, merchant)
        survey.call("POST /api/invoices/{id}/refunds", refunded, body={"address": address} if address else None)
        pass_time(sandbox, minutes=2)
        (refund,) = survey.call("GET /api/invoices/{id}/refunds", refunded)
        assert refund["txid"] is not None
    survey.call("GET /api/invoices", query="?customer_id=ann")
    survey.call("GET /api/invoices")
    survey.call("GET /api/coins")
    survey.call("GET /api/rates")
    survey.call("GET /api/rates/{base}/{quote}", "ETH", "USD")
    risk = {"address": made["address"], "currency": "BTC", "type": "source_of_funds"}
    survey.call("POST /api/risks/score", body=risk)
    survey.call("POST /api/customers", body={"id": "ann", "currency": "EUR"})
    entry = {"address": made["address"], "currency": "BTC", "network": "bitcoin"}
    survey.call("PATCH /api/customers/{id}", "ann", body={"addresses": [entry]})
    survey.call("GET /api/customers/{id}", "ann")
    survey.call("GET /api/customers")
    survey_channels(survey)
    survey_money(survey)
    survey_subscriptions(survey)

    assert survey.called == set(ENDPOINTS)


@pytest.mark.parametrize(
    ("code", "network"), [(coin.code, network) for coin in COINS.values() for network in coin.networks]
)
def test_every_coin_makes_an_invoice_in_shape(sandbox: Sandbox, merchant: Merchant, code: str, network: str) -> None:
    for price in ({"price_amount": "123.45"}, {"price_amount": "7", "price_currency": code}):
        invoice = merchant.order(pay_currency=code, network=network, **price)
        assert list(differences("invoice", invoice)) == []
        assert ("exchange" in invoice) == ("price_currency" not in price)
        sandbox.pay(invoice["id"])
        sandbox.confirm(invoice["id"])
        assert list(differences("invoice", merchant.read(invoice))) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_callback_is_in_shape(sandbox: Sandbox, shop: Shop, name: str) -> None:
    play(sandbox, name)

    assert shop.posts
    for _, body in shop.posts:
        assert list(callback_differences(json.loads(body))) == []


def test_every_callback_of_the_other_families_is_in_shape(sandbox: Sandbox, merchant: Merchant, shop: Shop) -> None:
    survey = Surveyor(merchant)
    for family in (survey_channels, survey_money, survey_subscriptions):
        family(survey)
    pass_time(sandbox, days=20)

    kinds = {json.loads(body)["type"] for _, body in shop.posts}
    assert kinds >= {"ChannelPayment", "CoinWithdrawal", "Subscription"}
    for _, body in shop.posts:
        assert list(callback_differences(json.loads(body))) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/channels/no", None),
        ("POST", "/api/channels", {}),
        ("POST", "/api/coin_withdrawals", {}),
        ("POST", "/api/exchange_transfers", {}),
        ("POST", "/api/subscriptions", {}),
        ("GET", "/api/transactions?currency=no", None),
        ("GET", "/api/invoices/no", None),
        ("GET", "/api/invoices?starting_after=no", None),
        ("GET", "/api/nothing", None),
        ("POST", "/api/invoices", {}),
        ("POST", "/api/invoices", b"{"),
        ("POST", "/api/invoices/no/refunds", None),
        ("PATCH", "/api/customers/no", {}),
    ],
)
def test_every_refusal_is_in_shape(merchant: Merchant, method: str, path: str, body: object) -> None:
    response = merchant.call(method, path, body)

    assert response.status >= 400
    assert list(differences("refusal", json.loads(response.body), "refusal")) == []


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ("amount", "100"),
        ("amount", "0.10"),
        ("amount", "1E+3"),
        ("amount", 1.5),
        ("uuid?", "1234"),
        ("time", "2021-10-14 10:51:57"),
        ("code", None),
        ("count", True),
        ("rate", {"buy_rate": "1.0"}),
        ("rate", {"buy_rate": "1.0", "sell_rate": "1.0", "mid_rate": "1.0"}),
        ("rate[]", [{}]),
        ("rates", {"BTCEUR": {"buy_rate": "1.0", "sell_rate": "1.0"}}),
        ("= new | completed", "paid"),
    ],
)
def test_the_table_objects_to_what_is_out_of_shape(shape: str, value: object) -> None:
    assert list(differences(shape, value))


def test_every_shape_in_the_table_is_used() -> None:
    used = {shape for _, shape in ENDPOINTS.values()} | {*CALLBACKS.values(), "refusal", "page_meta"}
    used |= {shape for fields in SHAPES.values() for shape in fields.values()}

    assert set(SHAPES) <= {shape.rstrip("-").rstrip("?").removesuffix("[]") for shape in used}
