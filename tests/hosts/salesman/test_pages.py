"""The customer's way: from the basket to the payment page and back, as a guest, and no dead end in between."""

from __future__ import annotations

import pytest
from conftest import BUYER, COIN, again, notes_of, pay_page
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from salesman.checkout.payment import PaymentError, payment_methods_pool
from salesman.core.utils import get_salesman_model
from shop.models import Product, Shipment

from cryptopay_django.contrib.salesman.checks import check_methods
from cryptopay_django.contrib.salesman.payment import CryptopayPayment
from cryptopay_django.models import Invoice
from cryptopay_django.services import settle_invoice


def test_the_methods_are_offered_for_baskets_and_orders(db):
    for kind in ("basket", "order"):
        assert payment_methods_pool.get_choices(kind) == [("coins", "Any coin"), ("bitcoin", "Bitcoin")]


def test_a_method_without_a_currency_is_refused():
    class Nothing(CryptopayPayment):
        pass

    class Own(CryptopayPayment):
        def get_currency(self, order):
            return "USD"

    with pytest.raises(ImproperlyConfigured, match='Nothing must name the currency of its prices: currency = "EUR"'):
        Nothing()
    assert Own().get_currency(None) == "USD"


def test_a_guest_chooses_a_coin(client, order):
    bought = order()

    page = client.get(pay_page(bought)).text
    answer = client.post(pay_page(bought), COIN)

    invoice = Invoice.objects.get()
    assert "100.00" in page
    assert 'value="USDT/tron"' in page
    assert answer["Location"] == f"/cryptopay/checkout/{invoice.pk}/"
    assert (invoice.order, invoice.price_amount, invoice.price_currency) == (bought, 100, "EUR")
    assert (invoice.name, invoice.payer_email) == (bought.ref, "ada@example.org")
    assert invoice.success_redirect_url == f"http://testserver/api/orders/{bought.ref}/?token={bought.token}"
    assert invoice.unsuccess_redirect_url == f"http://testserver{pay_page(bought)}"


def test_a_fixed_coin_leads_to_its_invoice(client, order):
    bought = order("bitcoin")

    answer = client.get(pay_page(bought, "bitcoin"))

    invoice = Invoice.objects.get()
    assert answer["Location"] == f"/cryptopay/checkout/{invoice.pk}/"
    assert invoice.success_redirect_url == f"https://shop.example/orders/{bought.ref}?token={bought.token}"


def test_an_order_is_paid_later(client, order):
    bought = order()

    answer = client.post(f"/api/orders/{bought.ref}/pay/?token={bought.token}", {"payment_method": "bitcoin"})

    assert answer.json()["url"] == f"http://testserver{pay_page(bought, 'bitcoin')}"


def test_an_expired_invoice_leads_to_a_new_one(client, order, invoice_of):
    bought = order()
    first = invoice_of(bought)
    Invoice.objects.update(expires_at=first.created_at)

    client.post(first.unsuccess_redirect_url.removeprefix("http://testserver"), COIN)

    assert Invoice.objects.for_order(bought).count() == 2


def test_a_gateway_that_is_down_loses_no_order(client, order, cryptopay_sandbox):
    cryptopay_sandbox.fail_next("error", count=50)
    bought = order()

    down = client.post(pay_page(bought), COIN)
    cryptopay_sandbox.account().trouble({"all": "0"})

    assert down.status_code == 503
    assert "does not answer" in down.text
    assert (bought.total, bought.status) == (100, "CREATED")


def test_an_account_that_does_not_exist_is_explained_to_the_customer(client, order, coins):
    bought = order()
    coins.account = "gone"

    for answer in (client.get(pay_page(bought)), client.post(pay_page(bought), COIN)):
        assert answer.status_code == 503
        assert "Payments are not possible at the moment." in answer.text
    assert not Invoice.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [("account", "gone", 'has no account "gone"'), ("currency", "", "must name the currency of its prices")],
)
def test_a_method_that_cannot_work_is_found(monkeypatch, name, value, problem):
    assert check_methods() == []
    monkeypatch.setattr(type(payment_methods_pool.get_payment("coins")), name, value)

    message = check_methods()[0]

    assert message.id == "cryptopay_salesman.E001"
    assert problem in message.msg


def test_a_method_that_is_misspelt_or_anothers(settings):
    settings.SALESMAN_PAYMENT_METHODS = ["shop.gone.Coins", "salesman.checkout.payment.PaymentMethod"]

    (message,) = check_methods()

    assert message.msg.startswith("SALESMAN_PAYMENT_METHODS has shop.gone.Coins: ")


def test_every_request_in_a_transaction_is_no_obstacle(client, order, invoice_of, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)

    assert invoice_of(order()).price_amount == 100


def test_an_unknown_order_is_not_found(client, db):
    assert client.get("/api/payment/coins/nobody-knows/").status_code == 404


@pytest.mark.parametrize("status", ["CANCELLED", "REFUNDED", "PROCESSING"])
def test_an_order_that_cannot_be_paid_leads_back(client, order, status):
    bought = order()
    type(bought).objects.update(status=status)

    for answer in (client.get(pay_page(bought)), client.post(pay_page(bought), COIN)):
        assert answer["Location"] == f"http://testserver/api/orders/{bought.ref}/?token={bought.token}"
    assert not Invoice.objects.exists()


def test_what_is_missing_of_a_short_settlement_can_be_paid(order, pay):
    bought = pay(order(), "0.6")
    assert bought.status == "HOLD"
    settle_invoice(Invoice.objects.get(), actor="staff", reason="the rest follows")
    short = again(bought)
    in_between = short.status, short.amount_paid, short.is_paid

    paid = pay(bought)

    first, second = Invoice.objects.order_by("created_at")
    assert in_between == ("HOLD", first.settled_amount, False)
    assert notes_of(short) == [
        f"underpaid; invoice {first.custom_id}",
        f"settled for {first.settled_amount:f} EUR, which nobody has accepted yet; invoice {first.custom_id}",
    ]
    assert second.price_amount == 100 - first.settled_amount
    assert (paid.status, paid.amount_paid, paid.is_paid) == ("PROCESSING", 100, True)
    assert Shipment.objects.count() == 1


def test_a_basket_that_is_sent_twice_becomes_one_order(order, coins, rf):
    order()
    request = rf.post("/")
    request.user = AnonymousUser()
    basket = get_salesman_model("Basket").objects.create()
    basket.add(Product.objects.get())
    seen_in_two_tabs = [get_salesman_model("Basket").objects.get(pk=basket.pk) for _ in range(2)]
    for one in seen_in_two_tabs:
        one.update(request)

    coins.basket_payment(seen_in_two_tabs[0], request)
    with pytest.raises(PaymentError, match="Your basket is empty"):
        coins.basket_payment(seen_in_two_tabs[1], request)

    assert get_salesman_model("Order").objects.count() == 2


def test_a_shops_own_options_keep_the_orders_booked(order, pay, coins):
    coins.get_invoice_options = lambda order, request: {"metadata": {"shop": "Berlin"}}

    assert pay(order()).status == "PROCESSING"
    assert Invoice.objects.get().metadata == {"shop": "Berlin", "payment_method": "coins"}


def test_an_empty_basket_cannot_be_paid(client, db):
    Product.objects.create(name="Mug", price=1)

    answer = client.post("/api/checkout/", {**BUYER, "payment_method": "coins"})

    assert answer.status_code == 400
    assert "Your basket is empty." in answer.text
