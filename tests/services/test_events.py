"""Delivery: exactly once for the database, in order for each invoice, never lost."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import Callback, ChannelPayment, EventKind, HandlerDelivery, Invoice, InvoiceEvent
from cryptopay_django.services import deliver_events
from cryptopay_django.services.backoff import backoff
from cryptopay_django.services.events.attempt import Attempt, AttemptResult
from cryptopay_django.services.events.deliver import deliver_written
from cryptopay_django.services.events.outbox import SIGNALS, new_event, refresh_about, sender_of, write_events
from cryptopay_django.services.events.retry import retry_event
from cryptopay_django.services.events.send_signals import queued_signals, send_event
from cryptopay_django.testing.factories import (
    CallbackFactory,
    ChannelPaymentFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    PaymentFactory,
    RefundFactory,
)

pytestmark = pytest.mark.django_db


def write_down(event, **_):
    """A receiver's database write that shows when it happened twice."""
    Group.objects.create(name=str(event.uuid))


def test_each_kind_that_has_a_signal_sends_it_with_the_promised_arguments(connect):
    got = {}
    of_invoices = {kind: signal for kind, signal in SIGNALS.items() if sender_of(kind) is Invoice}
    for kind, signal in of_invoices.items():
        connect(signal, lambda sender, kind=kind, **arguments: got.setdefault(kind, (sender, arguments)))
        of_what = {"payment": PaymentFactory, "refund": RefundFactory}
        for name, factory in of_what.items():
            if kind.startswith(name):
                row = factory()
                InvoiceEventFactory(kind=kind, invoice=row.invoice, **{name: row})
        if not kind.startswith(tuple(of_what)):
            InvoiceEventFactory(kind=kind)

    assert deliver_events() == len(of_invoices)

    assert set(got) == set(of_invoices)
    for kind, (sender, arguments) in got.items():
        assert sender is Invoice
        assert arguments["event"].kind == kind
        assert arguments["invoice"] == arguments["event"].invoice
        assert ("payment" in arguments) == kind.startswith("payment")
        assert ("refund" in arguments) == kind.startswith("refund")


def test_an_error_whose_text_no_database_can_store_stops_no_other_invoice(connect, monkeypatch):
    """A name of a file that is not UTF-8 reaches a message as halves of surrogate pairs."""
    # pytest-xdist cannot send such a log to its main process.
    monkeypatch.setattr(logging.getLogger("cryptopay_django"), "disabled", True)
    broken, fine = InvoiceEventFactory(), InvoiceEventFactory()
    reached = []

    def receiver(event, **_):
        if event.pk == broken.pk:
            raise ValueError("no such file: \udcff\x00")
        reached.append(event.pk)

    connect(signals.invoice_created, receiver)

    assert deliver_events() == 1

    broken.refresh_from_db()
    assert reached == [fine.pk]
    assert (broken.attempts, broken.delivered_at) == (1, None)
    assert "no such file: \\udcff\\0" in broken.last_error


def test_a_delivered_event_is_not_delivered_again(connect):
    connect(signals.invoice_created, write_down)
    event = InvoiceEventFactory()

    assert [deliver_events(event.invoice), deliver_events(event.invoice), deliver_events()] == [1, 0, 0]

    event.refresh_from_db()
    assert (event.delivered_at is not None, event.next_attempt_at, event.attempts) == (True, None, 0)


def test_a_receiver_that_raises_takes_everybodys_writes_back_and_is_retried(connect):
    broken = [RuntimeError("out of stock")]

    def raises(**_):
        if broken:
            raise broken[0]

    connect(signals.invoice_created, write_down)
    connect(signals.invoice_created, raises)
    event = InvoiceEventFactory()

    assert deliver_events(event.invoice) == 0

    event.refresh_from_db()
    assert not Group.objects.exists()
    assert (event.attempts, event.delivered_at) == (1, None)
    assert "out of stock" in event.last_error
    assert event.next_attempt_at > timezone.now()

    broken.clear()
    assert deliver_events(event.invoice) == 0, "its back-off is not over"
    assert retry_event(event)
    assert deliver_events(event.invoice) == 1
    assert Group.objects.count() == 1


