"""After a customer is erased, no table of ours and no line of the admin's log says who that was."""

from __future__ import annotations

from datetime import UTC, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.utils import timezone

from cryptopay_django.mails import send_customer_mails
from cryptopay_django.models import HandlerDelivery, Invoice, Payment, PaymentLink
from cryptopay_django.services import (
    Period,
    begin_books,
    cancel_payment_link,
    create_channel,
    create_invoice,
    erase_customer,
    keep_books,
    make_refund_link,
    name_refund_address,
    read_statement,
    refund_invoice,
    withdraw_resolution,
    write_statement,
)
from cryptopay_django.services.payment_links.use import begin_use
from cryptopay_django.testing.factories import CallbackFactory
from tests.services.desk import ADDRESS, unresolved

from .conftest import filled

EMAIL = "Ada@Example.org"
NAME, COIN_ADDRESS, NAMED = (
    "Ada Lovelace",
    "tb1qsourceofcoins",
    "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
)


def everything() -> dict[str, str]:
    """Return all rows of all our tables, and Django's log of the admin, as text by table."""
    models = [*apps.get_app_config("cryptopay_django").get_models(), LogEntry]
    return {
        model.__name__: "\n".join(
            str([bytes(value) if isinstance(value, memoryview) else value for value in row])
            for row in model._base_manager.values_list()
        )
        for model in models
    }


def tables_with(*texts: str) -> dict[str, list[str]]:
    """Return the tables in which a text can still be read, in upper or lower case."""
    rows = {name: text.casefold() for name, text in everything().items()}
    return {text: found for text in texts if (found := [name for name in rows if text.casefold() in rows[name]])}


@pytest.mark.django_db(transaction=True)
def test_no_column_of_ours_holds_the_mail_name_or_address_of_an_erased_customer(
    cryptopay_sandbox, settings, desk, login
):
    settings.CRYPTOPAY_CUSTOMER_MAILS = ["created", "paid", "refunded", "review"]
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(1)}
    begin_books("default", at=last_days().since)
    client = login("finance")
    told = {
        "customer_id": "customer-4711", "payer_email": EMAIL, "name": NAME, "description": f"for {NAME}",
        "metadata": {"who": NAME}, "success_redirect_url": f"https://shop.example/?mail={EMAIL}",
    }  # fmt: skip
    # An invoice with mails, an address that was named, and a refund to it that was withdrawn.
    invoice = unresolved(cryptopay_sandbox, **told)
    name_refund_address(make_refund_link(invoice, actor="ben").token, address=NAMED)
    planned = refund_invoice(invoice, actor="ben", reason="asked by phone", address=NAMED)
    withdraw_resolution(planned, actor="eve", reason="asked again")
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {}
    refund_invoice(Invoice.objects.get(pk=invoice.pk), actor="ben", reason="x", address=ADDRESS)
    # Payment links: one that is paid, with a text that names her, and one that has her address as its reference.
    link = make_link(client, desk, description=f"Lesson for {NAME}", reference=EMAIL)
    other = make_link(client, desk, description="Lesson", reference=EMAIL, uses="often")
    cancel_payment_link(other, actor="ben")
    paid = create_invoice(begin_use(link, amount=Decimal(50)), price_amount=50, price_currency="EUR",
                          pay_currency="BTC", description=link.description)  # fmt: skip
    cryptopay_sandbox.pay(paid)
    cryptopay_sandbox.confirm(paid)
    # A channel, with a payment, and the admin's log of it.
    channel = create_channel(
        User.objects.get(username="finance"),
        pay_currency="BTC",
        receiver_currency="EUR",
        name=NAME,
        customer_id="customer-4711",
    )
    cryptopay_sandbox.pay(channel, "0.01")
    cryptopay_sandbox.confirm(channel)
    cryptopay_sandbox.deliver()
    Payment.objects.filter(invoice=invoice).update(source_addresses=[COIN_ADDRESS])
    url = desk.url("channel_disable", channel.pk)
    client.post(url, filled(client.get(url), reason="bye"))
    HandlerDelivery.objects.update(last_error=f"to {EMAIL}")
    send_customer_mails()
    body = b'{"type": "Subscription", "event": "x", "data": {"customer_id": "customer-4711", "payer_name": "Ada"}}'
    CallbackFactory(body=body, outcome="applied", next_attempt_at=None)
    keep_books("default")
    marks = ("ada@example.org", NAME, COIN_ADDRESS, NAMED, "customer-4711")
    assert set(tables_with(*marks)) == set(marks)  # all of it was there

    result = erase_customer(customer_id="customer-4711", payer_email=EMAIL)

    assert (result.left, result.left_callbacks) == ({}, {})
    assert tables_with(*marks) == {}
    assert set(tables_with(ADDRESS)[ADDRESS]) <= {
        "Refund",
        "Resolution",
        "Approval",
        "InvoiceEvent",
    }  # the coins went there
    lines = b"".join(write_statement(read_statement("default", last_days()), "csv")).decode().casefold()
    assert not [mark for mark in marks if mark.casefold() in lines]


def make_link(client, desk, **values):
    """Make a payment link in the admin, which writes its log."""
    form = {"price_amount": "50", "price_currency": "EUR", "kind": "link", "uses": "once", **values}
    client.post(desk.url("paymentlink_add"), form)
    return PaymentLink.objects.latest("created_at")


def last_days() -> Period:
    """Return yesterday and today."""
    today = timezone.now().astimezone(UTC).date()
    return Period(today - timedelta(days=1), today + timedelta(days=1), "UTC")
