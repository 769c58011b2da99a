"""Purchases over real HTTP, in oscar's own checkout: a guest and a customer with an account, paid and paid twice."""

import re
from decimal import Decimal

import pytest
from served import served
from shop import OverHttp, coins_on, fill_basket, go_to_payment, place_order


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(tmp_path_factory.mktemp("shop")) as running:
        yield running


def pay(site, invoice):
    site.control("pay", invoice_id=invoice["id"])
    site.control("confirm", invoice_id=invoice["id"])


def test_a_guest_buys_with_one_choice_of_a_coin(site):
    guest = OverHttp(site.url)
    fill_basket(guest, site.mug)
    go_to_payment(guest, email="ada@example.org")
    assert {"BTC/bitcoin", "ETH/ethereum"} <= set(coins_on(guest))

    place_order(guest, coin="ETH/ethereum")
    assert re.match(r"/cryptopay/", guest.path), guest.path
    invoice = site.newest_invoice()
    assert Decimal(invoice["price_amount"]) == 100
    assert (invoice["price_currency"], invoice["pay_currency"]) == ("GBP", "ETH")
    (before,) = site.mails()
    assert "is not paid yet" in before
    order_page = invoice["success_redirect_url"].removeprefix(site.url)
    assert "Waiting for your payment" in guest.get(order_page).text

    pay(site, invoice)
    assert "Paid" in guest.get(order_page).text
    assert "Being processed" in guest.text
    _, after = site.mails()
    assert "Confirmation of order" in after

    stranger = OverHttp(site.url).get(order_page)
    assert "Dorset Street" not in stranger.text


def test_a_customer_with_an_account_buys(site):
    customer = OverHttp(site.url)
    secret = "correct-horse-battery"
    customer.get("/accounts/login/").submit(
        "registration-email",
        **{
            "registration-email": "grace@example.org",
            "registration-password1": secret,
            "registration-password2": secret,
            "registration_submit": "1",
        },
    )
    fill_basket(customer, site.mug)
    go_to_payment(customer)
    place_order(customer)
    invoice = site.newest_invoice()

    pay(site, invoice)

    assert "Being processed" in customer.get(invoice["success_redirect_url"].removeprefix(site.url)).text
    assert "/accounts/orders/" in customer.path


def test_an_expired_invoice_is_renewed_and_both_are_paid(site):
    guest = OverHttp(site.url)
    fill_basket(guest, site.mug)
    go_to_payment(guest, email="joan@example.org")
    place_order(guest)
    first = site.newest_invoice()
    again = first["unsuccess_redirect_url"].removeprefix(site.url)

    guest.get(again).submit("coin", coin="LTC/litecoin")
    second = site.newest_invoice()
    assert second["id"] != first["id"]
    pay(site, first)
    pay(site, second)

    number = again.split("/")[4].split(":")[0]
    staff = OverHttp(site.url)
    site.manage("shell", "--no-imports", "-c", MAKE_STAFF)
    staff.get("/dashboard/login/").submit("password", username="staff@example.org", password="staff-only")
    page = staff.get(f"/dashboard/orders/{number}/").text
    assert "Paid twice" in page
    assert "This needs a decision: paid twice: see its invoices." in page
    assert page.count("£100.00") > 2
    assert len([letter for letter in site.mails() if f"Confirmation of order {number}" in letter]) == 1


MAKE_STAFF = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("staff", "staff@example.org", "staff-only")
"""
