"""Deliver again from the list, and what the desk says of events that are withheld, unheard or under way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.services import deliver_events
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory

from .conftest import tasks, told


@pytest.fixture
def client(login):
    return login("finance")


@pytest.fixture
def heard():
    had = []

    def receiver(event, **_):
        had.append((event.invoice.custom_id, event.is_repetition))

    signals.invoice_completed.connect(receiver)
    yield had
    signals.invoice_completed.disconnect(receiver)


def completed(custom_id):
    invoice = InvoiceFactory(custom_id=custom_id, status="completed", settled_amount=100)
    InvoiceEventFactory(invoice=invoice, kind="invoice_completed")
    deliver_events(invoice)
    return invoice


def choose(client, desk, *invoices):
    return client.post(
        desk.url("invoice_changelist"),
        {"action": "deliver_events_again", "_selected_action": [str(invoice.pk) for invoice in invoices]},
    )


def test_staff_choose_invoices_confirm_and_the_shop_gets_the_events_again(client, desk, heard):
    one, other = completed("one"), completed("other")
    heard.clear()

    asked = choose(client, desk, one, other)
    assert "Events of 2 invoices" in asked.text
    assert heard == [], "nothing happens before it is confirmed"
    done = client.post(
        desk.url("invoice_deliver_again"),
        {"invoice": [str(one.pk), str(other.pk)], "kinds": ["invoice_completed"], "reason": "the warehouse burned"},
        follow=True,
    )

    assert told(done) == "2 events are delivered again."
    assert sorted(heard) == [("one", True), ("other", True)]
    entry = one.events.get(kind="delivery_repeated")
    assert (entry.actor, entry.detail["reason"]) == ("finance", "the warehouse burned")
    assert LogEntry.objects.filter(object_id=one.pk).count() == 1
    assert "delivered again on request" in client.get(desk.url("invoice_change", one.pk)).text


@pytest.mark.parametrize("missing", ["kinds", "reason"])
def test_without_events_or_a_reason_it_is_asked_once_more(missing, client, desk, heard):
    invoice = completed("one")
    heard.clear()
    values = {"invoice": str(invoice.pk), "kinds": ["invoice_completed"], "reason": "because"}

    answer = client.post(desk.url("invoice_deliver_again"), {**values, missing: ""})

    assert (answer.status_code, answer.context["form"].is_valid(), heard) == (200, False, [])


def test_too_many_at_once_are_refused(client, desk, monkeypatch):
    monkeypatch.setattr("cryptopay_django.admin.deliver_again.MOST", 1)

    answer = choose(client, desk, completed("one"), completed("other"))

    assert "Select fewer at a time" in told(client.get(answer["Location"]))


@pytest.mark.parametrize(
    ("values", "invoice", "text"),
    [
        ({}, {"quarantine_reason": "odd"}, "withheld: it does not match"),
        ({}, {"status": "refunded"}, "withheld: it does not match"),
        ({"attempts": 1, "begun_at": timezone.now()}, {}, "and has not ended"),
        ({"repetitions": 1}, {}, "it will be delivered again"),
        ({"attempts": 2}, {}, "delivery to the shop failed, 2 times so far"),
        ({}, {}, "not yet delivered to the shop"),
    ],
)
def test_the_timeline_says_why_an_event_waits(values, invoice, text, client, desk):
    row = InvoiceFactory(**{"status": "completed", "settled_amount": 100, **invoice})
    InvoiceEventFactory(invoice=row, kind="invoice_completed", **values)

    page = client.get(desk.url("invoice_change", row.pk)).text

    assert text in page


def test_the_desk_shows_what_nothing_receives_and_what_is_withheld(client, desk, monkeypatch):
    monkeypatch.setattr(signals.invoice_completed, "receivers", [])
    signals.invoice_completed.sender_receivers_cache.clear()
    invoice = InvoiceFactory(status="completed", settled_amount=100)
    InvoiceEventFactory(invoice=invoice, kind="invoice_completed")
    InvoiceEventFactory(invoice=InvoiceFactory(status="refunded"), kind="invoice_cancelled")

    page = client.get(desk.url("invoice_change", invoice.pk)).text
    overview = client.get(desk.url("invoice_overview"))

    assert "no receiver and no handler is connected to it" in page
    assert (tasks(overview), overview.context["withheld"]) == (
        {"Repair: nothing in the shop receives these events": 1},
        1,
    )
    assert "events withheld" in overview.text


def test_somebody_who_tries_a_withheld_event_reads_why_it_does_not_go(client, desk):
    event = InvoiceEventFactory(
        invoice=InvoiceFactory(status="completed", settled_amount=100, quarantine_reason="odd"),
        kind="invoice_completed",
        next_attempt_at=timezone.now() + timedelta(hours=1),
    )

    answer = client.post(desk.url("invoice_retry", event.invoice_id, event.pk), follow=True)

    assert "It is withheld" in told(answer)


@pytest.mark.parametrize("name", [4711, "a" * 200])
def test_a_person_whose_name_is_a_number_or_long_delivers_again(name, client, desk, monkeypatch, heard):
    invoice = completed("one")
    monkeypatch.setattr(User, "get_username", lambda self: name)

    answer = client.post(
        desk.url("invoice_deliver_again"),
        {"invoice": [str(invoice.pk)], "kinds": ["invoice_completed"], "reason": "asked"},
    )

    assert answer.status_code == 302
    assert invoice.events.get(kind="delivery_repeated").actor.startswith(str(name)[:40])
