"""The choice of a coin: the price from the server, one invoice however often it is pressed, no dead end."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.utils import timezone

from cryptopay_django.exceptions import AddressError, AmountError, PriceSealError
from cryptopay_django.models import Invoice
from cryptopay_django.pages import formats
from cryptopay_django.services import create_invoice
from cryptopay_django.services.rate_limit_by_use import Use
from tests.pages.urls import PayGroup
from tests.rate_limits import use_up
from tests.wire import TIMED_OUT, ScriptedGateway, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(settings, cryptopay_sandbox):
    cache.clear()
    settings.ROOT_URLCONF = "tests.pages.urls"


@pytest.fixture
def order():
    return Group.objects.create(name="49.90")


@pytest.fixture
def pay(client, order):
    """Press the button on the page of the order."""
    return lambda coin="BTC/bitcoin", **more: client.post(f"/pay/{order.pk}/", {"coin": coin, **more})


def test_the_page_lists_coins_with_networks_and_indications(client, order):
    page = client.get(f"/pay/{order.pk}/").text

    assert 'Payment of <bdi dir="ltr">49.90\u00a0EUR</bdi>' in page
    assert re.search(r"≈\u00a00\.00\d+\u00a0BTC", page)
    assert 'value="USDT/tron"' in page
    assert "Tron (TRC-20)" in page
    assert "5 networks" in page
    assert " checked" not in page


def test_choosing_makes_the_invoice_and_leads_to_its_page(pay, order):
    answer = pay("USDT/tron")

    invoice = Invoice.objects.get()
    assert answer["Location"] == f"/cryptopay/checkout/{invoice.pk}/"
    assert (invoice.order, invoice.price_amount, invoice.price_currency) == (order, Decimal("49.9"), "EUR")
    assert (invoice.pay_currency, invoice.network) == ("USDT", "tron")
    assert (invoice.name, invoice.description) == ("Groups & Co", f"Order {order.pk}")


def test_a_price_from_the_browser_is_not_read(pay):
    pay(price_amount="0.01", amount="0.01", price="0.01", price_currency="RUB", account="second", network="x")

    invoice = Invoice.objects.get()
    assert (invoice.price_amount, invoice.price_currency, invoice.account) == (Decimal("49.9"), "EUR", "default")


def test_the_choice_is_remembered_for_this_customer(pay, client, order):
    cookie = pay("USDT/tron").cookies["cryptopay_coin"]
    other = Group.objects.create(name="10")

    page = client.get(f"/pay/{other.pk}/").text

    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert 'value="USDT/tron" checked' in page
    assert page.count("<details") > page.count(" open>") == 1


def test_a_remembered_coin_that_is_offered_no_more_is_forgotten(client, order):
    client.cookies["cryptopay_coin"] = 'GONE/nowhere"><script>'

    page = client.get(f"/pay/{order.pk}/").text

    assert " checked" not in page
    assert "<script>" not in page


@pytest.mark.parametrize("coin", ["", "BTC", "BTC/tron", "btc/bitcoin", "BTC/bitcoin ", "€", "x" * 10_000])
def test_what_is_not_offered_is_asked_again(coin, pay):
    answer = pay(coin)

    assert answer.status_code == 400
    assert "Please choose one of these coins." in answer.text
    assert not Invoice.objects.exists()


def test_pressing_twice_makes_one_invoice(pay):
    assert pay()["Location"] == pay()["Location"]
    assert Invoice.objects.count() == 1


def test_another_coin_or_a_new_rate_is_another_invoice(pay):
    pay("BTC/bitcoin")
    pay("ETH/ethereum")
    Invoice.objects.filter(pay_currency="BTC").update(expires_at=timezone.now())

    first = pay("BTC/bitcoin")["Location"]
    again = pay("BTC/bitcoin")["Location"]

    assert first == again
    assert Invoice.objects.count() == 3


def test_another_price_is_another_invoice(pay, order):
    pay()
    Group.objects.filter(pk=order.pk).update(name="59.90")

    pay()

    assert set(Invoice.objects.values_list("price_amount", flat=True)) == {Decimal("49.9"), Decimal("59.9")}


def test_an_order_for_which_money_has_come_in_is_not_offered_again(pay, client, order, cryptopay_sandbox):
    pay("BTC/bitcoin")
    invoice = Invoice.objects.get()
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.deliver()

    page = f"/cryptopay/checkout/{invoice.pk}/"
    assert client.get(f"/pay/{order.pk}/")["Location"] == page
    assert pay("ETH/ethereum")["Location"] == page
    assert Invoice.objects.count() == 1


def test_an_order_whose_payment_was_refunded_can_be_paid_again(pay, client, order, cryptopay_sandbox):
    cryptopay_sandbox.settings(underpaid="refund")
    pay("BTC/bitcoin")
    invoice = Invoice.objects.get()
    cryptopay_sandbox.pay(invoice, factor="0.5")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()

    assert client.get(f"/pay/{order.pk}/").status_code == 200
    assert pay("BTC/bitcoin")["Location"] != f"/cryptopay/checkout/{invoice.pk}/"


def test_an_unclear_answer_can_be_pressed_again_and_makes_one_invoice(pay, settings, cryptopay_sandbox):
    cryptopay_sandbox.fail_next("timeout", after_effect=True, count=3)
    pay()
    pay()

    assert Invoice.objects.count() == 1
    assert len(cryptopay_sandbox.invoices()) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (TIMED_OUT, "The payment service does not answer."),
        (refusal(422), "This cannot be paid in the coin that you chose."),
        (refusal(401), "Payments are not possible at the moment."),
        (refusal(429), "The payment service does not answer."),
    ],
)
def test_what_goes_wrong_is_said_on_the_page_where_it_can_be_tried_again(answer, said, pay, client, order, settings):
    client.get(f"/pay/{order.pk}/")
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.5
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda *_: answer)

    page = pay()

    assert page.status_code == 503
    assert said in page.text
    assert 'value="BTC/bitcoin" checked' in page.text


def test_where_the_minute_is_full_the_page_says_when_to_try_again(pay):
    use_up(Use.CREATIONS)

    page = pay()

    assert (page.status_code, page["Retry-After"]) == (503, "10")
    assert "The payment service is busy. Nothing was charged: please try again in 10 seconds." in page.text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PriceSealError("another price"), "A person has to check this payment first"),
        (AddressError("no such address"), "The payment could not be started. Nothing was charged"),
    ],
)
def test_what_only_a_person_can_mend_is_said_without_the_reason(error, said, order):
    told = PayGroup().explain(error, order)

    assert said in told
    assert str(error) not in told


def test_a_price_that_a_coin_cannot_express_is_said(pay, order):
    Group.objects.filter(pk=order.pk).update(name="49.999")

    assert "This cannot be paid in the coin that you chose." in pay().text


def test_coins_that_cannot_be_listed_are_no_error_page(client, order, settings):
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.05
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda *_: refusal(503))

    page = client.get(f"/pay/{order.pk}/")

    assert page.status_code == 503
    assert "The coins cannot be listed at the moment." in page.text
    assert "Try again" in page.text


def test_the_page_says_whom_to_ask(client, order, settings):
    assert "Please ask the shop." in client.get(f"/pay/{order.pk}/").text

    settings.CRYPTOPAY_SUPPORT_EMAIL = "help@shop.example"
    page = client.get(f"/pay/{order.pk}/").text

    assert 'href="mailto:help@shop.example?subject=Payment"' in page
    assert "Name this reference" not in page, "there is nothing yet to refer to"


def test_the_form_is_protected_against_forgery(order):
    assert Client(enforce_csrf_checks=True).post(f"/pay/{order.pk}/", {"coin": "BTC/bitcoin"}).status_code == 403


def test_a_site_with_a_transaction_around_each_request_can_use_it(client, settings, order, transactional_db):
    order = Group.objects.create(name="5")
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    try:
        answer = client.post(f"/pay/{order.pk}/", {"coin": "BTC/bitcoin"})
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False

    assert answer.status_code == 302


def test_an_unfinished_view_names_what_it_lacks(client, order):
    with pytest.raises(ImproperlyConfigured, match=r"ChooseCoinView must define get_order\(\)"):
        client.get(f"/half/{order.pk}/")


def test_a_shop_can_have_the_choice_in_a_form_of_its_own(client):
    client.cookies["cryptopay_coin"] = "ETH/ethereum"

    page = client.get("/own-form/").text

    assert 'value="ETH/ethereum" checked' in page
    assert "checkout.css" in page


def test_a_shop_with_a_form_of_its_own_survives_a_gateway_that_is_down(client, settings):
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.05
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda *_: TIMED_OUT)

    assert "The coins cannot be listed at the moment." in client.get("/own-form/").text


def test_an_indication_has_five_digits_and_no_more():
    assert formats.about(Decimal("0.00123456"), "BTC") == "0.0012346\u00a0BTC"
    assert formats.about(Decimal("5678.9123"), "USDT") == "5,678.9\u00a0USDT"
    assert formats.about(Decimal(4611900), "SHIB") == "4,611,900\u00a0SHIB"


def test_an_invoice_made_elsewhere_counts_for_the_guard(client, order, cryptopay_sandbox):
    invoice = create_invoice(order, price_amount="49.90", price_currency="EUR", pay_currency="BTC")
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.deliver()

    assert client.get(f"/pay/{order.pk}/")["Location"] == f"/cryptopay/checkout/{invoice.pk}/"


def test_the_account_of_an_order_is_resolved_and_an_invoice_that_waits_stays_in_its_own(pay, settings):
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: "second" if order.name == "49.90" else "default"
    first = pay()["Location"]
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: "default"

    again = pay()["Location"]

    assert (first, Invoice.objects.get().account) == (again, "second")


def test_the_coins_are_those_of_the_orders_account(client, order, settings):
    second = settings.CRYPTOPAY_ACCOUNTS["second"] | {"OPTIONS": {"OFFERED_COINS": ["ETH/ethereum"]}}
    settings.CRYPTOPAY_ACCOUNTS = settings.CRYPTOPAY_ACCOUNTS | {"second": second}
    settings.CRYPTOPAY_ACCOUNT_RESOLVER = lambda order, data: "second" if data["price_amount"] else "default"

    page = client.get(f"/pay/{order.pk}/").text

    assert 'value="ETH/ethereum"' in page
    assert 'value="BTC/bitcoin"' not in page


def test_coins_are_offered_and_chosen_while_the_cache_is_down(pay, client, order, settings):
    settings.CACHES = {"default": {"BACKEND": "tests.test_caching.DownCache"}}

    assert "BTC" in client.get(f"/pay/{order.pk}/").text
    assert pay().status_code == 302


def test_one_order_cannot_use_up_the_calls_of_all(pay, order):
    for _ in range(12):
        assert pay().status_code == 302
        Invoice.objects.update(expires_at=timezone.now())

    refused = pay()

    assert refused.status_code == 503
    assert "does not answer" in refused.text
    assert Invoice.objects.count() == 12


@pytest.mark.parametrize("price", [49, "49", "49.90", Decimal("49.900")], ids=repr)
def test_a_price_may_be_what_create_invoice_takes(client, order, pay, monkeypatch, price):
    monkeypatch.setattr(PayGroup, "get_price", lambda self, order: (price, "EUR"))

    assert client.get(f"/pay/{order.pk}/").status_code == 200
    assert pay("nothing").status_code == 400
    assert pay().status_code == 302
    assert Invoice.objects.get().price_amount == Decimal(price)


def test_a_price_that_is_not_exact_is_a_mistake_of_the_shop(client, order, monkeypatch):
    monkeypatch.setattr(PayGroup, "get_price", lambda self, order: (49.9, "EUR"))

    with pytest.raises(AmountError, match="float"):
        client.get(f"/pay/{order.pk}/")
