"""Whole purchases, on the pages and over the wire."""

from decimal import Decimal

import pytest
import requests
from requests.adapters import HTTPAdapter

from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.services import deliver_again, payment_summary, refresh_invoice, release_invoice
from example_project.shop.models import LedgerEntry, Order, balance_of


@pytest.mark.parametrize("coin", ["BTC/bitcoin", "ETH/ethereum", "USDT/tron"])
def test_a_paid_order_is_shipped(coin, buy, settle, shipments):
    order = buy(coin)
    assert (order.status, order.amount, shipments()) == ("open", Decimal("33.00"), [])

    settle(order.invoices.get())

    order.refresh_from_db()
    event = InvoiceEvent.objects.get(kind="invoice_completed")
    assert order.status == "paid"
    assert order.paid_by == order.invoices.get()
    assert shipments() == [str(event.uuid)] == [str(order.shipment_key)]


def test_checking_out_leads_to_the_payment_page(browser):
    browser.post("/cart/enamel-mug/", {"quantity": 1})

    choice = browser.post("/checkout/", {"name": "Ada", "address": "London"})["Location"]
    assert "USDT/tron" in browser.get(choice).text
    answer = browser.post(choice, {"coin": "BTC/bitcoin"})

    invoice = Invoice.objects.get()
    assert answer["Location"] == f"/cryptopay/checkout/{invoice.pk}/"
    assert invoice.address in browser.get(answer["Location"]).text
    assert invoice.success_redirect_url == f"http://testserver/orders/{invoice.order.reference}/"
    assert invoice.order == Order.objects.get()
    assert invoice.description == f"Order {invoice.order.reference}"


def test_nothing_is_shipped_before_the_gateway_says_completed(buy, cryptopay_sandbox, shipments):
    order = buy()

    cryptopay_sandbox.pay(order.invoices.get())
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert (order.status, shipments()) == ("open", [])


def test_a_resent_callback_pays_and_ships_nothing_again(buy, settle, cryptopay_sandbox, shipments):
    order = buy()
    invoice = order.invoices.get()
    settle(invoice)
    order.refresh_from_db()
    before = (order.paid_at, order.shipment_key, shipments())

    for callback in cryptopay_sandbox.callbacks(invoice):
        cryptopay_sandbox.resend(callback)
    answers = cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert {answer.status for answer in answers} == {200}
    assert (order.paid_at, order.shipment_key, shipments()) == before
    assert not LedgerEntry.objects.exists()


def test_pressing_the_button_twice_makes_one_invoice(buy, browser):
    order = buy()

    first = browser.post(f"/orders/{order.reference}/pay/", {"coin": "BTC/bitcoin"})
    second = browser.post(f"/orders/{order.reference}/pay/", {"coin": "BTC/bitcoin"})

    assert first["Location"] == second["Location"] == f"/cryptopay/checkout/{order.invoices.get().pk}/"


def test_a_new_quote_after_the_old_one_ran_out_is_a_new_invoice(buy, browser):
    order = buy()
    old = order.invoices.get()
    order.invoices.update(expires_at=old.created_at)

    answer = browser.post(f"/orders/{order.reference}/pay/", {"coin": "BTC/bitcoin"})

    new = order.invoices.exclude(pk=old.pk).get()
    assert answer["Location"] == f"/cryptopay/checkout/{new.pk}/"


class Failing(HTTPAdapter):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def send(self, request, *args, **kwargs):
        raise self.error(request=request)


