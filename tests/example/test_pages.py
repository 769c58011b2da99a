"""What a visitor may see, and what every page must keep to."""

import re

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.http import HttpResponse
from django.urls import reverse

from cryptopay_django.models import Invoice
from example_project.config.middleware import content_security_policy
from example_project.shop.cart import MAX_QUANTITY
from example_project.shop.models import Order, Product

PUBLIC = ["/", "/products/enamel-mug/", "/cart/", "/login/", "/sign-up/"]
PRIVATE = ["/checkout/", "/account/", "/balance/"]


@pytest.mark.parametrize("path", PUBLIC)
def test_anybody_may_look_around(path, client):
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", PRIVATE)
def test_a_login_is_asked_for_where_it_matters(path, client):
    assert client.get(path)["Location"] == f"/login/?next={path}"


@pytest.mark.parametrize("path", [*PUBLIC, *PRIVATE])
def test_a_strict_content_security_policy_breaks_no_page(path, browser):
    browser.post("/cart/enamel-mug/", {"quantity": 1})
    page = browser.get(path, follow=True).text

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"""(src|href|action)=["']https?:""", page)


def test_the_policy_is_sent_and_leaves_a_stricter_one_alone(rf):
    plain = content_security_policy(lambda request: HttpResponse())(rf.get("/"))
    own = content_security_policy(lambda request: HttpResponse(headers={"Content-Security-Policy": "x"}))(rf.get("/"))

    assert plain["Content-Security-Policy"].startswith("default-src 'self';")
    assert own["Content-Security-Policy"] == "x"


def test_the_cart_survives_the_login(client, ada):
    client.post("/cart/enamel-mug/", {"quantity": 3})

    client.post("/login/", {"username": "ada", "password": "ada-demo"})

    assert "€49.50" in client.get("/cart/").text


def test_signing_up_with_a_full_cart_leads_to_the_check_out(client):
    client.post("/cart/enamel-mug/", {"quantity": 1})
    password = "a long walk by the water"

    answer = client.post("/sign-up/", {"username": "grace", "password1": password, "password2": password})

    assert answer["Location"] == "/checkout/"
    assert User.objects.filter(username="grace").exists()


@pytest.mark.parametrize("quantity", ["-1", "21", "1e3", "x", "²", "9" * 5000])
def test_a_strange_quantity_changes_nothing(quantity, client):
    page = client.post("/cart/enamel-mug/", {"quantity": quantity}, follow=True).text

    assert f"quantity up to {MAX_QUANTITY}" in page
    assert "It is empty." in page


def test_the_cart_can_be_changed_and_emptied(client):
    client.post("/cart/enamel-mug/", {"quantity": 2})
    client.post("/cart/enamel-mug/", {"quantity": 5, "set": 1})
    assert "€82.50" in client.get("/cart/").text

    client.post("/cart/enamel-mug/", {"quantity": 0, "set": 1})

    assert "It is empty." in client.get("/cart/").text


def test_a_cart_with_nothing_but_what_is_no_longer_sold_cannot_be_checked_out(browser):
    browser.post("/cart/enamel-mug/", {"quantity": 1})
    Product.objects.update(on_sale=False)

    assert browser.get("/checkout/")["Location"] == "/cart/"
    assert "It is empty." in browser.get("/cart/").text


def test_prices_of_an_order_do_not_follow_those_of_the_shop(buy, browser):
    order = buy()
    Product.objects.update(price=1)

    page = browser.get(order.get_absolute_url()).text

    assert page.count("€33.00") >= 2


def test_nobody_sees_or_pays_an_order_of_somebody_else(buy, client):
    order = buy()
    client.force_login(User.objects.create_user("eve"))

    assert client.get(order.get_absolute_url()).status_code == 404
    assert client.post(f"{order.get_absolute_url()}pay/", {"coin": "BTC/bitcoin"}).status_code == 404


@pytest.mark.parametrize("status", ["paid", "attention", "refunded", "cancelled"])
def test_an_order_that_is_not_open_cannot_be_paid(status, buy, browser):
    order = buy()
    Order.objects.update(status=status)

    answer = browser.post(f"{order.get_absolute_url()}pay/", {"coin": "ETH/ethereum"})

    assert answer["Location"] == order.get_absolute_url()
    assert order.invoices.count() == 1


