"""A customer whose data stands in the bytes of callbacks alone: each is found, in whatever member, and deleted."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cryptopay_django.models import (
    Callback,
    InvoiceEvent,
    PaymentLink,
)
from cryptopay_django.services import (
    create_payment_link,
    erase_customer,
)
from cryptopay_django.services.payment_links.use import begin_use
from cryptopay_django.testing.factories import CallbackFactory, ChannelPaymentFactory, InvoiceFactory

pytestmark = pytest.mark.django_db

EMAIL = "Ada@Example.org"


def stored(data, type="CoinWithdrawal", **values):  # noqa: A002  the wire's name
    body = data if isinstance(data, bytes) else json.dumps({"type": type, "event": "created", "data": data}).encode()
    return CallbackFactory(body=body, **{"outcome": "applied", "next_attempt_at": None, **values})


@pytest.mark.parametrize(
    ("type", "data"),
    [
        ("CoinWithdrawal", {"id": "1", "customer_id": "c-17"}),
        ("Subscription", {"id": "1", "payer_email": "ada@example.org", "payer_name": "Ada"}),
        ("Subscription", {"id": "1", "product_description": "for <ADA@example.org>"}),
        ("ChannelPayment", {"id": "1", "customer_id": "c-17"}),
        ("Invoice", {"id": "1", "metadata": {"mail": "ada@example.org"}}),
        ("Invoice", {"id": "1", "metadata": {"ada@example.org": "yes"}}),
        ("BankDeposit", {"parties": [{"customer": {"id": "c-17", "name": "Ada"}}]}),
        ("BankDeposit", {"parties": [{"beneficiary": {"customer_id": "c-17"}}]}),
    ],
)
def test_a_callback_that_names_the_customer_is_deleted_and_no_other(type, data):  # noqa: A002
    named = stored(data, type)
    other = stored({"id": "c-17", "customer_id": "c-170", "payer_email": "bea@example.org"}, type)

    result = erase_customer(customer_id="c-17", payer_email=EMAIL)

    assert (result.callbacks, result.erased, result.left, result.left_callbacks) == (1, 0, {}, {})
    assert list(Callback.objects.all()) == [other]
    assert named != other


def test_an_escaped_or_a_numeric_id_is_found_too():
    stored(b'{"type": "CoinWithdrawal", "event": "created", "data": {"customer_\\u0069d": "c-\\u00317"}}')
    stored({"customer_id": 17}, "Subscription")
    stored({"customer_id": True}, "Subscription")

    assert erase_customer(customer_id="c-17").callbacks == 1
    assert erase_customer(customer_id="17").callbacks == 1
    assert Callback.objects.count() == 1


def test_a_body_that_is_no_json_is_searched_as_text():
    stored(b"payer=ADA@example.org&x=1", outcome="unreadable")
    stored(b"payer=bea@example.org&x=1", outcome="unreadable")

    assert erase_customer(payer_email=EMAIL).callbacks == 1
    assert Callback.objects.count() == 1


def test_an_empty_id_names_nobody():
    stored({"customer_id": "", "payer_email": ""})

    assert erase_customer(payer_email=EMAIL).callbacks == 0
    assert erase_customer(customer_id="c-17").callbacks == 0


def test_many_callbacks_are_read_in_chunks(monkeypatch):
    monkeypatch.setattr("cryptopay_django.services.personal_data._CHUNK", 2)
    for number in range(7):
        stored({"id": str(number), "customer_id": "c-17" if number % 2 else "c-18"})

    assert erase_customer(customer_id="c-17").callbacks == 3
    assert Callback.objects.count() == 4


def test_what_is_pending_is_left_and_named(capsys):
    pending = stored({"customer_id": "c-17"}, outcome="pending", next_attempt_at=timezone.now())
    undelivered = stored({"customer_id": "c-17"}, "Subscription")
    event = InvoiceEvent.objects.create(
        subject=undelivered.subject,
        callback=undelivered,
        kind="callback_received",
        created_at=timezone.now(),
        next_attempt_at=timezone.now(),
        last_error="of Ada",
    )

    result = erase_customer(customer_id="c-17")

    assert result.left_callbacks == {pending.pk: "it is pending", undelivered.pk: "its event is pending"}
    with pytest.raises(CommandError, match="2 left"):
        call_command("cryptopay_prune", erase_customer="c-17")
    assert f"callback {pending.pk}: it is pending" in capsys.readouterr().err
    Callback.objects.update(outcome="applied", next_attempt_at=None)
    InvoiceEvent.objects.update(next_attempt_at=None, delivered_at=timezone.now())
    call_command("cryptopay_prune", erase_customer="c-17")
    assert "2 callbacks that name the customer deleted" in capsys.readouterr().out
    event.refresh_from_db()
    assert (event.callback, event.last_error) == (None, "")


@pytest.mark.parametrize("state", [{"status": "on_hold"}, {"status": "completed", "quarantine_reason": "why"}])
def test_a_callback_of_a_payment_that_is_open_or_held_is_left(state):
    payment = ChannelPaymentFactory(**state)
    callback = stored({"customer_id": "c-17"}, "ChannelPayment", channel_payment=payment)

    assert erase_customer(customer_id="c-17").left_callbacks == {
        callback.pk: "its channel payment is open, or held for a person"
    }


def test_a_callback_of_a_payment_that_has_ended_goes_although_the_channel_here_names_nobody():
    payment = ChannelPaymentFactory(status="completed", finished_at=timezone.now() - timedelta(days=1))
    stored({"customer_id": "c-17"}, "ChannelPayment", channel_payment=payment)

    assert erase_customer(customer_id="c-17").callbacks == 1
    payment.refresh_from_db()
    assert payment.status == "completed"


def test_the_callbacks_of_an_invoice_here_go_with_the_invoice_only():
    invoice = InvoiceFactory(customer_id="c-17", status="new")
    stored({"customer_id": "c-17"}, "Invoice", invoice=invoice)

    result = erase_customer(customer_id="c-17")

    assert (list(result.left), result.callbacks, Callback.objects.count()) == ([invoice.pk], 0, 1)


def test_a_link_that_can_still_be_paid_keeps_its_texts_and_is_named(cryptopay_sandbox):
    link = create_payment_link(actor="ben", price_currency="EUR", price_amount="5", reference=EMAIL)

    result = erase_customer(payer_email=EMAIL)

    assert result.left == {link.pk: "the payment link can still be paid: cancel it first"}
    link.refresh_from_db()
    assert link.reference == EMAIL


def test_links_of_others_and_reusable_ones_that_name_nobody_keep_their_texts(cryptopay_sandbox):
    shared = create_payment_link(
        actor="ben", price_currency="EUR", price_amount="5", description="Tips", is_reusable=True
    )
    other = create_payment_link(actor="ben", price_currency="EUR", price_amount="5", description="for Bea")
    use = begin_use(shared, amount=Decimal(5))
    InvoiceFactory(order=use, customer_id="c-17", status="completed", finished_at=timezone.now())

    assert erase_customer(customer_id="c-17", payer_email=EMAIL).left == {}

    assert [PaymentLink.objects.get(pk=one.pk).description for one in (shared, other)] == ["Tips", "for Bea"]