@pytest.mark.parametrize("error", [requests.ConnectTimeout, requests.ReadTimeout])
def test_an_order_survives_a_gateway_that_does_not_answer(error, browser, settings):
    gateway = settings.CRYPTOPAY_HTTP_ADAPTER
    browser.post("/cart/enamel-mug/", {"quantity": 1})
    choice = browser.post("/checkout/", {"name": "Ada", "address": "London"})["Location"]
    browser.get(choice)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: Failing(error)
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.1  # it gives up soon
    order = Order.objects.get()
    assert "The payment service does not answer." in browser.post(choice, {"coin": "BTC/bitcoin"}).text
    assert "Not paid yet" in browser.get(order.get_absolute_url()).text

    settings.CRYPTOPAY_HTTP_ADAPTER = gateway
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 10
    answer = browser.post(choice, {"coin": "BTC/bitcoin"})

    assert answer["Location"] == f"/cryptopay/checkout/{order.invoices.get().pk}/"


def test_an_order_that_was_paid_for_is_not_offered_again(buy, browser, cryptopay_sandbox):
    order = buy()
    cryptopay_sandbox.pay(order.invoices.get())
    cryptopay_sandbox.deliver()

    again = browser.get(f"/orders/{order.reference}/pay/")

    assert again["Location"] == f"/cryptopay/checkout/{order.invoices.get().pk}/"


def test_an_expired_quote_leads_to_a_new_one(buy, browser, settings):
    settings.CRYPTOPAY_NEW_INVOICE_URL = "example_project.shop.checkout.where_to_pay_again"
    order = buy()
    order.invoices.update(expires_at=order.created_at)

    page = browser.get(f"/cryptopay/checkout/{order.invoices.get().pk}/").text

    assert f'href="/orders/{order.reference}/pay/"' in page


def test_an_order_paid_twice_is_shipped_once_and_the_second_payment_is_credited(buy, browser, settle, ada, shipments):
    order = buy("BTC/bitcoin")
    browser.post(f"/orders/{order.reference}/pay/", {"coin": "ETH/ethereum"})
    first, second = order.invoices.order_by("created_at")

    settle(second)
    settle(first)

    order.refresh_from_db()
    assert (order.status, order.paid_by) == ("paid", second)
    assert len(shipments()) == 1
    assert balance_of(ada) == Decimal("33.00")


def test_an_underpaid_order_waits_for_a_person_and_is_not_shipped(buy, settle, cryptopay_sandbox, shipments):
    order = buy()
    settle(order.invoices.get(), factor="0.5")

    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert (order.status, shipments()) == ("attention", [])


def test_an_order_settled_short_is_shipped_when_a_person_accepts_it(buy, settle, cryptopay_sandbox, shipments):
    cryptopay_sandbox.settings(underpaid="recalculate")
    order = buy()
    settle(order.invoices.get(), factor="0.9")
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()
    order.refresh_from_db()
    assert (order.status, shipments()) == ("attention", [])

    release_invoice(order.invoices.get(), actor="stella", reason="a good customer", accept_shortfall=True)

    order.refresh_from_db()
    assert (order.status, len(shipments())) == ("paid", 1)


def test_what_was_paid_too_much_is_credited(buy, settle, cryptopay_sandbox, ada, shipments):
    cryptopay_sandbox.settings(overpaid="recalculate")
    order = buy()

    settle(order.invoices.get(), factor="2")

    order.refresh_from_db()
    settled = order.invoices.get().settled_amount
    assert (order.status, len(shipments())) == ("paid", 1)
    assert balance_of(ada) == settled - order.amount > 0


def test_a_held_payment_is_not_shipped_until_the_desk_lets_it_go(buy, settle, cryptopay_sandbox, shipments):
    order = buy()
    invoice = order.invoices.get()
    settle(invoice, risk="high")
    order.refresh_from_db()
    assert (order.status, shipments()) == ("attention", [])

    cryptopay_sandbox.decide(invoice, "complete")
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert (order.status, len(shipments())) == ("paid", 1)


def test_a_refunded_payment_closes_the_order(buy, settle, cryptopay_sandbox, shipments):
    cryptopay_sandbox.settings(underpaid="refund")
    order = buy()
    settle(order.invoices.get(), factor="0.5")

    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert (order.status, shipments()) == ("refunded", [])


