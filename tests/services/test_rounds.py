"""Reconciliation in the worker's schedule: one process does a round, none is lost, and nothing waits for it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import post_save, pre_save
from django.utils import timezone

from cryptopay_django.models import Invoice, NoticeSchedule, Schedule
from cryptopay_django.services import create_invoice, reconcile_in_turn, send_notices
from cryptopay_django.services.rate_limit_by_use import Use, may_call
from cryptopay_django.services.reconciliation.schedule import LEASE
from cryptopay_django.services.worker.loop import repeat, work_off
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory, invoice_wire
from tests.wire import ScriptedGateway

pytestmark = pytest.mark.django_db


def grown_old(invoice: Invoice) -> Invoice:
    Invoice.objects.filter(pk=invoice.pk).update(created_at=timezone.now() - timedelta(minutes=30))
    return invoice


def paid_in_silence(sandbox) -> Invoice:
    """An invoice that was paid without a callback."""
    invoice = grown_old(create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC"))
    sandbox.trouble(drop="1")
    sandbox.pay(invoice)
    sandbox.confirm(invoice)
    return invoice


def test_a_round_takes_in_what_no_callback_told_and_writes_down_what_it_found(cryptopay_sandbox):
    invoice = paid_in_silence(cryptopay_sandbox)

    result = reconcile_in_turn()

    assert (result.asked, result.drifted) == (1, 1)
    assert Invoice.objects.get(pk=invoice.pk).status == "completed"
    turn = Schedule.objects.get()
    assert turn.found == "1 asked, 1 drifted, 0 failed, 0 left"
    assert turn.due_at - turn.begun_at == timedelta(seconds=300)


@pytest.mark.parametrize("signal", [pre_save, post_save])
def test_an_audit_log_that_fails_stops_neither_rounds_nor_notices_nor_calls(signal, settings):
    """A log of another app that cannot store a key of ours: what we keep for ourselves sends it no signals."""
    InvoiceEventFactory(kind="invoice_quarantined", next_attempt_at=None, notice_due_at=timezone.now())
    settings.CRYPTOPAY_NOTIFIER = lambda notice, recipients: 1 / 0

    def log(sender, **_):
        raise OverflowError(sender)

    signal.connect(log, dispatch_uid="log")
    try:
        is_first = reconcile_in_turn() is not None
        may = [may_call("default", Use.CUSTOMER_REFRESHES) for _ in range(2)]
        sent = send_notices()
    finally:
        signal.disconnect(dispatch_uid="log")

    assert (is_first, may, sent) == (True, [True, True], 0)
    failed = NoticeSchedule.objects.get()
    assert (failed.attempts, "ZeroDivisionError" in failed.last_error) == (1, True)


def test_the_next_round_is_an_interval_later_and_costs_one_query_until_then(django_assert_num_queries):
    reconcile_in_turn()

    with django_assert_num_queries(1):
        assert reconcile_in_turn() is None
    Schedule.objects.update(due_at=timezone.now())
    assert reconcile_in_turn() is not None


def test_an_interval_of_zero_turns_it_off(settings):
    settings.CRYPTOPAY_RECONCILE_INTERVAL = 0

    assert reconcile_in_turn() is None
    assert not Schedule.objects.exists()


def test_a_round_that_breaks_off_is_noted_and_the_next_one_comes_in_its_time(settings):
    grown_old(InvoiceFactory())

    class Killed(BaseException):
        pass

    def die(method, path, body):
        raise Killed

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(die)

    with pytest.raises(Killed):
        reconcile_in_turn()

    turn = Schedule.objects.get()
    assert (turn.found, turn.due_at - turn.begun_at) == ("it broke off", timedelta(seconds=300))


def test_the_turn_of_a_process_that_died_is_taken_when_its_lease_is_over():
    begun_at = timezone.now() - timedelta(minutes=4)
    Schedule.objects.create(name="reconciliation", begun_at=begun_at, due_at=begun_at + LEASE)
    assert reconcile_in_turn() is None

    Schedule.objects.update(due_at=timezone.now() - timedelta(seconds=1))

    assert reconcile_in_turn() is not None


@pytest.mark.django_db(transaction=True)
def test_of_several_workers_one_does_a_round():
    start, results = threading.Barrier(4), []

    def work():
        start.wait(20)
        results.append(reconcile_in_turn())
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [result is not None for result in sorted(results, key=bool)].count(True) == 1
    assert len(results) == 4


@pytest.mark.django_db(transaction=True)
def test_a_gateway_that_hangs_holds_up_no_signal(settings):
    hangs, asked = threading.Event(), threading.Event()
    invoice = grown_old(InvoiceFactory())

    def answer(method, path, body):
        asked.set()
        hangs.wait(20)
        return 200, {"data": invoice_wire(invoice)}

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(answer)
    stop = threading.Event()
    reconciling = threading.Thread(target=repeat, args=[reconcile_in_turn, stop, 0.01])
    reconciling.start()
    assert asked.wait(20)
    event = InvoiceEventFactory()

    work_off(stop)

    event.refresh_from_db()
    assert event.delivered_at is not None
    assert reconciling.is_alive()
    stop.set()
    hangs.set()
    reconciling.join()


def test_cron_does_it_with_the_rest(cryptopay_sandbox):
    invoice = paid_in_silence(cryptopay_sandbox)

    call_command("cryptopay_worker", "--once")

    assert Invoice.objects.get(pk=invoice.pk).status == "completed"