def test_later_events_of_the_invoice_wait_for_the_failed_one(connect):
    def raises(**_):
        raise RuntimeError("no")

    connect(signals.invoice_created, raises)
    connect(signals.invoice_completed, write_down)
    first = InvoiceEventFactory(invoice__status="completed")
    InvoiceEventFactory(invoice=first.invoice, kind="invoice_completed")

    deliver_events()
    deliver_events()

    assert not Group.objects.exists()


def test_a_failing_invoice_holds_back_no_other_however_much_it_piles_up(connect):
    def raises(event, **_):
        if event.invoice_id == stuck.pk:
            raise RuntimeError("no")

    connect(signals.invoice_created, raises)
    connect(signals.invoice_completed, write_down)
    stuck = InvoiceFactory(status="completed")
    for kind in ["invoice_created", *["invoice_completed"] * 5]:
        InvoiceEventFactory(invoice=stuck, kind=kind)
    deliver_events()
    InvoiceEventFactory(kind="invoice_completed")

    assert deliver_events(limit=1) == 1


def test_events_are_delivered_in_the_order_they_happened(connect):
    order = []
    for signal in (signals.invoice_created, signals.payment_detected, signals.invoice_completed):
        connect(signal, lambda event, **_: order.append(event.kind))
    invoice = InvoiceFactory(status="completed")
    kinds = ["invoice_created", "payment_detected", "invoice_completed"]
    for kind in kinds:
        InvoiceEventFactory(invoice=invoice, kind=kind)

    deliver_events(invoice)

    assert order == kinds


def test_the_receiver_sees_the_invoice_as_it_is_now(connect):
    seen = []
    connect(signals.invoice_created, lambda invoice, **_: seen.append(invoice.name))
    event = InvoiceEventFactory()
    Invoice.objects.update(name="renamed")

    deliver_events(event.invoice)

    assert seen == ["renamed"]


def test_a_timeline_entry_is_never_delivered():
    event = InvoiceEventFactory(kind="invoice_released", next_attempt_at=None)

    assert (deliver_events(), retry_event(event)) == (0, False)


def test_no_new_event_is_begun_after_the_deadline():
    InvoiceEventFactory()

    assert deliver_events(deadline=0.0) == 0


def test_nothing_happens_twice_to_an_invoice_even_if_the_code_tried():
    invoice, once = InvoiceFactory(), "invoice_completed"
    first, second = (new_event(invoice, "invoice_completed", at=timezone.now(), once=once) for _ in range(2))
    write_events([first])

    with pytest.raises(IntegrityError, match=r"(?i)unique|duplicate"):
        write_events([second])


def test_the_back_off_doubles_up_to_an_hour():
    waits = [backoff(attempts) for attempts in (1, 2, 3, 9, 10, 1000)]

    assert waits == [timedelta(seconds=seconds) for seconds in (10, 20, 40, 2560, 3600, 3600)]


def test_an_event_without_receivers_counts_as_delivered():
    event = InvoiceEventFactory(kind="invoice_refunded")

    assert deliver_events(event.invoice) == 1
    assert InvoiceEvent.objects.filter(next_attempt_at=None).exists()


def test_a_failure_of_an_event_that_was_delivered_meanwhile_is_not_noted():
    event = InvoiceEventFactory(delivered_at=timezone.now(), next_attempt_at=None)

    Attempt(queued_signals(frozenset()), event.pk, event.invoice_id, "it", {}).store_failure("too late")

    event.refresh_from_db()
    assert (event.attempts, event.last_error, event.next_attempt_at) == (0, "", None)


def test_an_event_keeps_what_it_was_told():
    invoice, payment, refund, at = (
        InvoiceFactory.build(),
        PaymentFactory.build(),
        RefundFactory.build(),
        timezone.now(),
    )
    more = {"payment": payment, "refund": refund, "actor": "ada", "detail": {"a": "b"}}

    plain = new_event(invoice, "invoice_created", at=at)
    told = new_event(invoice, "risk_high", at=at, once="once", **more)

    assert (plain.invoice, plain.kind, plain.created_at) == (invoice, "invoice_created", at)
    assert (plain.once, plain.payment, plain.refund, plain.actor, plain.detail) == (None, None, None, "", {})
    assert {"once": told.once, **{name: getattr(told, name) for name in more}} == {"once": "once", **more}


