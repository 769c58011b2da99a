"""Settle, refund, release, refresh and retry: what the forms show, and what a click does."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from cryptopay_django.models import Invoice, InvoiceEvent, Resolution
from cryptopay_django.services import SettlementQuote, quote_settlement, refresh_invoice
from cryptopay_django.signals import invoice_completed
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory

from .conftest import filled, told


@pytest.fixture
def client(login):
    return login("finance")


def act(client, desk, name, invoice, **values):
    """Open the form, fill it in, post it; return the page after it."""
    url = desk.url(f"invoice_{name}", invoice.pk)
    return client.post(url, filled(client.get(url), reason="agreed by phone", **values), follow=True)


def log():
    return list(LogEntry.objects.values_list("user__username", "change_message"))


@pytest.mark.parametrize("make", ["underpaid", "late"])
def test_settling_shows_the_figures_first_and_credits_what_it_showed(client, desk, make):
    invoice = getattr(desk, make)()
    form = client.get(desk.url("invoice_settle", invoice.pk))

    page = act(client, desk, "settle", invoice)

    invoice.refresh_from_db()
    assert "This quote is valid for" in form.text
    assert "countdown.js" in form.text
    assert invoice.status == "completed"
    assert f"{invoice.settled_amount:f}" in form.text
    assert "Settled" in told(page)
    assert log()[0][0] == "finance"
    assert "agreed by phone" in log()[0][1]


def test_everything_that_was_overpaid_can_be_credited(client, desk):
    invoice = desk.overpaid()

    page = act(client, desk, "settle", invoice, choice="everything")

    invoice.refresh_from_db()
    assert invoice.status == "completed"
    assert invoice.settled_amount > invoice.price_amount
    assert "Settled" in told(page)


def test_the_ordered_amount_can_be_credited_and_the_overage_refunded(client, desk):
    invoice = desk.overpaid()

    page = act(client, desk, "settle", invoice, choice="ordered")

    invoice.refresh_from_db()
    refunds = desk.sandbox.invoice(invoice).refunds
    assert (invoice.status, invoice.settled_amount) == ("completed", invoice.price_amount)
    assert [refund.amount for refund in refunds] == [invoice.paid_amount - invoice.pay_amount]
    assert "our own coin account" in told(page)


def test_who_may_not_refund_is_not_offered_to_refund_the_overage(login, desk):
    client, invoice = login("support"), desk.overpaid()
    page = client.get(desk.url("invoice_settle", invoice.pk))

    response = client.post(
        desk.url("invoice_settle", invoice.pk), filled(page, reason="x", choice="ordered"), follow=True
    )

    assert [choice[0] for choice in page.context["form"].fields["choice"].choices] == ["everything"]
    assert response.context["form"].errors["choice"]
    assert not Resolution.objects.exists()


def test_an_old_quote_changes_nothing_and_brings_a_fresh_one(client, desk, monkeypatch):
    invoice = desk.underpaid()
    url = desk.url("invoice_settle", invoice.pk)
    values = filled(client.get(url), reason="agreed by phone")
    monkeypatch.setattr(
        "cryptopay_django.services.resolution.settlement_quote.SettlementQuote.is_expired", lambda *_: True
    )

    response = client.post(url, values)

    assert "expired" in told(response)
    assert response.context["form"]["reason"].value() == "agreed by phone"
    assert filled(response)["quote"] != values["quote"]
    assert not Resolution.objects.exists()


@pytest.mark.parametrize("quote", ["", "nonsense", "e30:1abc:sig"])
def test_a_quote_that_was_not_ours_is_not_committed(client, desk, quote):
    invoice = desk.underpaid()
    url = desk.url("invoice_settle", invoice.pk)

    response = client.post(url, {"reason": "x", "version": invoice.version, "quote": quote})

    assert "The quote is missing" in told(response)
    assert not Resolution.objects.exists()


def test_a_quote_comes_back_from_the_form_as_it_was(desk):
    quote = quote_settlement(desk.underpaid())

    assert SettlementQuote.unseal(quote.seal()) == quote


def test_a_form_is_shown_again_when_the_invoice_has_changed_meanwhile(client, desk):
    invoice = desk.underpaid()
    url = desk.url("invoice_refund", invoice.pk)
    values = filled(client.get(url), reason="agreed by phone", destination="own_account")
    Invoice.objects.filter(pk=invoice.pk).update(version=invoice.version + 1)

    response = client.post(url, values)

    assert "changed" in told(response)
    assert response.context["form"]["reason"].value() == "agreed by phone"
    assert filled(response)["version"] == str(invoice.version + 1)
    assert not Resolution.objects.exists()


def test_of_two_who_have_the_form_open_the_second_learns_that_it_is_done(client, desk, login):
    invoice, other = desk.underpaid(), login("finance", "second")
    url = desk.url("invoice_settle", invoice.pk)
    mine, theirs = filled(client.get(url), reason="x"), filled(other.get(url), reason="y")
    client.post(url, mine)

    response = other.post(url, theirs, follow=True)

    assert "completed" in told(response)
    assert response.redirect_chain
    assert Resolution.objects.count() == 1


def test_a_refund_says_loudly_where_coins_go_without_an_address(client, desk):
    invoice = desk.underpaid()
    form = client.get(desk.url("invoice_refund", invoice.pk))

    page = act(client, desk, "refund", invoice, destination="own_account")

    invoice.refresh_from_db()
    assert "OUR OWN BTC account" in form.text
    assert "The customer gets nothing" in form.text
    assert invoice.status == "refunded"
    assert "our own coin account" in told(page)


def test_a_refund_to_an_address_goes_there(client, desk):
    invoice = desk.underpaid()
    address = desk.ordered().address

    page = act(client, desk, "refund", invoice, destination="address", address=address)

    assert [refund.address for refund in desk.sandbox.invoice(invoice).refunds] == [address]
    assert address in told(page)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"destination": "address", "address": "bc1qtypo"}, "address"),
        ({"destination": "address", "address": "rn7bEzUXEP9HGwuvvWLpKbhBbCLuGb6BzT"}, "address"),
        ({"destination": "address", "address": ""}, "address"),
        ({"destination": "own_account", "address": "2N7eWx1pLbvcQhRfkz3dYt6sGm0001"}, "address"),
        ({}, "destination"),
        ({"destination": "own_account", "reason": " "}, "reason"),
    ],
)
def test_a_form_that_is_not_right_sends_nothing(client, desk, values, field):
    invoice = desk.underpaid()
    url = desk.url("invoice_refund", invoice.pk)

    response = client.post(url, filled(client.get(url), **{"reason": "x", **values}))

    assert response.context["form"].errors[field]
    assert not Resolution.objects.exists()
    assert desk.sandbox.invoice(invoice).refunds == []


def test_a_held_invoice_has_neither_button_and_says_whom_to_contact(client, desk, settings):
    settings.CRYPTOPAY_MONITORING_CONTACT = "monitoring@service.example"
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"held": ["fraud@shop.example"]}
    invoice = desk.held()

    page = client.get(desk.url("invoice_change", invoice.pk))
    settle = client.get(desk.url("invoice_settle", invoice.pk), follow=True)

    assert page.context["buttons"] == []
    assert "monitoring@service.example" in page.text
    assert "Events and notices so far" in page.text
    assert "still to be sent to fraud@shop.example" in page.text
    assert "on hold" in told(settle)


def test_a_quarantine_is_released_and_the_shop_told(client, desk):
    invoice = InvoiceFactory(status="completed", settled_amount=100, quarantine_reason="odd <b>")

    page = act(client, desk, "release", invoice)

    invoice.refresh_from_db()
    assert invoice.quarantine_reason == ""
    assert invoice.events.filter(kind="invoice_completed", delivered_at__isnull=False).exists()
    assert "Released" in told(page)
    assert "Release" in log()[0][1]


def test_a_shortfall_is_accepted_after_a_settlement(client, desk):
    invoice = desk.underpaid()
    act(client, desk, "settle", invoice)
    invoice.refresh_from_db()

    page = act(client, desk, "release", invoice)

    assert "Shortfall accepted" in told(page)
    assert invoice.events.filter(kind="invoice_completed").count() == 1
    buttons = client.get(desk.url("invoice_change", invoice.pk)).context["buttons"]
    assert [button.where for button in buttons] == ["refund-link", "return"]  # goods may come back


def test_a_release_of_what_was_seen_otherwise_is_not_done(client, desk):
    invoice = InvoiceFactory(quarantine_reason="odd")
    url = desk.url("invoice_release", invoice.pk)
    values = filled(client.get(url), reason="x")
    Invoice.objects.filter(pk=invoice.pk).update(version=5, quarantine_reason="odder")

    response = client.post(url, values)

    invoice.refresh_from_db()
    assert invoice.quarantine_reason == "odder"
    assert "odder" in response.text


def test_refresh_takes_in_what_the_service_says(client, desk):
    invoice = desk.ordered()
    desk.sandbox.pay(invoice)
    desk.sandbox.confirm(invoice)

    page = client.post(desk.url("invoice_refresh", invoice.pk), follow=True)

    invoice.refresh_from_db()
    assert invoice.status == "completed"
    assert "was updated" in told(page)
    assert log() == [("finance", "Refreshed from the gateway")]


@pytest.mark.parametrize("name", ["settle", "refresh"])
def test_a_gateway_that_does_not_answer_becomes_a_message(client, desk, name, settings):
    invoice = desk.underpaid()
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.2
    desk.sandbox.fail_next("timeout", count=20)
    url = desk.url(f"invoice_{name}", invoice.pk)

    page = client.get(url, follow=True) if name == "settle" else client.post(url, follow=True)

    assert page.status_code == 200
    assert told(page)


def test_a_settlement_without_an_answer_is_shown_as_open_and_can_be_looked_at(client, desk):
    invoice = desk.underpaid()
    url = desk.url("invoice_refund", invoice.pk)
    values = filled(client.get(url), reason="x", destination="own_account")
    refresh_invoice(invoice)
    Resolution.objects.create(invoice=invoice, kind="refund", status="unknown", actor="ada", reason="x",
        parameters={"call": "create_refund", "address": None, "status_context": "underpaid"}, sent_at=timezone.now())  # fmt: skip

    again = client.post(url, values, follow=True)
    page = client.get(desk.url("invoice_change", invoice.pk))
    looked = client.post(desk.url("resolution_look", Resolution.objects.get().pk), follow=True)

    assert "ada began to refund" in told(again)
    assert page.context["buttons"] == []
    assert "Read the outcome at the gateway" in page.text
    assert looked.status_code == 200
    assert desk.sandbox.invoice(invoice).refunds == []


def test_a_signal_that_failed_is_shown_with_its_traceback_and_tried_again(client, desk):
    invoice = desk.ordered()
    broken = {"is": True}

    def receiver(**_):
        if broken["is"]:
            raise RuntimeError("the warehouse is closed")

    invoice_completed.connect(receiver)
    try:
        desk.sandbox.pay(invoice)
        desk.sandbox.confirm(invoice)
        desk.sandbox.deliver()
        event = InvoiceEvent.objects.get(kind="invoice_completed")
        before = client.get(desk.url("invoice_change", invoice.pk)).text
        url = desk.url("invoice_retry", invoice.pk, event.pk)
        failed = client.post(url, follow=True)
        broken["is"] = False
        done = client.post(url, follow=True)
        again = client.post(url, follow=True)
    finally:
        invoice_completed.disconnect(receiver)

    assert "the warehouse is closed" in before
    assert "failed again" in told(failed)
    assert "Delivered to the shop." in told(done)
    assert "already" in told(again)


def test_an_event_of_another_invoice_is_not_found(client, desk):
    event = InvoiceEventFactory()

    assert client.post(desk.url("invoice_retry", InvoiceFactory().pk, event.pk)).status_code == 404


def test_the_bytes_of_a_callback_are_laid_out(client, desk):
    invoice = desk.underpaid()

    page = client.get(desk.url("callback_change", invoice.callbacks.first().pk)).text

    assert "&quot;type&quot;: &quot;Invoice&quot;" in page


def test_the_timeline_is_one_list_in_order(client, desk):
    invoice = desk.underpaid()
    act(client, desk, "settle", invoice)

    entries = client.get(desk.url("invoice_change", invoice.pk)).context["timeline"].entries

    assert {entry.source for entry in entries} == {"callback", "event", "person", "poll"}
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert "finance" in {entry.who for entry in entries}


def test_a_transaction_is_linked_to_the_explorer_of_its_network(client, desk, settings):
    settings.CRYPTOPAY_BLOCK_EXPLORERS = {"bitcoin": "https://explorer.example/tx/{txid}"}
    invoice = desk.underpaid()

    page = client.get(desk.url("invoice_change", invoice.pk)).text

    assert f'href="https://explorer.example/tx/{invoice.payments.get().txid}"' in page


def test_the_amounts_of_a_page_are_exact(desk, client):
    invoice = InvoiceFactory(paid_amount=Decimal("0.000000000000000001"))

    assert "0.000000000000000001 BTC" in client.get(desk.url("invoice_change", invoice.pk)).text
