"""Another coin: the page offers it while nothing was paid, and asks for nothing once the order is paid elsewhere."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.models import Invoice
from cryptopay_django.services import create_invoice, refresh_invoice
from cryptopay_django.services.invoices.customer_state import read_progress
from cryptopay_django.testing.factories import PaymentFactory

from .states import elsewhere, invoice, token

pytestmark = pytest.mark.django_db


def state_of(made: Invoice) -> str:
    progress = read_progress(made.pk)
    assert progress is not None
    return str(progress.state)


def page_of(client, made: Invoice):
    return client.get(reverse("cryptopay_django:checkout", args=[made.pk]))


@pytest.mark.django_db(transaction=True)
def test_a_customer_who_pays_in_one_coin_is_not_asked_for_the_other(cryptopay_sandbox, client):
    order = Group.objects.create(name="order 1")
    first, second = (
        create_invoice(order, price_amount="100", price_currency="EUR", pay_currency=coin) for coin in ("BTC", "ETH")
    )
    cryptopay_sandbox.pay(second)
    refresh_invoice(second)

    page = page_of(client, first)

    assert state_of(first) == "elsewhere"
    assert f"/checkout/{second.pk}/" in page.text
    assert first.address not in page.text
    assert read_progress(first.pk).due_amount is None
    assert (state_of(second), first.address in page_of(client, second).text) == ("seen", False)

    cryptopay_sandbox.pay(first)
    assert state_of(refresh_invoice(first)) == "seen"


def test_what_has_expired_meanwhile_is_left_too(client):
    made = elsewhere(expires_in=-timedelta(minutes=3))

    assert "I have sent it" not in page_of(client, made).text
    assert state_of(made) == "elsewhere"


def of_an_older_payment(order):
    PaymentFactory(invoice=token(order=order, attempt=2), detected_at=timezone.now() - timedelta(hours=1))


def of_what_was_sent_back(order):
    PaymentFactory(invoice=token(order=order, attempt=2, status="refunded"), detected_at=timezone.now())


def of_an_instalment(order):
    PaymentFactory(invoice=token(order=order, attempt=None), detected_at=timezone.now())


def of_another_order(order):
    PaymentFactory(invoice=token(order=Group.objects.create(name="other"), attempt=1), detected_at=timezone.now())


def of_the_other_environment(order):
    PaymentFactory(invoice=token(order=order, attempt=2, environment="production"), detected_at=timezone.now())


@pytest.mark.parametrize(
    "come",
    [of_an_older_payment, of_what_was_sent_back, of_an_instalment, of_another_order, of_the_other_environment],
)
def test_other_money_stops_no_payment(client, come):
    order = Group.objects.create(name="order 1")
    made = invoice(order=order, attempt=1)
    come(order)

    assert state_of(made) == "waiting"
    assert made.address in page_of(client, made).text


def test_an_instalment_that_is_open_beside_a_paid_one_can_be_paid():
    order = Group.objects.create(name="order 1")
    made = invoice(order=order, attempt=None)
    PaymentFactory(invoice=token(order=order, attempt=1), detected_at=timezone.now())

    assert state_of(made) == "waiting"


def test_money_that_came_in_here_counts_here():
    made = elsewhere()
    Invoice.objects.filter(pk=made.pk).update(paid_amount=Decimal("0.0001"))

    assert state_of(made) == "partly_paid"


def test_invoices_without_an_order_have_nothing_to_do_with_each_other():
    made = invoice(attempt=1)
    PaymentFactory(invoice=token(attempt=1), detected_at=timezone.now())

    assert state_of(made) == "waiting"


def test_another_coin_is_offered_where_the_shop_says_where_while_nothing_was_paid(client, settings):
    waiting, paid = invoice(), invoice(paid_amount="0.0001")
    without = page_of(client, waiting).text
    settings.CRYPTOPAY_NEW_INVOICE_URL = lambda invoice: f"/orders/{invoice.custom_id}/pay/"

    assert "Pay with another coin" not in without
    assert (
        f'href="/orders/{waiting.custom_id}/pay/" target="_top">Pay with another coin' in page_of(client, waiting).text
    )
    assert "Pay with another coin" not in page_of(client, paid).text
