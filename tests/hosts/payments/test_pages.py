"""The customer's way: to the coin by redirect or form, back to the shop, and no dead end in between."""

from __future__ import annotations

import pytest
from conftest import COIN, again
from django.db import connections
from payments.core import provider_factory

from cryptopay_django.models import Invoice
from cryptopay_django.services import release_invoice, settle_invoice


def url_of(payment):
    return f"/orders/{payment.pk}/pay/"


def test_the_shop_leads_to_the_choice_of_a_coin(client, order):
    payment = order()

    page = client.get(url_of(payment), follow=True)

    assert page.redirect_chain == [(f"http://localhost:8000/cryptopay/pay/{payment.token}/", 302)]
    assert "100.00" in page.text
    assert 'value="USDT/tron"' in page.text


def test_a_fixed_coin_leads_to_its_invoice(client, order):
    payment = order("bitcoin")

    page = client.get(url_of(payment), follow=True)

    invoice = Invoice.objects.get()
    assert page.redirect_chain[-1][0] == f"/cryptopay/checkout/{invoice.pk}/"
    assert (invoice.order, invoice.pay_currency, invoice.price_amount) == (payment, "BTC", 100)
    assert (invoice.name, invoice.payer_email) == ("One mug", "ada@example.org")
    assert again(payment).transaction_id == str(invoice.pk)


def test_every_request_in_a_transaction_is_no_obstacle_on_our_page(client, order, monkeypatch):
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    payment = order()

    client.get(url_of(payment))
    client.post(f"/cryptopay/pay/{payment.token}/", COIN)

    assert Invoice.objects.get().order == payment


@pytest.mark.parametrize("variant", ["dummy", "gone"])
def test_a_payment_by_another_provider_is_not_found(client, order, variant):
    payment = order(variant="coins")
    type(payment).objects.filter(pk=payment.pk).update(variant=variant)

    assert client.get(f"/cryptopay/pay/{payment.token}/").status_code == 404


def test_an_unknown_payment_is_not_found(client, db):
    assert client.get("/cryptopay/pay/9c5b94b1-35ad-49bb-b118-8e8fc24abf80/").status_code == 404


@pytest.mark.parametrize(
    ("status", "result"),
    [("confirmed", "success"), ("rejected", "failure"), ("refunded", "failure"), ("cancelled", "failure")],
)
def test_a_payment_that_has_ended_leads_back_to_the_shop(client, order, status, result):
    payment = order(status=status)

    for page in (url_of(payment), f"/cryptopay/pay/{payment.token}/"):
        assert client.get(page)["Location"] == f"/orders/{payment.pk}/{result}/"


def test_who_comes_back_sees_where_the_payment_stands(client, order, invoice_of, cryptopay_sandbox):
    payment = order()
    invoice = invoice_of(payment)
    back = invoice.success_redirect_url.removeprefix("http://localhost:8000")

    unpaid = client.get(back)["Location"]
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.deliver()
    seen = client.get(back)["Location"]
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    paid = client.get(back)["Location"]
    type(payment).objects.filter(pk=payment.pk).update(status="waiting")  # the shop's receiver has failed so far

    assert unpaid == f"/orders/{payment.pk}/failure/"
    assert seen == f"/cryptopay/checkout/{invoice.pk}/"
    assert paid == client.get(back)["Location"] == f"/orders/{payment.pk}/success/"


def test_an_expired_invoice_leads_to_a_new_one(client, order, invoice_of, cryptopay_sandbox):
    payment = order("bitcoin")
    client.get(url_of(payment), follow=True)
    first = Invoice.objects.get()
    Invoice.objects.update(expires_at=first.created_at)

    client.get(first.unsuccess_redirect_url.removeprefix("http://localhost:8000"))

    assert Invoice.objects.for_order(payment).count() == 2
    assert again(payment).transaction_id == str(Invoice.objects.for_order(payment)[0].pk)


def test_what_is_missing_of_a_short_settlement_can_be_paid(client, order, pay, cryptopay_sandbox):
    payment = pay(order(), "0.6")
    settle_invoice(Invoice.objects.get(), actor="staff", reason="the rest follows")
    short = again(payment)

    paid = pay(payment)

    first, second = Invoice.objects.order_by("created_at")
    assert (short.status, short.captured_amount) == ("waiting", first.settled_amount)
    assert (
        short.message
        == f"settled for {first.settled_amount:f} EUR, which nobody has accepted yet; invoice {first.custom_id}"
    )
    assert second.price_amount == 100 - first.settled_amount
    assert (paid.status, paid.captured_amount, paid.message) == ("confirmed", 100, "")
    assert paid.shipments.count() == 1


def test_an_accepted_shortfall_confirms_what_came(order, pay):
    payment = pay(order(), "0.6")
    settle_invoice(Invoice.objects.get(), actor="staff", reason="near enough")

    release_invoice(Invoice.objects.get(), actor="staff", reason="near enough", accept_shortfall=True)

    paid = again(payment)
    assert (paid.status, paid.captured_amount) == ("confirmed", Invoice.objects.get().settled_amount)


def test_nothing_calls_back_at_the_hosts_url(client, db):
    answer = client.post("/payments/process/coins/", {})

    assert answer.status_code == 404
    assert "callback URL" in answer.json()["error"]


def test_a_provider_of_the_shop_changes_the_invoice(order):
    payment = order()
    provider = provider_factory("coins", payment)

    options = provider.get_invoice_options(payment)

    assert options["success_redirect_url"] == f"http://localhost:8000/payments/process/{payment.token}/"
    assert options["unsuccess_redirect_url"] == f"http://localhost:8000/cryptopay/pay/{payment.token}/"
