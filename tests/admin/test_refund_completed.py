"""A refund of a completed invoice in the admin: the input, the quote, the refund, and the second person."""

from __future__ import annotations

import csv
import re
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry

from cryptopay_django.admin.result_message import message_of
from cryptopay_django.models import Invoice, Refund, Resolution
from cryptopay_django.services import make_refund_link, name_refund_address
from tests.services.desk import ADDRESS

from .conftest import filled, told

pytestmark = pytest.mark.django_db(transaction=True)

INPUT = {"amount": "40", "currency": "EUR", "address": ADDRESS, "network_fee_borne_by": "merchant", "reason": "a mug"}


@pytest.fixture
def client(login):
    return login("finance")


@pytest.fixture
def invoice(desk):
    desk.sandbox.deposit("EUR", "1000")
    return desk.paid("1")


def quoted(client, desk, invoice, **values):
    """Open the form, fill it in, and return the page with the quote."""
    url = desk.url("invoice_return", invoice.pk)
    return client.post(url, filled(client.get(url), **INPUT | values))


def send(client, desk, invoice, page, **values):
    """Press the button under a quote."""
    return client.post(desk.url("invoice_return", invoice.pk), filled(page, **values), follow=True)


def test_a_completed_invoice_can_be_refunded_from_its_page(client, desk, invoice):
    page = client.get(desk.url("invoice_change", invoice.pk))

    assert 'href="../return/"' in page.text
    assert "100.00 EUR is left" in page.text


def test_the_form_begins_with_all_that_is_left(client, desk, invoice):
    form = client.get(desk.url("invoice_return", invoice.pk)).context["form"]

    assert (form["amount"].value(), form["currency"].value()) == ("100", "EUR")
    assert form["network_fee_borne_by"].value() == "merchant"


def test_the_form_begins_with_the_address_that_the_customer_named(client, desk, invoice):
    name_refund_address(make_refund_link(invoice, actor="ada").token, address=ADDRESS)

    form = client.get(desk.url("invoice_return", invoice.pk)).context["form"]

    assert form["address"].value() == ADDRESS
    assert "named by the customer at" in form.fields["address"].help_text


def test_the_quote_is_shown_before_anything_is_sent(client, desk, invoice):
    page = quoted(client, desk, invoice)

    for text in (
        "This quote is valid for",
        "taken from our account",
        "40.00 EUR",
        "60.00 EUR",
        ADDRESS,
        "network fee",
    ):
        assert text in page.text
    assert not Resolution.objects.exists()
    assert not [one for one in desk.sandbox.withdrawals() if not one.is_preview]


def test_the_message_has_both_decimal_places_of_what_is_taken():
    result = {"withdrawal_id": "1", "amount": "0.00018053", "currency": "BTC", "address": ADDRESS}
    charged = {"charged_amount": "11.3", "charged_currency": "EUR"}
    done = Resolution(status="succeeded", result=result | charged, invoice=Invoice())

    _, message = message_of(done)

    assert "it takes 11.30 EUR from our account and sends 0.00018053 BTC" in message


def test_the_quote_that_was_shown_is_sent(client, desk, invoice):
    page = quoted(client, desk, invoice)

    after = send(client, desk, invoice, page)

    row = Refund.objects.get()
    assert "has accepted the refund" in told(after)
    assert (row.value_amount, row.actor, row.reason) == (Decimal(40), "finance", "a mug")
    assert f"{row.charged_amount:.2f} EUR" in told(after)
    assert ADDRESS in after.text
    assert "60.00 EUR is left" in after.text
    assert f"received {row.received_amount} BTC" in " ".join(re.sub("<[^>]*>", " ", after.text).split())
    assert "a mug" in LogEntry.objects.latest("pk").change_message


def test_the_button_pressed_twice_sends_once(client, desk, invoice):
    page = quoted(client, desk, invoice)

    send(client, desk, invoice, page)
    again = send(client, desk, invoice, page)

    assert "used before" in told(again)
    assert again.redirect_chain[-1][0] == desk.url("invoice_change", invoice.pk)
    assert "This quote is valid for" not in again.text
    assert Refund.objects.count() == 1


def test_a_quote_of_before_another_refund_is_shown_anew(client, desk, invoice):
    page, other = quoted(client, desk, invoice), quoted(client, desk, invoice)
    send(client, desk, invoice, page)

    again = send(client, desk, invoice, other)

    assert "Check that yours is not the same one; nothing was sent" in told(again)
    assert "This quote is valid for" in again.text
    assert Refund.objects.count() == 1


