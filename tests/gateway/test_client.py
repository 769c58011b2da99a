"""Each call of the API asks for the right thing and reads what comes back."""

import json
from decimal import Decimal
from uuid import UUID

import pytest

from cryptopay_django.exceptions import CustomIdError, GatewayAnswerError
from cryptopay_django.gateway.client import Client
from cryptopay_django.gateway.market_answers import CustomerAddress, Rate
from cryptopay_django.gateway.schemas import InvoiceSnapshot
from cryptopay_django.gateway.signing import verify_request

from . import examples
from .conftest import API_KEY, API_SECRET
from .server import data

INVOICE = f"/api/invoices/{examples.INVOICE_ID}"
RATE = {"buy_rate": "40000.0", "sell_rate": "40100.0"}
ADDRESS = CustomerAddress("bcrt1qcustomer", "BTC", "bitcoin")

CALLS = [
    (lambda client: client.retrieve_invoice(examples.INVOICE_ID), "GET", INVOICE, None, examples.invoice()),
    (lambda client: client.retrieve_invoice(UUID(examples.INVOICE_ID)), "GET", INVOICE, None, examples.invoice()),
    (
        lambda client: client.retrieve_invoice_by_custom_id("order-7"),
        "GET",
        "/api/invoices/custom_id/order-7",
        None,
        examples.invoice(),
    ),
    (lambda client: client.list_invoices(), "GET", "/api/invoices", None, [examples.invoice()]),
    (
        lambda client: client.list_invoices(customer_id="a b&c", starting_after=examples.OTHER_ID),
        "GET",
        f"/api/invoices?customer_id=a%20b%26c&starting_after={examples.OTHER_ID}",
        None,
        [],
    ),
    (
        lambda client: client.create_recalculation(examples.INVOICE_ID),
        "POST",
        f"{INVOICE}/recalculations",
        None,
        examples.recalculation(),
    ),
    (
        lambda client: client.commit_recalculation(examples.INVOICE_ID, examples.RECALCULATION_ID),
        "POST",
        f"{INVOICE}/recalculations/{examples.RECALCULATION_ID}/commit",
        None,
        examples.recalculation(),
    ),
    (lambda client: client.create_refund(examples.INVOICE_ID), "POST", f"{INVOICE}/refunds", None, examples.refund()),
    (
        lambda client: client.create_refund(examples.INVOICE_ID, address="bcrt1qback"),
        "POST",
        f"{INVOICE}/refunds",
        {"address": "bcrt1qback"},
        examples.refund(),
    ),
    (lambda client: client.list_refunds(examples.INVOICE_ID), "GET", f"{INVOICE}/refunds", None, [examples.refund()]),
    (lambda client: client.list_coins(), "GET", "/api/coins", None, [examples.coin()]),
    (lambda client: client.list_rates(), "GET", "/api/rates", None, {"BTCEUR": RATE, "BTC/EUR": RATE}),
    (lambda client: client.retrieve_rate("BTC", "EUR"), "GET", "/api/rates/BTC/EUR", None, RATE),
    (
        lambda client: client.score_risk(address="bcrt1qx", currency="BTC", kind="source_of_funds"),
        "POST",
        "/api/risks/score",
        {"address": "bcrt1qx", "currency": "BTC", "type": "source_of_funds"},
        examples.RISK,
    ),
    (
        lambda client: client.create_customer(id="customer-3", currency="EUR", addresses=[ADDRESS]),
        "POST",
        "/api/customers",
        {"id": "customer-3", "currency": "EUR", "addresses": [ADDRESS.to_wire()]},
        examples.customer(),
    ),
    (
        lambda client: client.create_customer(id="customer-3", currency="EUR"),
        "POST",
        "/api/customers",
        {"id": "customer-3", "currency": "EUR"},
        examples.customer(),
    ),
    (
        lambda client: client.retrieve_customer("customer/3 ü"),
        "GET",
        "/api/customers/customer%2F3%20%C3%BC",
        None,
        examples.customer(id="customer/3 ü"),
    ),
    (
        lambda client: client.update_customer("customer-3", addresses=[]),
        "PATCH",
        "/api/customers/customer-3",
        {"addresses": []},
        examples.customer(),
    ),
    (lambda client: client.list_customers(), "GET", "/api/customers", None, [examples.customer()]),
    (
        lambda client: client.list_customers(starting_after="customer-3"),
        "GET",
        "/api/customers?starting_after=customer-3",
        None,
        [],
    ),
]


@pytest.mark.parametrize(("call", "method", "path", "body", "answer"), CALLS)
def test_a_call_asks_for_the_right_thing_signed_and_reads_the_answer(
    call, method, path, body, answer, gateway, client
):
    gateway.answers(data(answer, 201 if method == "POST" else 200))

    result = call(client)

    (request,) = gateway.received
    assert (request.method, request.path) == (method, path)
    assert request.body == (b"" if body is None else json.dumps(body, separators=(",", ":")).encode())
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Date"] == "Sat, 03 Feb 2024 04:05:06 GMT"
    scheme, _, signature = request.headers["Authorization"].partition(f" {API_KEY}:")
    assert scheme == "HMAC"
    assert verify_request(
        signature,
        secret=API_SECRET,
        method=method,
        path=request.path,
        date=request.headers["Date"],
        body=request.body,
    )
    if isinstance(answer, list):
        assert json.loads(json.dumps([item["id" if "id" in item else "currency"] for item in answer])) == [
            str(getattr(item, "id", None) or item.currency) for item in result
        ]
    else:
        assert result


