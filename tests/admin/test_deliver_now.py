"""Durable handlers at the desk: what each has heard, and the button that tries again."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import HandlerDelivery, InvoiceEvent
from cryptopay_django.services import deliver_events
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.testing.factories import InvoiceFactory
from tests.effects.handlers import broken, registered

from .conftest import tasks, told


@pytest.fixture
def client(login):
    return login("support")


@pytest.fixture(autouse=True)
def shop(settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 2
    with registered("invoice_completed", "payment_detected"):
        yield


def happen(*kinds, invoice=None):
    """Let events happen to an invoice that is paid."""
    invoice = invoice or InvoiceFactory(status="completed", settled_amount=100)
    write_events([new_event(invoice, kind, at=timezone.now()) for kind in kinds or ["invoice_completed"]])
    deliver_events(invoice)
    return invoice


def fail_again(invoice):
    HandlerDelivery.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    deliver_events(invoice)


def calls(client, desk, invoice):
    entries = client.get(desk.url("invoice_change", invoice.pk)).context["timeline"].entries
    return {call.handler.rpartition(".")[2]: call for entry in entries for call in entry.calls}


def test_the_timeline_says_of_each_handler_whether_it_has_heard(client, desk):
    broken.add("ship")
    invoice = happen()

    shown = calls(client, desk, invoice)
    page = client.get(desk.url("invoice_change", invoice.pk)).text

    assert (shown["keep_books"].state, shown["keep_books"].can_retry) == ("done", False)
    assert (shown["ship"].state, shown["ship"].can_retry) == ("pending", True)
    assert "BrokenShopError" in shown["ship"].traceback
    assert "tests.effects.handlers.ship" in page
    assert page.count("/retry/") == 1
    assert "Not completely delivered to the shop: tests.effects.handlers.ship failed" in page


def test_nobody_reads_that_the_shop_was_told_while_it_was_not(client, desk):
    def fail(**_):
        raise ValueError("the shop is broken")

    signals.invoice_completed.connect(fail)
    try:
        invoice = happen()
    finally:
        signals.invoice_completed.disconnect(fail)
    broken = client.get(desk.url("invoice_change", invoice.pk)).text
    InvoiceEvent.objects.update(next_attempt_at=timezone.now())
    deliver_events(invoice)
    mended = client.get(desk.url("invoice_change", invoice.pk)).text

    assert "The shop is not notified yet and does not ship" in broken
    assert "The shop was notified that it can ship" not in broken
    assert "The shop was notified that it can ship" in mended


def test_a_handler_that_was_given_up_is_tried_again_at_a_click(client, desk):
    broken.add("ship")
    invoice = happen()
    fail_again(invoice)
    dead = calls(client, desk, invoice)["ship"]
    url = desk.url("invoice_retry_call", invoice.pk, dead.delivery_id)

    failed = client.post(url, follow=True)
    broken.clear()
    done = client.post(url, follow=True)
    again = client.post(url, follow=True)

    assert (dead.state, "was given up" in dead.text) == ("dead", True)
    assert "failed again" in told(failed)
    assert "Delivered to the shop." in told(done)
    assert "already" in told(again)
    assert calls(client, desk, invoice)["ship"].state == "done"
    messages = list(LogEntry.objects.values_list("user__username", "change_message"))
    assert len(messages) == 2
    assert all(user == "support" and "Retried tests.effects.handlers.ship" in text for user, text in messages)


def test_a_call_that_waits_behind_another_is_told_as_such(client, desk):
    broken.add("ship")
    invoice = happen("payment_detected", "invoice_completed")
    waiting = HandlerDelivery.objects.get(event__kind="invoice_completed", handler__endswith="ship")

    page = client.post(desk.url("invoice_retry_call", invoice.pk, waiting.pk), follow=True)

    assert "waits for an earlier event" in told(page)


def test_a_call_of_another_invoice_is_not_found(client, desk):
    happen()
    call = HandlerDelivery.objects.first()

    assert client.post(desk.url("invoice_retry_call", InvoiceFactory().pk, call.pk)).status_code == 404


def test_who_may_only_look_sees_no_button(desk, login):
    broken.add("ship")
    invoice = happen()

    page = login("monitoring").get(desk.url("invoice_change", invoice.pk)).text

    assert "BrokenShopError" in page
    assert "/retry/" not in page


def test_the_page_asks_as_much_of_many_handlers_as_of_one(client, desk):
    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(desk.url("invoice_change", invoice.pk))
        return len(queries)

    invoice = happen()
    count()
    few = count()
    happen("payment_detected", "payment_detected", invoice=invoice)

    assert count() == few


def test_the_overview_counts_what_was_given_up_and_leads_to_those_invoices(client, desk):
    assert tasks(client.get(desk.url("invoice_overview"))) == {}
    broken.add("ship")
    dead = happen()
    fail_again(dead)
    failing = happen()
    happen()

    page = client.get(desk.url("invoice_overview"))
    found = {
        value: set(client.get(f"{desk.url('invoice_changelist')}?handlers={value}").context["cl"].result_list)
        for value in ("given_up", "failing")
    }

    assert (tasks(page), page.context["failing"]) == ({"Repair: the shop's handlers have given up": 1}, 2)
    assert "?handlers=given_up" in page.text
    assert found["given_up"] == {dead}
    assert failing in found["failing"]
    assert dead not in found["failing"]


def test_the_buttons_lead_to_the_same_address_where_numbers_are_grouped(client, desk, settings):
    settings.USE_THOUSAND_SEPARATOR = True
    broken.add("ship")
    invoice = happen()
    HandlerDelivery.objects.filter(handler__endswith="ship").update(id=54321)

    page = client.get(desk.url("invoice_change", invoice.pk)).text

    assert desk.url("invoice_retry_call", invoice.pk, 54321) in page
    assert "54,321" not in page