def test_without_a_quote_of_ours_a_new_one_is_shown(client, desk, invoice):
    page = quoted(client, desk, invoice)

    again = send(client, desk, invoice, page, quote="forged")

    assert "This quote is valid for" in again.text
    assert not Resolution.objects.exists()


def test_the_input_can_be_changed(client, desk, invoice):
    page = quoted(client, desk, invoice)

    form = client.post(desk.url("invoice_return", invoice.pk), filled(page, change="1")).context["form"]

    assert not form.is_bound
    assert (form["amount"].value(), form["address"].value(), form["quote"].value()) == ("40", ADDRESS, "")


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"amount": "100.01"}, "amount", "more than is left"),
        ({"amount": "0.001"}, "amount", "too precise"),
        ({"amount": "-1"}, "amount", "above zero"),
        ({"amount": "1"}, "amount", "too little for the gateway"),
        ({"amount": "many"}, "amount", "number"),
        ({"address": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT3"}, "address", "not an address"),
        ({"address": ""}, "address", "required"),
        ({"currency": "USD"}, "currency", "valid choice"),
        ({"reason": ""}, "reason", "required"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client, desk, invoice, values, field, words):
    page = quoted(client, desk, invoice, **values)

    assert words in " ".join(page.context["form"].errors[field])
    assert not Resolution.objects.exists()


def test_an_xrp_address_needs_its_tag_or_the_word(client, desk):
    desk.sandbox.deposit("EUR", "1000")
    invoice = desk.paid_in("XRP")
    address = "rN7n7otQDd6FczFgLdSqtcsAUxDkw6fzRH"

    page = quoted(client, desk, invoice, address=address)
    assert "Say that none is needed" in " ".join(page.context["form"].errors["tag"])
    send(client, desk, invoice, quoted(client, desk, invoice, address=address, without_tag="on"))

    assert (Refund.objects.get().destination_tag, Refund.objects.get().address) == ("0", address)


def test_who_may_not_send_to_an_address_is_refused(login, desk, invoice):
    client = login("support")

    assert client.get(desk.url("invoice_return", invoice.pk)).status_code == 403


def test_an_invoice_that_is_not_completed_has_no_form(client, desk):
    invoice = desk.underpaid()

    page = client.get(desk.url("invoice_return", invoice.pk), follow=True)

    assert "completed one only" in told(page)


def test_a_second_person_sees_a_new_quote_and_the_most_that_may_be_taken(login, desk, invoice, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(50)}
    first, second = login("finance"), login("finance", "ben")
    page = quoted(first, desk, invoice)
    assert "ask a second person" in page.text
    assert "a second person must confirm it" in told(send(first, desk, invoice, page))
    url = desk.url("resolution_approve", Resolution.objects.get().pk)

    page = second.get(url)
    for text in ("at most", "This quote is valid for", "a mug", ADDRESS):
        assert text in page.text
    amounts = [value for name, value, _ in page.context["amounts"] if name != "current rate"]
    assert [value for value in amounts if value.endswith(" EUR")] == [
        value for value in amounts if re.fullmatch(r"[0-9]+[.][0-9]{2} EUR", value)
    ]
    after = second.post(url, filled(page), follow=True)

    assert "has accepted the refund" in told(after)
    assert Refund.objects.get().resolution.approver == "ben"


def test_one_on_hold_says_so(client, desk, invoice):
    send(client, desk, invoice, quoted(client, desk, invoice))
    desk.sandbox.decide_withdrawal(Refund.objects.get(), "hold")
    desk.sandbox.deliver()

    assert "the gateway examines it" in client.get(desk.url("invoice_change", invoice.pk)).text
    page = client.get(desk.url("refund_change", Refund.objects.get().pk))
    assert "the gateway examines it" in page.text


def test_the_export_of_refunds_has_it(client, desk, invoice):
    send(client, desk, invoice, quoted(client, desk, invoice))

    lines = client.get(desk.url("invoice_export", "refunds"))
    text = b"".join(lines.streaming_content).decode()

    assert str(Refund.objects.get().gateway_id) in text
    assert ADDRESS in text


def test_the_file_of_refunds_names_the_currency_of_what_was_asked(client, desk, invoice):
    send(client, desk, invoice, quoted(client, desk, invoice))

    lines = b"".join(client.get(desk.url("refund_export")).streaming_content).decode().splitlines()
    (row,) = csv.DictReader(lines)

    assert (row["asked_amount"], row["asked_currency"]) == ("40", "EUR")