@pytest.mark.parametrize(
    ("name", "factory", "kind", "sender"),
    [
        ("invoice", InvoiceFactory, "invoice_created", Invoice),
        ("channel_payment", ChannelPaymentFactory, "channel_payment_completed", ChannelPayment),
        ("callback", CallbackFactory, "callback_received", Callback),
    ],
)
def test_an_event_is_about_one_row_and_its_receivers_get_that_as_it_is_now(name, factory, kind, sender):
    about = factory()
    write_events([new_event(about, kind, at=timezone.now())])
    sender.objects.update(account="second")

    event = InvoiceEvent.objects.get(**{name: about})
    refresh_about(event)

    subjects = {"invoice": event.invoice, "channel_payment": event.channel_payment, "callback": event.callback}
    assert {key: row and row.account for key, row in subjects.items()} == dict.fromkeys(subjects) | {name: "second"}
    assert sender_of(kind) is sender


def test_an_event_of_a_callback_that_is_pruned_has_nothing_to_tell_of():
    event = new_event(CallbackFactory(), "callback_received", at=timezone.now())
    event.callback = None

    with pytest.raises(LookupError):
        refresh_about(event)


@pytest.mark.parametrize(
    ("mail", "kinds"),
    [
        ("created", {"invoice_created"}),
        ("partly_paid", {"payment_detected"}),
        ("expired", {"invoice_expired"}),
        ("paid", {"invoice_completed"}),
        ("review", {"invoice_unresolved", "invoice_settled_short"}),
        ("refunded", {"refund_succeeded"}),
    ],
)
def test_a_mail_is_owed_for_what_its_account_sends_it_for(mail, kinds, settings):
    own = {**settings.CRYPTOPAY_ACCOUNTS["second"], "OPTIONS": {"CUSTOMER_MAILS": [mail]}}
    settings.CRYPTOPAY_ACCOUNTS = {**settings.CRYPTOPAY_ACCOUNTS, "second": own}
    at = timezone.now()
    subjects = InvoiceFactory(), InvoiceFactory(account="second"), ChannelPaymentFactory(account="second")

    write_events([new_event(about, kind, at=at) for about in subjects for kind in EventKind])

    owed = HandlerDelivery.objects.filter(handler="cryptopay_django.mails", next_attempt_at=at)
    assert {row.event.kind for row in owed.filter(event__invoice=subjects[1])} == kinds
    assert HandlerDelivery.objects.count() == len(kinds)


@pytest.mark.parametrize(
    ("kind", "is_sent", "is_noticed"),
    [
        ("invoice_completed", True, False),
        ("invoice_unresolved", True, True),
        ("risk_high", False, True),
        ("resolution_planned", False, False),
    ],
)
def test_an_event_is_due_at_once_for_whom_it_is(kind, is_sent, is_noticed):
    at = timezone.now()

    event = new_event(InvoiceFactory.build(), kind, at=at)

    assert (event.next_attempt_at, event.notice_due_at) == (at if is_sent else None, at if is_noticed else None)


def test_what_happens_once_has_the_same_uuid_in_every_version_of_this_app():
    """A shop that restores a backup hears of it again, and has to know it."""
    invoice = InvoiceFactory.build(gateway_id=UUID(int=7))

    event = new_event(invoice, "invoice_completed", at=timezone.now(), once="invoice_completed")

    assert event.uuid == UUID("3d481043-4acf-5e25-a454-c9b738d98589")


def test_what_happens_once_to_a_callback_has_the_same_uuid_for_the_same_bytes():
    first, second, other = (
        new_event(CallbackFactory.build(body=body), "callback_received", at=timezone.now(), once="received").uuid
        for body in (b"{}", b"{}", b"[]")
    )

    assert first == second != other


