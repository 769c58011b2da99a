"""What must not happen to an order or its money, whatever staff, customers and the shop's own code do."""

import re

import pytest
from django.test import Client, override_settings
from forked.checkout.views import PaymentDetailsView
from oscar.apps.order.signals import order_status_changed
from oscar.core.loading import get_model
from shop import InProcess, coins_on, fill_basket, go_to_payment
from test_adapter import ADDRESS, books_of, buy, notes_of, pay, staff_with

from cryptopay_django.contrib.oscar import cryptopay_handlers
from cryptopay_django.contrib.oscar.checks import check_pages
from cryptopay_django.contrib.oscar.mails import order_path, pay_path
from cryptopay_django.models import Invoice, InvoiceEvent, Refund
from cryptopay_django.services import (
    create_invoice,
    deliver_again,
    process_overdue,
    refund_invoice,
    release_invoice,
    settle_invoice,
)

Order = get_model("order", "Order")
REFUNDERS = ("view_order", "view_invoice", "refund_invoice_to_address")


def settle(sandbox, invoice, factor="1", **how):
    sandbox.pay(invoice, factor, **how)
    sandbox.confirm(invoice)
    sandbox.deliver()
    process_overdue()


# An order that is paid in another way.


def test_an_order_of_another_method_asks_for_no_coins(mug, cryptopay_sandbox, monkeypatch):
    monkeypatch.setattr(PaymentDetailsView, "is_paid_in_coins", lambda self, total: False)
    browser = InProcess()
    fill_basket(browser, mug)
    go_to_payment(browser, email="ada@example.org").get("/checkout/preview/").submit("action")
    order = Order.objects.get()

    assert "Pay now" not in browser.text
    browser.client.session["anon_order_email"] = "ada@example.org"
    dashboard = staff_with("view_order").get(f"/dashboard/orders/{order.number}/").text
    assert "Crypto payments" not in dashboard
    page = Client().get(pay_path(order))
    assert (page.status_code, page.headers.get("Location")) == (302, order_path(order))
    Client().post(pay_path(order), {"coin": "BTC/bitcoin"})
    assert not Invoice.objects.exists()


# Numbers of orders.


@pytest.mark.parametrize("number", ["A.17", "2026/17", "№ 17?#"])
def test_an_order_with_an_odd_number_is_paid(mug, cryptopay_sandbox, monkeypatch, number):
    monkeypatch.setattr(PaymentDetailsView, "generate_order_number", lambda self, basket: number)

    browser, order = buy(mug)

    assert order.number == number
    assert browser.path.startswith("/cryptopay/checkout/")
    assert "BTC/bitcoin" in coins_on(InProcess().get(pay_path(Order.objects.get()))) or Invoice.objects.exists()
    pay(cryptopay_sandbox, order)
    assert order.status == "Being processed"
    assert not InvoiceEvent.objects.filter(attempts__gt=0, delivered_at=None).exists()
    assert Client().get(pay_path(order)).status_code == 302


# What is due, and what came.


def test_the_rest_and_then_the_accepted_shortfall_are_not_paid_twice(mug, cryptopay_sandbox):
    _, order = buy(mug)
    first = Invoice.objects.for_order(order).get()
    cryptopay_sandbox.pay(first, "0.6")
    cryptopay_sandbox.confirm(first)
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()
    settle_invoice(first, actor="grace", reason="the rest follows")
    InProcess().get(pay_path(order)).submit("coin", coin="LTC/litecoin")
    pay(cryptopay_sandbox, order)
    assert order.status == "Being processed"

    release_invoice(Invoice.objects.get(pk=first.pk), actor="grace", reason="tidy up", accept_shortfall=True)

    assert "paid twice" not in notes_of(order)


def test_a_price_that_was_raised_before_the_payment_needs_a_new_invoice(mug, cryptopay_sandbox):
    _, order = buy(mug)
    Order.objects.update(total_incl_tax=150)

    InProcess().get(pay_path(order)).submit("coin", coin="BTC/bitcoin")

    assert sorted(Invoice.objects.values_list("price_amount", flat=True)) == [100, 150]


def test_an_invoice_in_another_currency_pays_for_no_order(mug, cryptopay_sandbox):
    _, order = buy(mug)
    other = create_invoice(order=order, price_amount=100, price_currency="EUR", pay_currency="BTC")

    settle(cryptopay_sandbox, other)

    order.refresh_from_db()
    assert (order.status, order.payment_events.count()) == ("Needs attention", 0)
    assert staff_with(*REFUNDERS).get(f"/dashboard/orders/{order.number}/").status == 200


def test_a_deleted_order_holds_nothing_up(mug, cryptopay_sandbox):
    _, order = buy(mug)
    invoice = Invoice.objects.get()
    order.delete()

    settle(cryptopay_sandbox, invoice)

    assert not InvoiceEvent.objects.filter(attempts__gt=0, delivered_at=None).exists()


