"""What nothing receives: a required event stays pending, and everything says so; another counts as delivered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.dispatch import Signal
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import HandlerDelivery
from cryptopay_django.services import deliver_events, process_overdue
from cryptopay_django.services.diagnosis import diagnose
from cryptopay_django.services.events import unheard
from cryptopay_django.services.events.deliver import deliver_written
from cryptopay_django.services.events.outbox import CUSTOMER_MAIL, new_event, write_events
from cryptopay_django.services.worker.anything_due import is_anything_due
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory
from tests.effects.handlers import done_by, registered

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _a_shop_without_receivers(monkeypatch):
    for signal in vars(signals).values():
        if isinstance(signal, Signal):
            monkeypatch.setattr(signal, "receivers", [])
            signal.sender_receivers_cache.clear()
    monkeypatch.setattr(unheard, "_reported", set())


def completed(**values):
    return InvoiceEventFactory(kind="invoice_completed", **values)


def write_completed():
    invoice = InvoiceFactory(status="completed", settled_amount=100)
    event = new_event(invoice, "invoice_completed", at=timezone.now())
    write_events([event])
    return event


def warnings(caplog):
    return [record for record in caplog.records if "no receiver and no handler" in record.getMessage()]


@pytest.mark.parametrize("is_written", [True, False])
def test_a_required_event_that_nothing_receives_stays_pending_and_the_log_says_so_once(is_written, caplog):
    event = completed()

    for _ in range(3):
        assert (deliver_written(event.invoice, [event]) if is_written else process_overdue()) == 0

    event.refresh_from_db()
    assert (event.delivered_at, event.attempts, event.last_error) == (None, 0, "")
    assert len(warnings(caplog)) == 1


def test_it_is_delivered_as_soon_as_a_process_has_a_receiver(connect):
    event, heard = completed(), []
    process_overdue()
    connect(signals.invoice_completed, lambda event, **_: heard.append(event.uuid))

    process_overdue()

    assert heard == [event.uuid]


def test_it_is_delivered_as_soon_as_a_process_has_a_handler():
    """There was none when it was written, so there is no record yet."""
    write_completed()
    process_overdue()
    assert not HandlerDelivery.objects.exists()

    with registered("invoice_completed"):
        process_overdue()
        process_overdue()

        assert (done_by("ship"), done_by("keep_books")) == (["invoice_completed"], ["invoice_completed"])


def test_a_handler_alone_hears_a_required_event():
    with registered("invoice_completed"):
        event = write_completed()
        deliver_written(event.invoice, [event])

        assert done_by("ship") == ["invoice_completed"]
    event.refresh_from_db()
    assert event.delivered_at is not None


def test_it_holds_back_nothing_takes_no_place_and_keeps_no_process_busy(connect):
    heard = []
    connect(signals.invoice_created, lambda event, **_: heard.append(event.kind))
    for _ in range(3):
        waiting = completed()
    assert not is_anything_due(timezone.now() + timedelta(days=1))
    InvoiceEventFactory(invoice=waiting.invoice)

    assert deliver_events(limit=1) == 1

    assert heard == ["invoice_created"]
    assert not is_anything_due(timezone.now() + timedelta(days=1))


def test_which_events_are_required_is_the_shops_to_say(settings):
    refunded = InvoiceEventFactory(kind="invoice_refunded")
    process_overdue()
    refunded.refresh_from_db()
    assert refunded.delivered_at is not None, "not required"

    settings.CRYPTOPAY_REQUIRED_EVENTS = ["invoice_refunded"]
    refunded, event = InvoiceEventFactory(kind="invoice_refunded"), completed()
    process_overdue()

    for one in (refunded, event):
        one.refresh_from_db()
    assert (refunded.delivered_at, event.delivered_at is not None) == (None, True)


def test_a_check_warns_at_start(connect, settings):
    def found():
        return [message for message in run_checks() if message.id == "cryptopay.W030"]

    (warning,) = found()
    assert "invoice_completed" in warning.msg
    settings.CRYPTOPAY_REQUIRED_EVENTS = []
    assert found() == []
    settings.CRYPTOPAY_REQUIRED_EVENTS = ["invoice_completed"]
    connect(signals.invoice_completed, lambda **_: None)
    assert found() == []


def test_the_doctor_fails(connect):
    def result():
        return next(result for result in diagnose(offline=True) if result.subject == "events without a receiver")

    completed()
    assert (result().level, result().found) == (
        "error",
        "neither a receiver nor a handler is connected to invoice_completed; 1 events wait",
    )
    connect(signals.invoice_completed, lambda **_: None)
    assert result().level == "ok"


def test_a_list_of_something_else_is_refused(settings):
    settings.CRYPTOPAY_REQUIRED_EVENTS = ["invoice_complete"]

    (error,) = [message for message in run_checks() if message.id == "cryptopay.E002"]

    assert "invoice_completed, " in error.msg


@pytest.fixture
def short(settings):
    """A required event that nothing of the shop receives, and a mail to the customer that it leads to."""
    settings.CRYPTOPAY_REQUIRED_EVENTS = ["invoice_settled_short"]
    settings.CRYPTOPAY_CUSTOMER_MAILS = ["review"]
    event = new_event(InvoiceFactory(status="completed"), "invoice_settled_short", at=timezone.now())
    write_events([event])
    return event


def test_a_mail_to_the_customer_is_no_receiver_of_the_shop(short):
    deliver_events(short.invoice)

    short.refresh_from_db()
    assert unheard.unheard_kinds() == {"invoice_settled_short"}
    assert short.next_attempt_at is not None


def test_a_handler_of_another_process_gets_an_event_of_which_only_a_mail_was_owed(short):
    assert [call.handler for call in short.deliveries.all()] == [CUSTOMER_MAIL]

    with registered("invoice_settled_short"):
        deliver_events(short.invoice)

        assert done_by("ship") == ["invoice_settled_short"]