@pytest.mark.parametrize(
    "change", [{"account": "second"}, {"gateway_id": UUID(int=8)}, {"gateway_id": None}, {"once": "invoice_refunded"}]
)
def test_what_is_something_else_has_another_uuid(change):
    values = {"account": "default", "gateway_id": UUID(int=7), "once": "invoice_completed"}

    def uuid_of(account, gateway_id, once):
        invoice = InvoiceFactory.build(account=account, gateway_id=gateway_id)
        return new_event(invoice, "invoice_completed", at=timezone.now(), once=once).uuid

    assert uuid_of(**values) == uuid_of(**values) != uuid_of(**values | change)


def test_what_may_happen_again_has_a_uuid_of_its_own_each_time():
    invoice = InvoiceFactory()

    first, second = (new_event(invoice, "invoice_unresolved", at=timezone.now()) for _ in range(2))

    assert first.uuid != second.uuid


@pytest.mark.parametrize(("kind", "level"), [("invoice_completed", "INFO"), ("invoice_quarantined", "WARNING")])
def test_the_log_tells_of_an_event_when_it_is_committed(kind, level, caplog, django_capture_on_commit_callbacks):
    event = new_event(InvoiceFactory(), kind, at=timezone.now())

    with django_capture_on_commit_callbacks(execute=True):
        write_events([event])
        assert caplog.records == []

    (record,) = caplog.records
    assert (record.levelname, record.message) == (level, f"invoice {event.invoice_id}: event {kind}")
    assert (record.event_kind, record.event_uuid) == (kind, str(event.uuid))
    assert (record.invoice_id, record.account) == (str(event.invoice_id), "default")


def test_an_event_that_somebody_else_has_delivered_lets_the_next_one_follow():
    invoice = InvoiceFactory()
    first, second = InvoiceEventFactory.create_batch(2, invoice=invoice)
    InvoiceEvent.objects.filter(pk=first.pk).update(delivered_at=timezone.now(), next_attempt_at=None)

    assert deliver_written(invoice, [first, second]) == 1

    assert not InvoiceEvent.objects.filter(delivered_at=None).exists()


def test_an_event_that_nobody_took_is_delivered_with_the_next_of_its_invoice(connect):
    told = []
    connect(signals.invoice_created, lambda event, **_: told.append(event.pk))
    invoice = InvoiceFactory()
    left, written = InvoiceEventFactory.create_batch(2, invoice=invoice)

    assert deliver_written(invoice, [written]) == 2

    assert told == [left.pk, written.pk]


def test_an_event_from_the_queue_is_not_claimed_before_an_earlier_one():
    _, second = InvoiceEventFactory.create_batch(2, invoice=InvoiceFactory())

    assert send_event(frozenset(), second, is_first=True) is AttemptResult.NOT_CLAIMED


def test_an_event_that_failed_is_not_waited_for(connect, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: seconds and pytest.fail("nobody is at it"))
    invoice = InvoiceFactory()
    later = timezone.now() + timedelta(minutes=1)
    InvoiceEventFactory(invoice=invoice, next_attempt_at=later, attempts=1)

    assert deliver_written(invoice, [InvoiceEventFactory(invoice=invoice)], patient=True) == 0


@pytest.mark.django_db(transaction=True)
def test_somebody_patient_delivers_after_whoever_is_at_an_earlier_event(connect):
    """Two callbacks of one invoice at once, and no other after them: neither event is left behind."""
    invoice = InvoiceFactory()
    first, second = InvoiceEventFactory.create_batch(2, invoice=invoice)
    begun, told = threading.Event(), []

    def receiver(event, **_):
        begun.set()
        time.sleep(0.1)
        told.append(event.pk)

    def work():
        try:
            deliver_written(invoice, [first])
        finally:
            connection.close()

    connect(signals.invoice_created, receiver)
    other = threading.Thread(target=work)
    other.start()
    assert begun.wait(10)

    delivered = deliver_written(invoice, [second], patient=True)

    other.join()
    assert (delivered, told) == (1, [first.pk, second.pk])