@pytest.mark.parametrize(
    ("of_order", "of_invoice", "title"),
    [
        ({}, {}, "Waiting for your payment"),
        ({}, {"expires_at": "2020-01-01T00:00Z"}, "The time to pay is over"),
        ({}, {"status": "unresolved", "status_context": "underpaid"}, "Too little has arrived"),
        ({}, {"quarantine_reason": "another price"}, "We are checking this payment"),
        ({}, {"status": "completed"}, "We are checking this payment"),
        ({"status": "attention"}, {"status": "unresolved"}, "We are checking this payment"),
        ({"status": "paid"}, {"status": "completed"}, "Paid, thank you"),
        ({"status": "refunded"}, {"status": "refunded"}, "Refunded"),
        ({"status": "cancelled"}, {"status": "cancelled"}, "Cancelled"),
    ],
)
def test_the_order_page_says_where_the_payment_stands(of_order, of_invoice, title, buy, browser):
    order = buy()
    Order.objects.update(**of_order)
    Invoice.objects.update(**of_invoice)

    page = browser.get(order.get_absolute_url()).text

    assert title in page
    assert ("Paid, thank you" in page) == (of_order == {"status": "paid"})


def test_a_part_that_arrived_is_told_with_what_is_missing(buy, browser, cryptopay_sandbox):
    order = buy()
    invoice = order.invoices.get()
    cryptopay_sandbox.pay(invoice, factor="0.25")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    page = browser.get(order.get_absolute_url()).text

    missing = invoice.pay_amount - order.invoices.get().paid_amount
    assert 0 < missing < invoice.pay_amount
    assert "Part paid. Send only the rest" in page
    assert f'data-cp-copy="{missing.normalize():f}"' in page
    assert "another coin" not in page


def test_the_page_tells_of_the_invoice_that_was_paid_not_of_the_newest(buy, browser, cryptopay_sandbox):
    order = buy("BTC/bitcoin")
    browser.post(f"{order.get_absolute_url()}pay/", {"coin": "ETH/ethereum"})
    assert "ETH" in browser.get(order.get_absolute_url()).text

    cryptopay_sandbox.pay(order.invoices.get(pay_currency="BTC"))
    cryptopay_sandbox.deliver()

    assert "Payment seen" in browser.get(order.get_absolute_url()).text


def test_the_account_page_watches_the_payments_of_open_orders(buy, browser, settle, cryptopay_sandbox):
    order = buy()
    invoice = order.invoices.get()
    assert f'data-watch="/cryptopay/checkout/{invoice.pk}/status/"' in browser.get("/account/").text

    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.deliver()
    assert "payment seen" in browser.get("/account/").text

    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    assert "data-watch" not in browser.get("/account/").text


def test_staff_cannot_make_an_order_paid_by_hand(buy, admin_client):
    order = buy()
    page = reverse("admin:shop_order_change", args=[order.pk])

    assert admin_client.get(page).status_code == 200
    assert admin_client.post(page, {"status": "paid"}).status_code == 403


@pytest.mark.parametrize("model", ["product", "order", "topup", "ledgerentry"])
def test_staff_see_the_lists(model, buy, top_up, admin_client):
    buy()
    top_up()

    assert admin_client.get(reverse(f"admin:shop_{model}_changelist")).status_code == 200


def test_staff_can_ask_for_a_shipment_again_without_harm(buy, settle, admin_client, shipments):
    order = buy()
    settle(order.invoices.get())

    changelist = reverse("admin:shop_order_changelist")
    page = admin_client.post(changelist, {"action": "ask_for_shipment", "_selected_action": [order.pk]}, follow=True)

    assert "0 shipment(s) asked for." in page.text
    assert len(shipments()) == 1


def test_logins_with_known_passwords_are_made_under_debug_only(settings):
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("seed_shop", demo_users=True)

    settings.DEBUG = True
    call_command("seed_shop", demo_users=True, verbosity=0)
    call_command("seed_shop", demo_users=True, verbosity=0)

    assert set(User.objects.values_list("username", "is_staff")) == {("staff", True), ("ada", False)}
    assert Product.objects.count() == 8