def test_a_receiver_of_the_shop_that_fails_books_nothing_twice(mug, cryptopay_sandbox):
    _, order = buy(mug)

    def fail(sender, **kwargs):
        raise RuntimeError("the stock is away")

    order_status_changed.connect(fail)
    try:
        pay(cryptopay_sandbox, order)
    finally:
        order_status_changed.disconnect(fail)
    assert (order.status, order.payment_events.count()) == ("Pending", 0)
    InvoiceEvent.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=order.date_placed)
    process_overdue()

    order.refresh_from_db()
    assert (order.status, order.payment_events.count()) == ("Being processed", 1)
    assert order.sources.get().amount_debited == 100


def test_a_process_that_dies_before_the_commit_books_nothing_twice(mug, cryptopay_sandbox, monkeypatch):
    _, order = buy(mug)

    def die(*arguments):
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(cryptopay_handlers, "move", die)
        pay(cryptopay_sandbox, order)
    InvoiceEvent.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=order.date_placed)
    process_overdue()

    order.refresh_from_db()
    assert (order.status, order.payment_events.count()) == ("Being processed", 1)
    assert order.sources.get().amount_debited == 100


@pytest.mark.parametrize(("factor", "risk", "words"), [("1.2", "low", "overpaid"), ("1", "high", "held as high-risk")])
def test_staff_read_in_words_what_is_wrong_and_once(mug, cryptopay_sandbox, factor, risk, words):
    _, order = buy(mug)
    settle(cryptopay_sandbox, Invoice.objects.get(), factor, risk=risk)
    before = books_of(order)

    deliver_again(Invoice.objects.get(), actor="grace", reason="a test")

    assert books_of(order) == before
    assert f"needs a decision: {words}; invoice " in notes_of(order)
    page = staff_with("view_order", "view_invoice").get(f"/dashboard/orders/{order.number}/").text
    assert f"unresolved: {words}" in page


# Refunds in the dashboard.


def quoted(mug, sandbox):
    sandbox.deposit("GBP", "1000")
    _, order = buy(mug)
    invoice = pay(sandbox, order)
    staff = staff_with(*REFUNDERS)
    staff.get(f"/coins/refund/{order.number}/{invoice.pk}/")
    return order, invoice, staff.submit("address", amount="40", address=ADDRESS, reason="came back")


def test_a_button_that_is_pressed_twice_sends_once_and_offers_no_second_refund(mug, cryptopay_sandbox):
    order, _, staff = quoted(mug, cryptopay_sandbox)
    page = (staff.path, staff.text)
    staff.submit("quote")

    staff.path, staff.text = page
    staff.submit("quote")

    assert staff.path == f"/dashboard/orders/{order.number}/"
    assert "was sent before" in staff.text
    assert [refund.value_amount for refund in Refund.objects.all()] == [40]


def test_a_quote_of_another_invoice_sends_nothing(mug, cryptopay_sandbox):
    _, _, staff = quoted(mug, cryptopay_sandbox)
    quote = re.search(r'name="quote" value="([^"]+)"', staff.text)[1]
    _, other = buy(mug)
    invoice = pay(cryptopay_sandbox, other)

    staff.get(f"/coins/refund/{other.number}/{invoice.pk}/")
    staff.submit("address", amount="90", address=ADDRESS, reason="forged", quote=quote)

    assert not Refund.objects.exists()
    assert "Send the coins" in staff.text


def test_an_invoice_of_another_order_is_not_found(mug, cryptopay_sandbox):
    _, order = buy(mug)
    _, other = buy(mug)
    invoice = pay(cryptopay_sandbox, other)

    assert staff_with(*REFUNDERS).get(f"/coins/refund/{order.number}/{invoice.pk}/").status == 404


def test_a_refund_needs_the_token_of_the_form(mug, cryptopay_sandbox):
    _, order = buy(mug)
    invoice = pay(cryptopay_sandbox, order)
    staff = staff_with(*REFUNDERS)
    staff.client.handler.enforce_csrf_checks = True

    sent = staff.post(
        f"/coins/refund/{order.number}/{invoice.pk}/", {"amount": "1", "address": ADDRESS, "reason": "x"}
    )

    assert sent.status == 403


def test_refunds_of_both_screens_are_booked_once_each(mug, cryptopay_sandbox):
    order, invoice, staff = quoted(mug, cryptopay_sandbox)
    staff.submit("quote")
    refund_invoice(invoice, actor="ben", reason="another", amount="60", address=ADDRESS)
    for _ in range(3):
        cryptopay_sandbox.advance(hours=1, deliver=True)
    process_overdue()

    order.refresh_from_db()
    assert order.sources.get().amount_refunded == 100
    assert sorted(order.payment_events.values_list("amount", flat=True)) == [40, 60, 100]
    assert order.status == "Refunded"


# Settings.


@override_settings(ROOT_URLCONF="cryptopay_django.urls")
def test_pages_that_are_not_mounted_are_found():
    (message,) = check_pages()
    assert message.id == "cryptopay_oscar.E003"
