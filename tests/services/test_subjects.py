"""Events of what is no invoice: channel payments and callbacks have the same order, truth and repetition."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.exceptions import RedeliveryError
from cryptopay_django.models import CallbackOutcome, ChannelPayment, HandlerDelivery, InvoiceEvent
from cryptopay_django.services import deliver_again, deliver_events, process_overdue
from cryptopay_django.services.events.deliver import deliver_written
from cryptopay_django.services.events.outbox import SIGNALS, new_event, sender_of, write_events
from cryptopay_django.services.events.retry import retry_event
from cryptopay_django.services.events.withholding import withheld_events
from cryptopay_django.testing.factories import CallbackFactory, ChannelPaymentFactory, InvoiceFactory

pytestmark = pytest.mark.django_db

COMPLETED = {"status": "completed", "received_amount": 99}


def write(about, *kinds):
    events = [new_event(about, kind, at=timezone.now(), once=str(kind)) for kind in kinds]
    with transaction.atomic():
        write_events(events)
    return events


@pytest.fixture
def heard(connect):
    """What receivers of every event of a channel payment have had."""
    had = []
    for kind, signal in SIGNALS.items():
        if sender_of(kind) is ChannelPayment:
            connect(signal, lambda **given: had.append(given))
    return had


def test_receivers_of_a_channels_payment_get_it_with_its_channel(heard):
    payment = ChannelPaymentFactory(**COMPLETED)
    write(payment, "channel_payment_created", "channel_payment_completed")

    assert deliver_events(payment) == 2

    assert [given["event"].kind for given in heard] == ["channel_payment_created", "channel_payment_completed"]
    given = heard[-1]
    assert (given["sender"], given["payment"], given["channel"]) == (ChannelPayment, payment, payment.channel)
    assert (given["event"].about, given["event"].invoice, given["event"].subject) == (payment, None, payment.pk)
    assert str(given["event"]) == f"channel_payment_completed of channel payment {payment.pk}"


handled: list[tuple[object, str]] = []


def credit(payment, event):
    handled.append((payment, event.kind))


def test_handlers_get_the_payment_as_it_is_now(handle):
    handled.clear()
    handle("channel_payment_completed", credit)
    payment = ChannelPaymentFactory(**COMPLETED)
    write(payment, "channel_payment_completed")
    deliver_events(payment)

    assert handled == [(payment, "channel_payment_completed")]
    assert handled[0][0].received_amount == 99


def test_a_failure_holds_back_the_later_events_of_its_payment_and_nothing_else(connect):
    ill, well = ChannelPaymentFactory(**COMPLETED), ChannelPaymentFactory(**COMPLETED)
    invoice = InvoiceFactory()
    had = []

    def receiver(event, **_):
        if event.subject == ill.pk:
            raise RuntimeError("not this one")
        had.append((event.kind, event.subject))

    for signal in (signals.channel_payment_created, signals.channel_payment_completed, signals.invoice_created):
        connect(signal, receiver)
    for payment in (ill, well):
        write(payment, "channel_payment_created", "channel_payment_completed")
    write(invoice, "invoice_created")
    deliver_events()

    assert sorted(had) == sorted(
        [
            ("channel_payment_created", well.pk),
            ("channel_payment_completed", well.pk),
            ("invoice_created", invoice.pk),
        ]
    )
    assert [event.attempts for event in ill.events.order_by("pk")] == [1, 0]


@pytest.mark.parametrize(
    "now",
    [{"status": "refunded"}, {"status": "on_hold"}, {**COMPLETED, "quarantine_reason": "odd"}],
)
def test_a_credit_is_withheld_while_the_payment_is_in_another_status_or_held(now, heard):
    payment = ChannelPaymentFactory(**now)
    (event,) = write(payment, "channel_payment_completed")

    deliver_written(payment, [event])
    deliver_events(payment)
    process_overdue()

    assert (heard, list(withheld_events())) == ([], [event])


def test_what_is_withheld_holds_nothing_back_and_is_delivered_once_it_is_true(heard):
    payment = ChannelPaymentFactory(status="refunded")
    write(payment, "channel_payment_completed", "channel_payment_refunded")
    deliver_events(payment)
    assert [given["event"].kind for given in heard] == ["channel_payment_refunded"]

    ChannelPayment.objects.filter(pk=payment.pk).update(status="completed")
    deliver_events(payment)

    assert [given["event"].kind for given in heard[1:]] == ["channel_payment_completed"]
    assert heard[1]["payment"].status == "completed", "as it is now"


def test_nothing_happens_twice_to_a_payment_even_if_the_code_tried():
    payment = ChannelPaymentFactory(**COMPLETED)
    write(payment, "channel_payment_completed")

    with pytest.raises(IntegrityError):
        write(payment, "channel_payment_completed")

    assert payment.events.count() == 1


def test_the_same_happening_has_the_same_uuid_after_a_backup():
    payment = ChannelPaymentFactory(**COMPLETED)
    again = ChannelPaymentFactory.build(channel=payment.channel, gateway_id=payment.gateway_id)

    def one_of(row):
        return new_event(row, "channel_payment_completed", at=timezone.now(), once="channel_payment_completed").uuid

    assert one_of(payment) == one_of(again) != one_of(ChannelPaymentFactory())


def test_it_is_delivered_again_with_its_handlers(heard, handle):
    handled.clear()
    handle("channel_payment_completed", credit)
    payment = ChannelPaymentFactory(**COMPLETED)
    write(payment, "channel_payment_completed")
    deliver_events(payment)

    assert deliver_again(payment, actor="ada", kinds=["channel_payment_completed"]) == 1

    assert [given["event"].is_repetition for given in heard] == [False, True]
    assert len(handled) == 2
    assert payment.events.get(kind="delivery_repeated").actor == "ada"
    with pytest.raises(RedeliveryError, match=f"channel payment {payment.pk}"):
        deliver_again(payment, actor="")


def test_a_required_event_of_a_channel_payment_waits_for_a_receiver(settings, connect):
    settings.CRYPTOPAY_REQUIRED_EVENTS = ["channel_payment_cancelled"]
    payment = ChannelPaymentFactory(status="cancelled")
    write(payment, "channel_payment_cancelled")
    deliver_events()
    had = []

    connect(signals.channel_payment_cancelled, lambda payment, **_: had.append(payment))
    deliver_events()

    assert had == [payment]


def test_receivers_for_one_sender_hear_that_one(handle):
    """`sender=` of a shop's receiver is the model of what the event is about."""
    had = []

    def receiver(sender, **_):
        had.append(sender)

    signals.channel_payment_completed.connect(receiver, sender=ChannelPayment, weak=False)
    payment = ChannelPaymentFactory(**COMPLETED)
    write(payment, "channel_payment_completed")
    deliver_events(payment)
    signals.channel_payment_completed.disconnect(receiver, sender=ChannelPayment)

    assert had == [ChannelPayment]


def test_a_callback_that_a_shop_has_deleted_does_not_stop_the_others(connect):
    had = []
    connect(signals.callback_received, lambda callback, **_: had.append(callback))
    gone, kept = (CallbackFactory(outcome=CallbackOutcome.APPLIED, body=body, next_attempt_at=None) for body in (
        b'{"type": "A"}', b'{"type": "B"}',
    ))  # fmt: skip
    for callback in (gone, kept):
        write(callback, "callback_received")
    gone.delete()

    deliver_events()

    assert had == [kept]
    lost = InvoiceEvent.objects.get(callback=None)
    assert lost.last_error.strip().endswith("is pruned")
    assert retry_event(lost)


def test_a_dead_call_of_a_payment_is_found_by_its_subject(handle, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 1
    handle("channel_payment_completed", fail)
    payment = ChannelPaymentFactory(**COMPLETED)
    write(payment, "channel_payment_completed")
    deliver_events(payment)

    call = HandlerDelivery.objects.get()
    assert (call.given_up_at is not None, call.event.about) == (True, payment)
    report = payment.events.get(kind="handler_given_up")
    assert report.notice_due_at <= timezone.now() + timedelta(seconds=1)


def fail(payment, event):
    raise RuntimeError("the shop is on fire")