def test_an_order_that_nobody_pays_is_cancelled(buy, cryptopay_sandbox, shipments):
    order = buy()

    cryptopay_sandbox.advance(days=15)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert (order.status, shipments()) == ("cancelled", [])


def test_a_paid_order_stays_paid_when_an_older_invoice_is_cancelled(buy, browser, settle, cryptopay_sandbox):
    order = buy("BTC/bitcoin")
    browser.post(f"/orders/{order.reference}/pay/", {"coin": "ETH/ethereum"})
    settle(order.invoices.get(pay_currency="ETH"))

    cryptopay_sandbox.advance(days=15)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert order.invoices.get(pay_currency="BTC").status == "cancelled"
    assert order.status == "paid"


def test_an_order_waits_on_while_another_of_its_invoices_can_be_paid(buy, browser, cryptopay_sandbox):
    order = buy("BTC/bitcoin")
    cryptopay_sandbox.advance(days=10)
    browser.post(f"/orders/{order.reference}/pay/", {"coin": "ETH/ethereum"})

    cryptopay_sandbox.advance(days=5)
    cryptopay_sandbox.deliver()

    order.refresh_from_db()
    assert order.invoices.get(pay_currency="BTC").status == "cancelled"
    assert order.status == "open"


def test_an_order_is_paid_by_polling_when_every_callback_is_lost(buy, cryptopay_sandbox, shipments):
    order = buy()
    cryptopay_sandbox.pay(order.invoices.get())
    cryptopay_sandbox.confirm(order.invoices.get())

    refresh_invoice(order.invoices.get())

    order.refresh_from_db()
    assert (order.status, len(shipments())) == ("paid", 1)


def test_what_is_missing_of_an_order_settled_short_can_be_paid(
    buy, browser, settle, cryptopay_sandbox, shipments, ada
):
    cryptopay_sandbox.settings(underpaid="recalculate")
    order = buy()
    settle(order.invoices.get(), factor="0.9")
    cryptopay_sandbox.advance(minutes=11)
    cryptopay_sandbox.deliver()
    rest = payment_summary(order, due_amount=order.amount, currency="EUR").remaining_amount
    page = f"/orders/{order.reference}/pay-rest/"
    assert 0 < rest < order.amount
    assert f"Pay the missing €{rest:.2f}" in browser.get(f"/orders/{order.reference}/").text
    assert f"{rest:.2f}\u00a0EUR" in browser.get(page).text

    first, second = (browser.post(page, {"coin": "BTC/bitcoin"})["Location"] for _ in range(2))
    assert (first == second, order.invoices.count()) == (True, 2)
    settle(order.invoices.first())

    order.refresh_from_db()
    assert (order.status, len(shipments()), balance_of(ada)) == ("paid", 1, 0)
    assert order.invoices.first().price_amount == rest
    assert "Pay the missing" not in browser.get(f"/orders/{order.reference}/").text
    assert browser.get(page)["Location"] == f"/orders/{order.reference}/"


def test_nobody_pays_the_rest_of_an_open_order_or_while_a_payment_is_pending(buy, browser, settle, cryptopay_sandbox):
    order = buy()
    cryptopay_sandbox.pay(order.invoices.get(), factor="0.5")
    cryptopay_sandbox.deliver()
    page = f"/orders/{order.reference}/pay-rest/"

    answer = browser.post(page, {"coin": "BTC/bitcoin"})

    assert answer["Location"] == f"/cryptopay/checkout/{order.invoices.get().pk}/"
    assert "Pay the missing" not in browser.get(f"/orders/{order.reference}/").text


def test_what_is_delivered_again_credits_and_ships_nothing(buy, settle, shipments, ada):
    order = buy()
    settle(order.invoices.get())
    shipped = shipments()

    assert deliver_again(order.invoices.get(), actor="stella") > 0

    assert balance_of(ada) == 0
    assert shipments() == shipped
