"""Deliver again: the same event once more, by request of a person, to receivers and to handlers."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.exceptions import RedeliveryError
from cryptopay_django.models import HandlerDelivery, InvoiceEvent
from cryptopay_django.services import deliver_again, deliver_events, process_overdue
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory
from tests.effects.handlers import done_by, registered

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(connect):
    """What receivers have had: kind, uuid, and whether it was a repetition."""
    had = []
    for signal in (signals.payment_confirmed, signals.invoice_completed):
        connect(signal, lambda event, **_: had.append((event.kind, event.uuid, event.is_repetition)))
    return had


def completed(**values):
    """An invoice whose `invoice_completed` was delivered."""
    invoice = InvoiceFactory(status="completed", settled_amount=100, **values)
    event = new_event(invoice, "invoice_completed", at=timezone.now(), once="invoice_completed")
    write_events([event])
    deliver_events(invoice)
    return event


def test_a_delivered_event_is_delivered_once_more_with_the_same_uuid_and_marked(heard):
    event = completed()

    assert deliver_again(event.invoice, actor="ada", reason="the warehouse burned") == 1

    assert heard == [("invoice_completed", event.uuid, False), ("invoice_completed", event.uuid, True)]
    entry = event.invoice.events.get(kind="delivery_repeated")
    assert (entry.actor, entry.detail) == (
        "ada",
        {"events": "invoice_completed", "reason": "the warehouse burned"},
    )
    event.refresh_from_db()
    assert (event.repetitions, event.delivered_at is not None) == (1, True)


def test_handlers_get_it_again_and_one_that_came_later_for_the_first_time(handle):
    repetitions.clear()
    handle("invoice_completed", note_repetition)
    event = completed()
    with registered("invoice_completed"):
        deliver_again(event.invoice, actor="ada")

        assert done_by("ship") == ["invoice_completed"]
    assert repetitions == [False, True]
    by_path = dict(HandlerDelivery.objects.values_list("handler", "repetitions"))
    assert (by_path["tests.effects.handlers.ship"], by_path[f"{__name__}.note_repetition"]) == (0, 1)


repetitions: list[bool] = []


def note_repetition(invoice, event):
    repetitions.append(event.is_repetition)


def test_what_is_pending_or_not_true_any_more_is_left_out(heard):
    pending = InvoiceEventFactory(kind="invoice_completed", next_attempt_at=timezone.now() + timedelta(hours=1))
    refunded = completed()
    refunded.invoice.events.update(delivered_at=timezone.now())
    type(refunded.invoice).objects.filter(pk=refunded.invoice_id).update(quarantine_reason="odd")
    heard.clear()

    counts = [deliver_again(event.invoice, actor="ada") for event in (pending, refunded)]

    assert (counts, heard) == ([0, 0], [])
    assert not InvoiceEvent.objects.filter(kind="delivery_repeated").exists()
    assert set(InvoiceEvent.objects.values_list("repetitions", flat=True)) == {0}


def test_an_event_that_is_repeated_and_fails_holds_back_nothing(connect, heard):
    event = completed()

    def fails_again(event, **_):
        if event.is_repetition:
            raise ConnectionError

    connect(signals.invoice_completed, fails_again)
    deliver_again(event.invoice, actor="ada")
    heard.clear()
    write_events([new_event(event.invoice, "payment_confirmed", at=timezone.now())])

    process_overdue()

    assert [kind for kind, _, _ in heard] == ["payment_confirmed"]


def fails_again(invoice, event):
    if event.is_repetition:
        raise ConnectionError
    repetitions.append(event.is_repetition)


def test_a_call_that_is_repeated_and_fails_holds_back_nothing(handle):
    handle("invoice_completed", fails_again)
    handle("payment_confirmed", fails_again)
    event = completed()
    deliver_again(event.invoice, actor="ada")
    repetitions.clear()
    write_events([new_event(event.invoice, "payment_confirmed", at=timezone.now())])

    process_overdue()

    assert repetitions == [False]


def test_only_the_kinds_and_the_time_that_were_asked_for(heard):
    event = completed()
    write_events([new_event(event.invoice, "payment_confirmed", at=timezone.now())])
    deliver_events(event.invoice)
    heard.clear()
    later = timezone.now() + timedelta(minutes=1)

    assert deliver_again(event.invoice, actor="ada", since=later) == 0
    assert deliver_again(event.invoice, actor="ada", until=event.created_at) == 0
    assert deliver_again(event.invoice, actor="ada", kinds=["payment_confirmed"], until=later) == 1

    assert [kind for kind, _, _ in heard] == ["payment_confirmed"]


@pytest.mark.parametrize("asked", [{"actor": " "}, {"actor": "ada", "kinds": ["invoice_released"]}])
def test_a_request_that_makes_no_sense_is_refused(asked):
    with pytest.raises(RedeliveryError):
        deliver_again(InvoiceFactory(), **asked)


def run(*arguments):
    out = StringIO()
    call_command("cryptopay_deliver_again", *arguments, stdout=out)
    return out.getvalue().strip()


def test_the_command_repeats_a_period_or_named_invoices(heard):
    one, other = completed(custom_id="one"), completed(custom_id="other")
    heard.clear()

    assert run("--since", "2020-01-01", "--dry-run") == "to deliver again: 2 events of 2 invoices"
    assert heard == []
    assert run("--since", "2020-01-01", "--kind", "invoice_completed") == "delivered again: 2 events of 2 invoices"
    assert {uuid for _, uuid, _ in heard} == {one.uuid, other.uuid}
    assert run("one", str(other.invoice_id), "--actor", "cron") == "delivered again: 2 events of 2 invoices"
    assert run("--since", "2100-01-01T10:00") == "delivered again: 0 events of 0 invoices"
    assert one.invoice.events.filter(kind="delivery_repeated", actor="cron").count() == 1


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["--since", "yesterday"], ["--since", "2026-02-31"]])
def test_the_command_says_what_it_cannot_do(arguments):
    with pytest.raises(CommandError):
        run(*arguments)
