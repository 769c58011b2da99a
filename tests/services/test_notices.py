"""Notices: who is told of what, once, as a digest, and whatever the mail server does."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import InvoiceEvent, NoticeKind, NoticeSchedule
from cryptopay_django.services import (
    approve_resolution,
    deliver_events,
    process_callback,
    refund_invoice,
    send_notices,
    withdraw_resolution,
)
from cryptopay_django.services.worker.loop import repeat, work_off
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    invoice_wire,
    transaction_wire,
)
from tests.wire import ScriptedGateway

from .desk import ADDRESS, unresolved

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def recipients(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {kind.value: [f"{kind}@shop.example"] for kind in NoticeKind}


def due(kind, **values):
    return InvoiceEventFactory(kind=kind, next_attempt_at=None, notice_due_at=timezone.now(), **values)


def arrive(invoice, event="status_changed", **changes):
    process_callback(CallbackFactory(body=callback_body(invoice_wire(invoice, **changes), event)))


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"status": "unresolved", "status_context": "underpaid"}, "unresolved"),
        ({"status": "unresolved", "status_context": "illicit_resource"}, "held"),
        ({"price_amount": "1.0"}, "quarantined"),
        ({"transactions": [transaction_wire("a" * 64, level="high")]}, "high_risk"),
    ],
)
def test_what_happens_to_an_invoice_is_told_to_those_it_concerns(settings, changes, kind):
    invoice = InvoiceFactory(paid_amount="0.00000001")
    told = invoice_wire(invoice, **{"paid_amount": "0.00000001", **changes})
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda *_: (200, {"data": told}))
    arrive(invoice, **changes)

    assert (send_notices(), send_notices()) == (1, 0)

    (message,) = mail.outbox
    assert message.to == [f"{kind}@shop.example"]
    assert f"{invoice.custom_id} (default): ordered 100 EUR, paid 0" in message.body


def test_a_high_risk_is_told_once_however_often_it_is_repeated():
    invoice = InvoiceFactory()
    for level in (None, "high", "high", None):
        arrive(invoice, "transaction_created", transactions=[transaction_wire("a" * 64, level=level)])

    assert invoice.events.filter(kind="risk_high").count() == 1


def test_an_event_that_cannot_be_delivered_is_told_after_so_many_failures(settings):
    settings.CRYPTOPAY_NOTICE_FAILED_DELIVERIES = 2
    event = InvoiceEventFactory()

    def broken(**_):
        raise ValueError("the shop's own mistake")

    signals.invoice_created.connect(broken)
    try:
        for told in (0, 1, 1):
            InvoiceEvent.objects.filter(pk=event.pk).update(next_attempt_at=timezone.now())
            deliver_events()
            assert InvoiceEvent.objects.filter(kind="delivery_failing").count() == told
    finally:
        signals.invoice_created.disconnect(broken)

    assert send_notices() == 1
    assert mail.outbox[0].to == ["undelivered@shop.example"]


def test_a_resolution_that_stays_undecided_is_told():
    due("resolution_stuck")

    send_notices()

    assert mail.outbox[0].to == ["unknown_resolution@shop.example"]


def test_a_flood_is_one_digest_a_kind_and_interval():
    invoice = InvoiceFactory()
    for _ in range(120):
        due("invoice_unresolved", invoice=invoice, detail={"context": "underpaid"})
    due("invoice_unresolved", detail={"context": "illicit_resource"})

    assert send_notices() == 2
    for _ in range(3):
        due("invoice_unresolved", detail={"context": "overpaid"})
    assert send_notices() == 0, "it is too early for the next one"
    NoticeSchedule.objects.update(next_attempt_at=timezone.now())
    assert send_notices() == 1

    assert [message.subject for message in mail.outbox] == [
        "Cryptopay: unresolved (120 invoices)",
        "Cryptopay: held as high-risk (1 invoice)",
        "Cryptopay: unresolved (3 invoices)",
    ]
    assert "… and 20 more." in mail.outbox[0].body


def test_a_mail_holds_ids_amounts_and_a_link_and_nothing_of_the_person(settings):
    settings.CRYPTOPAY_SITE_URL = "https://shop.example/"
    invoice = InvoiceFactory(
        payer_email="jo@example.com", name="Jo Doe", description="a gift", customer_id="c-77", metadata={"phone": "1"}
    )
    due("invoice_quarantined", invoice=invoice, detail={"reason": "address is elsewhere"})

    send_notices()

    body = mail.outbox[0].body
    assert f"https://shop.example/admin/cryptopay_django/invoice/{invoice.pk}/change/" in body
    for personal in ("jo@example.com", "Jo Doe", "a gift", "c-77", "phone", invoice.address):
        assert personal not in body


def test_a_mail_server_that_is_down_loses_nothing_and_raises_nothing(settings):
    settings.CRYPTOPAY_NOTIFIER = lambda notice, recipients: 1 / 0
    due("invoice_quarantined")

    assert send_notices() == 0
    schedule = NoticeSchedule.objects.get()
    assert (schedule.attempts, "ZeroDivisionError" in schedule.last_error) == (1, True)
    assert timedelta(0) < schedule.next_attempt_at - timezone.now() <= timedelta(seconds=10)
    assert send_notices() == 0

    settings.CRYPTOPAY_NOTIFIER = None
    NoticeSchedule.objects.update(next_attempt_at=timezone.now())
    assert send_notices() == 1
    assert (NoticeSchedule.objects.get().attempts, len(mail.outbox)) == (0, 1)


def test_a_process_that_dies_before_it_could_note_it_tells_again(settings):
    class Killed(BaseException):
        pass

    def die(notice, recipients):
        raise Killed

    settings.CRYPTOPAY_NOTIFIER = die
    event = due("invoice_quarantined")

    with pytest.raises(Killed):
        send_notices()

    event.refresh_from_db()
    assert event.notice_due_at is not None


def test_a_notifier_of_the_shop_gets_the_notice_and_its_recipients(settings):
    told = []
    settings.CRYPTOPAY_NOTIFIER = lambda notice, recipients: told.append((notice, recipients))
    invoice = due("invoice_quarantined").invoice

    send_notices()

    ((notice, to),) = told
    assert (notice.kind, to, notice.items[0].invoice_id) == ("quarantined", ("quarantined@shop.example",), invoice.pk)
    assert (notice.items[0].ordered, notice.items[0].url) == ("100 EUR", "")
    assert mail.outbox == []


def test_without_recipients_nobody_is_told_and_nothing_piles_up(settings):
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {}
    due("invoice_quarantined")

    send_notices()

    assert mail.outbox == []
    assert not InvoiceEvent.objects.filter(notice_due_at__isnull=False).exists()


def test_a_signal_follows_each_notice_and_its_receivers_cannot_break_it():
    heard = []

    def receive(sender, notice, **_):
        heard.append(notice.kind)
        raise ValueError

    signals.notice_sent.connect(receive)
    try:
        due("invoice_quarantined")
        assert send_notices() == 1
    finally:
        signals.notice_sent.disconnect(receive)

    assert heard == ["quarantined"]


def test_the_worker_sends_them_once_for_cron():
    due("invoice_quarantined")

    call_command("cryptopay_worker", "--once")

    assert len(mail.outbox) == 1


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_hangs_holds_up_no_signal(settings):
    hangs, told = threading.Event(), threading.Event()
    settings.CRYPTOPAY_NOTIFIER = lambda notice, recipients: (told.set(), hangs.wait(20))
    due("invoice_quarantined")
    stop = threading.Event()
    telling = threading.Thread(target=repeat, args=[send_notices, stop, 0.01])
    telling.start()
    assert told.wait(20)
    event = InvoiceEventFactory()

    work_off(stop)

    event.refresh_from_db()
    assert event.delivered_at is not None
    assert telling.is_alive()
    stop.set()
    hangs.set()
    telling.join()


def test_while_nothing_is_due_it_costs_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert send_notices() == 0


def test_what_has_to_wait_for_the_next_notice_is_not_read_meanwhile():
    due("risk_high")
    send_notices()
    for _ in range(3):
        due("risk_high")

    with CaptureQueriesContext(connection) as queries:
        assert send_notices() == 0

    assert not any("risk_high" in query["sql"] for query in queries)
    assert InvoiceEvent.objects.filter(notice_due_at__isnull=False).count() == 3


def test_who_has_to_approve_is_told_once(cryptopay_sandbox, settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(1)}
    invoice = unresolved(cryptopay_sandbox)
    InvoiceEvent.objects.update(notice_due_at=None)
    refund_invoice(invoice, actor="ada", reason="ticket 4711", address=ADDRESS)

    assert (send_notices(), send_notices()) == (1, 0)

    (message,) = mail.outbox
    assert message.to == ["approval@shop.example"]
    assert message.subject == "Cryptopay: waits for a second person (1 invoice)"
    assert not {"ada", "4711", ADDRESS} & set(message.body.split())


@pytest.mark.parametrize("ends", [approve_resolution, withdraw_resolution])
def test_nobody_is_told_of_what_was_decided_meanwhile(cryptopay_sandbox, settings, ends):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(1)}
    waiting = refund_invoice(unresolved(cryptopay_sandbox), actor="ada", reason="x", address=ADDRESS)
    ends(waiting, actor="bob", **({"reason": "no"} if ends is withdraw_resolution else {}))
    InvoiceEvent.objects.exclude(kind="approval_requested").update(notice_due_at=None)

    assert send_notices() == 0
    assert not mail.outbox
    assert not InvoiceEvent.objects.filter(notice_due_at__isnull=False).exists()


def test_a_small_refund_asks_nobody(cryptopay_sandbox):
    refund_invoice(unresolved(cryptopay_sandbox), actor="ada", reason="x", address=ADDRESS)

    assert not InvoiceEvent.objects.filter(kind="approval_requested").exists()
