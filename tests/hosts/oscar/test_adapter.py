"""What the contract does not ask: the gateway is down, staff act by hand, other methods of payment, permissions, checks."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client, override_settings
from django.utils import timezone
from forked.checkout.views import PaymentDetailsView
from oscar.core.loading import get_model
from shop import InProcess, coins_on, fill_basket, go_to_payment, place_order

from cryptopay_django.contrib.oscar.checks import check_statuses
from cryptopay_django.contrib.oscar.mails import order_path, pay_path
from cryptopay_django.models import HandlerDelivery, Invoice, Refund
from cryptopay_django.services import (
    create_invoice,
    deliver_again,
    make_refund_link,
    name_refund_address,
    process_overdue,
    refund_invoice,
)

Order = get_model("order", "Order")
ADDRESS = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"


def buy(mug, *, coin="BTC/bitcoin"):
    """Let a guest place an order; return the browser, on the page that follows, and the order."""
    browser = InProcess()
    fill_basket(browser, mug)
    go_to_payment(browser, email="ada@example.org")
    place_order(browser, coin=coin)
    return browser, Order.objects.latest("pk")


def pay(sandbox, order):
    invoice = Invoice.objects.for_order(order).first()
    sandbox.pay(invoice)
    sandbox.confirm(invoice)
    sandbox.deliver()
    order.refresh_from_db()
    return invoice


def notes_of(order):
    return " ".join(order.notes.values_list("message", flat=True))


def books_of(order):
    """Return all that is on record for an order."""
    (source,) = order.sources.all()
    return (
        order.status,
        (source.amount_allocated, source.amount_debited, source.amount_refunded),
        list(source.transactions.values_list("txn_type", "amount")),
        list(order.payment_events.values_list("event_type__name", "amount")),
        notes_of(order),
        len(mail.outbox),
    )


def staff_with(*permissions):
    user = get_user_model().objects.create(username="grace", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = InProcess()
    browser.client.force_login(user)
    return browser


def test_the_chosen_coin_leads_straight_to_the_page_for_paying(mug, cryptopay_sandbox):
    browser, order = buy(mug, coin="XRP/ripple")

    invoice = Invoice.objects.for_order(order).get()
    assert browser.path == f"/cryptopay/checkout/{invoice.pk}/"
    assert (invoice.pay_currency, invoice.price_amount, invoice.price_currency) == ("XRP", Decimal(100), "GBP")
    assert order.sources.get().reference == str(invoice.pk)


@override_settings(CRYPTOPAY_NEW_INVOICE_URL="cryptopay_django.contrib.oscar.views.new_invoice_url")
def test_the_page_for_paying_leads_to_another_coin(mug, cryptopay_sandbox):
    browser, order = buy(mug)

    assert f'href="{pay_path(order)}"' in browser.text
    other = create_invoice(price_amount=1, price_currency="GBP", pay_currency="BTC")
    assert "/coins/" not in browser.get(f"/cryptopay/checkout/{other.pk}/").text


def test_a_coin_that_is_not_offered_places_no_order(mug, cryptopay_sandbox):
    browser = InProcess()
    fill_basket(browser, mug)
    go_to_payment(browser, email="ada@example.org").submit("coin", coin="BTC/nowhere")

    assert "Please choose one of these coins." in browser.text
    assert not Order.objects.exists()


def test_an_order_is_placed_while_the_gateway_is_down_and_paid_when_it_is_back(mug, cryptopay_sandbox):
    browser = InProcess()
    fill_basket(browser, mug)
    go_to_payment(browser, email="ada@example.org").submit("coin", coin="BTC/bitcoin")
    cryptopay_sandbox.trouble(error=1)
    browser.submit("action", action="place_order")
    order = Order.objects.get()
    assert browser.path == pay_path(order)
    assert order.status == "Pending"
    assert not Invoice.objects.filter(gateway_id__isnull=False).exists()

    cryptopay_sandbox.trouble(error=0)
    browser.get(pay_path(order)).submit("coin", coin="LTC/litecoin")
    pay(cryptopay_sandbox, order)
    assert order.status == "Being processed"


def test_what_is_delivered_again_changes_nothing(mug, cryptopay_sandbox):
    _, order = buy(mug)
    cryptopay_sandbox.deposit("GBP", "1000")
    invoice = pay(cryptopay_sandbox, order)
    refund_invoice(invoice, actor="grace", reason="came back", amount="40", address=ADDRESS)
    cryptopay_sandbox.advance(hours=1, deliver=True)
    order.refresh_from_db()
    assert (order.status, order.sources.get().amount_refunded) == ("Partly refunded", 40)
    before = books_of(order)

    deliver_again(invoice, actor="grace", reason="a test")

    order.refresh_from_db()
    assert books_of(order) == before


def test_a_cancelled_order_says_that_its_payment_was_closed(mug, cryptopay_sandbox):
    browser, order = buy(mug)
    cryptopay_sandbox.advance(days=15)
    cryptopay_sandbox.deliver()
    order.refresh_from_db()

    page = browser.get(order_path(order)).text

    assert order.status == "Cancelled"
    assert "This payment was closed" in page
    assert "Pay now" not in page


def test_an_order_that_staff_have_moved_on_is_not_cancelled(mug, cryptopay_sandbox):
    _, order = buy(mug)
    order.set_status("Being processed")

    cryptopay_sandbox.advance(days=15)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert Invoice.objects.for_order(order).get().status == "cancelled"
    assert order.status == "Being processed"


def test_a_move_that_the_pipeline_does_not_allow_is_a_note(mug, cryptopay_sandbox):
    _, order = buy(mug)
    order.set_status("Refunded")

    pay(cryptopay_sandbox, order)

    assert order.status == "Refunded"
    assert 'The pipeline does not allow "Being processed" after "Refunded"' in notes_of(order)
    assert order.sources.get().amount_debited == 100


@override_settings(OSCAR_CRYPTOPAY_STATUSES={"paid": "Being processed"})
def test_what_has_no_status_is_a_note(mug, cryptopay_sandbox):
    _, order = buy(mug)
    invoice = Invoice.objects.for_order(order).get()
    cryptopay_sandbox.pay(invoice, "1.2")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert order.status == "Pending"
    assert "needs a decision: overpaid" in notes_of(order)


def test_an_invoice_over_a_part_of_the_price_pays_for_no_order(mug, cryptopay_sandbox):
    _, order = buy(mug)
    order.total_incl_tax = Decimal(150)
    order.save()

    pay(cryptopay_sandbox, order)

    assert order.status == "Needs attention"
    assert "settled for 100 GBP, 50.00 is missing" in notes_of(order)
    assert not order.payment_events.exists()
    InProcess().get(pay_path(order)).submit("coin", coin="BTC/bitcoin")
    rest = pay(cryptopay_sandbox, order)
    assert rest.price_amount == 50
    assert order.status == "Being processed"
    assert order.payment_events.get().amount == 150


def test_an_order_of_another_method_goes_oscars_own_way(mug, cryptopay_sandbox, monkeypatch):
    monkeypatch.setattr(PaymentDetailsView, "is_paid_in_coins", lambda self, total: False)
    browser = InProcess()
    fill_basket(browser, mug)
    go_to_payment(browser, email="ada@example.org").get("/checkout/preview/").submit("action")

    assert browser.path == "/checkout/thank-you/"
    assert [letter.subject for letter in mail.outbox] == [f"Confirmation of order {Order.objects.get().number}"]
    assert not Invoice.objects.exists()


def test_an_order_that_costs_nothing_goes_oscars_own_way(mug, cryptopay_sandbox):
    get_model("partner", "StockRecord").objects.update(price=0)
    browser = InProcess()
    fill_basket(browser, mug)
    browser.get("/checkout/").submit("username", username="ada@example.org", options="anonymous")
    browser.submit(
        "line1", first_name="Ada", last_name="L", line1="1 D", line4="London", postcode="W1U 6QL", country="GB"
    )
    assert browser.path == "/checkout/preview/"
    browser.submit("action")

    assert browser.path == "/checkout/thank-you/"
    assert [letter.subject for letter in mail.outbox] == [f"Confirmation of order {Order.objects.get().number}"]


def test_only_who_has_the_link_of_an_unpaid_order_pays_it(mug, cryptopay_sandbox):
    _, order = buy(mug)
    other = Order.objects.create(number="7", total_incl_tax=1, total_excl_tax=1, currency="GBP", status="Pending")

    assert Client().get(pay_path(order)).status_code == 200
    assert Client().get(pay_path(order).replace(order.number, other.number, 1)).status_code == 404
    pay(cryptopay_sandbox, order)
    for answer in (Client().get(pay_path(order)), Client().post(pay_path(order), {"coin": "BTC/bitcoin"})):
        assert (answer.status_code, answer.headers["Location"]) == (302, order_path(order))
    assert Invoice.objects.count() == 1


def test_the_first_mail_says_that_nothing_is_paid_in_the_customers_language(mug, cryptopay_sandbox):
    browser = InProcess()
    with override_settings(LANGUAGE_CODE="de"):
        fill_basket(browser, mug)
        go_to_payment(browser, email="ada@example.org")
        place_order(browser)

    order = Order.objects.get()
    (letter,) = mail.outbox
    assert letter.subject == f"Bestellung {order.number} ist noch nicht bezahlt"
    assert pay_path(order) in letter.body
    assert pay_path(order) in letter.alternatives[0][0]


def test_a_mail_server_that_is_down_loses_no_order(mug, cryptopay_sandbox):
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1
    ):
        browser, order = buy(mug)
        assert browser.path.startswith("/cryptopay/checkout/")
        pay(cryptopay_sandbox, order)
        assert order.status == "Being processed"
    assert mail.outbox == []

    HandlerDelivery.objects.update(next_attempt_at=timezone.now())
    process_overdue()

    assert [letter.subject for letter in mail.outbox] == [f"Confirmation of order {order.number}"]


def test_a_refund_needs_the_permission(mug, cryptopay_sandbox):
    _, order = buy(mug)
    invoice = pay(cryptopay_sandbox, order)
    page = f"/coins/refund/{order.number}/{invoice.pk}/"

    assert Client().get(page).status_code == 403
    staff = staff_with("view_order", "view_invoice")
    assert staff.get(page).status == 403
    dashboard = staff.get(f"/dashboard/orders/{order.number}/").text
    assert str(invoice.pk) in dashboard
    assert page not in dashboard


def test_a_refund_shows_what_is_wrong_and_sends_nothing(mug, cryptopay_sandbox):
    cryptopay_sandbox.deposit("GBP", "1000")
    _, order = buy(mug)
    invoice = pay(cryptopay_sandbox, order)
    staff = staff_with("view_order", "view_invoice", "refund_invoice_to_address")
    page = f"/coins/refund/{order.number}/{invoice.pk}/"

    staff.get(page).submit("address", amount="100.01", address=ADDRESS, reason="too much")
    assert "more than is left to refund" in staff.text
    staff.get(page).submit("address", amount="10", address="bc1qnothing", reason="wrong")
    assert "Send the coins" not in staff.text
    staff.get(page).submit("address", amount="10", address=ADDRESS, reason="forged", quote="forged")
    assert "Send the coins" in staff.text
    assert not Refund.objects.exists()

    staff.submit("quote")
    assert "The gateway has the refund" in staff.text
    assert Refund.objects.get().value_amount == 10
    assert order.sources.get().amount_refunded == 0


def test_a_quote_that_came_to_nothing_is_not_committed_later(mug, cryptopay_sandbox):
    cryptopay_sandbox.deposit("GBP", "1000")
    _, order = buy(mug)
    invoice = pay(cryptopay_sandbox, order)
    staff = staff_with("view_order", "view_invoice", "refund_invoice_to_address")
    staff.get(f"/coins/refund/{order.number}/{invoice.pk}/")
    staff.submit("address", amount="60", address=ADDRESS, reason="came back")
    refund_invoice(invoice, actor="another", reason="came back", amount="60", address=ADDRESS)

    staff.submit("quote")
    assert "more than is left to refund" in staff.text
    staff.submit("address", amount="40", address=ADDRESS, reason="the rest")

    assert "Send the coins" in staff.text
    assert [refund.value_amount for refund in Refund.objects.all()] == [60]


def test_the_address_that_the_customer_has_named_is_in_the_form(mug, cryptopay_sandbox):
    _, order = buy(mug)
    invoice = pay(cryptopay_sandbox, order)
    name_refund_address(make_refund_link(invoice, actor="grace").token, address=ADDRESS)

    page = staff_with("view_order", "view_invoice", "refund_invoice_to_address")

    assert f'value="{ADDRESS}"' in page.get(f"/coins/refund/{order.number}/{invoice.pk}/").text


def test_guests_see_their_order_after_paying_and_strangers_do_not(mug, cryptopay_sandbox):
    browser, order = buy(mug)
    assert "Pay now" in browser.get(order_path(order)).text

    pay(cryptopay_sandbox, order)

    assert "Pay now" not in browser.get(order_path(order)).text
    assert "Paid" in browser.text
    assert "London" not in InProcess().get(order_path(order)).text


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        ({"paid": "Being processed"}, []),
        ({"paid": "Being processed", "payed": "Cancelled"}, ["cryptopay_oscar.E001"]),
        ({"paid": "Being processed", "attention": "Lost"}, ["cryptopay_oscar.E002"]),
        ({"paid": "Processed"}, ["cryptopay_oscar.W001"]),
        ({}, ["cryptopay_oscar.W001"]),
    ],
)
def test_statuses_that_cannot_work_are_found(statuses, found):
    with override_settings(OSCAR_CRYPTOPAY_STATUSES=statuses):
        assert [message.id for message in check_statuses()] == found


def test_coins_are_offered_in_the_checkout(mug, cryptopay_sandbox):
    browser = InProcess()
    fill_basket(browser, mug)

    assert "BTC/bitcoin" in coins_on(go_to_payment(browser, email="ada@example.org"))