def test_an_invoice_is_created_with_what_is_given_and_amounts_as_text(gateway, client):
    gateway.answers(data(examples.invoice(), 201))

    snapshot = client.create_invoice(
        price_amount=Decimal("5E+1"),
        price_currency="EUR",
        pay_currency="BTC",
        custom_id="order-7",
        name="Größe „M“",
        metadata={"basket": "17"},
    )

    assert snapshot == InvoiceSnapshot.from_wire(examples.invoice())
    assert json.loads(gateway.received[0].body) == {
        "price_amount": "50",
        "price_currency": "EUR",
        "pay_currency": "BTC",
        "custom_id": "order-7",
        "name": "Größe „M“",
        "metadata": {"basket": "17"},
    }


@pytest.mark.parametrize("amount", [50.0, "50", 50, Decimal("NaN"), Decimal("Infinity")])
def test_a_price_is_a_decimal_or_nothing_is_sent(amount, gateway, client):
    with pytest.raises(TypeError):
        client.create_invoice(price_amount=amount, price_currency="EUR", pay_currency="BTC")

    assert not gateway.received


@pytest.mark.parametrize(
    "custom_id", ["a/b", "a b", "ü", "100%", "a?b#c", "a%2Fb", "~x", "'();", "a+b", "....", "a..b"]
)
def test_the_path_that_is_signed_is_the_path_that_is_sent(custom_id, gateway, client):
    gateway.answers(data(examples.invoice(custom_id=custom_id)))

    snapshot = client.retrieve_invoice_by_custom_id(custom_id)

    (request,) = gateway.received
    assert snapshot.custom_id == custom_id
    assert request.path.isascii()
    assert verify_request(
        request.headers["Authorization"].rpartition(":")[2],
        secret=API_SECRET,
        method="GET",
        path=request.path,
        date=request.headers["Date"],
    )


@pytest.mark.parametrize("custom_id", ["", ".", ".."])
def test_an_id_that_would_change_the_path_is_not_asked_for(custom_id, gateway, client):
    with pytest.raises(CustomIdError):
        client.retrieve_invoice_by_custom_id(custom_id)

    assert not gateway.received


def test_an_answer_about_another_invoice_is_not_taken(gateway, client):
    gateway.answers(data(examples.invoice(id=examples.OTHER_ID, custom_id="order-8")))

    with pytest.raises(GatewayAnswerError, match="another invoice"):
        client.retrieve_invoice(examples.INVOICE_ID)
    with pytest.raises(GatewayAnswerError, match="another invoice"):
        client.retrieve_invoice_by_custom_id("order-7")


def test_rates_come_by_pair(gateway, client):
    gateway.answers(data({"BTCEUR": RATE}))

    assert client.list_rates() == {"BTCEUR": Rate(buy_rate=Decimal("40000.0"), sell_rate=Decimal("40100.0"))}


def test_a_rate_that_cannot_be_read_spoils_no_other(gateway, client):
    gateway.answers(data({"BTC/EUR": {"buy_rate": "x", "sell_rate": "2.0"}, "ETH/EUR": {"sell_rate": "-1"}, "X": 5}))

    assert list(client.list_rates()) == ["BTC/EUR"]


ODD_ID = examples.OTHER_ID


@pytest.mark.parametrize(
    ("method", "items", "args"),
    [
        ("list_invoices", [examples.invoice(), examples.invoice(id=ODD_ID, paid_amount="-1"), None], ()),
        ("list_refunds", [examples.refund(id=examples.INVOICE_ID), examples.refund(amount=[])], (ODD_ID,)),
    ],
)
def test_an_item_that_cannot_be_read_spoils_no_other_and_its_id_is_known(method, items, args, gateway, client, caplog):
    gateway.answers(data(items))

    page = getattr(client, method)(*args)

    assert [str(item.id) for item in page] == [examples.INVOICE_ID]
    assert [str(known) for known in page.ids] == [examples.INVOICE_ID, ODD_ID]
    assert "data[1]." in caplog.text


def test_a_coin_and_a_network_that_cannot_be_read_spoil_no_other(gateway, client):
    odd = examples.coin_network("odd", precision="x")
    gateway.answers(data([{"name": "X"}, {**examples.coin("BTC", examples.coin_network(), odd), "name": 5}]))

    (coin,) = client.list_coins()

    assert (coin.currency, coin.name, [network.network for network in coin.networks]) == ("BTC", None, ["bitcoin"])


def test_a_client_shows_where_it_calls_and_no_secret(client, gateway):
    assert repr(client) == f"Client('{gateway.url}')"


@pytest.mark.parametrize(
    ("key", "secret", "base_url"),
    [
        ("", "secret", "https://gateway.example"),
        ("key\n", "secret", "https://gateway.example"),
        ("kéy", "secret", "https://gateway.example"),
        ("key", "", "https://gateway.example"),
        ("key", "secret", "gateway.example"),
        ("key", "secret", "ftp://gateway.example"),
        ("key", "secret", "https://"),
        ("key", "secret", "https://user:password@gateway.example"),
        ("key", "secret", "https://gateway.example/path"),
        ("key", "secret", "https://gateway.example/?query"),
    ],
)
def test_a_client_that_could_not_work_is_not_made(key, secret, base_url):
    with pytest.raises(ValueError, match="must") as refusal:
        Client(key, secret, base_url)

    assert "password@" not in str(refusal.value)


def test_a_client_closes_at_the_end_of_its_block(connect, gateway):
    gateway.answers(data([]))

    with connect() as client:
        assert client.list_coins() == ()
