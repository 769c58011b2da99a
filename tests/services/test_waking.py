"""Waking workers: what is heard, when, and by whom."""

import threading
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone

from cryptopay_django.services.dispatch import postgres_notify
from cryptopay_django.services.dispatch.at_most_every import Throttle
from cryptopay_django.services.dispatch.postgres_notify import AT_MOST_EVERY, CHANNEL, Listener, wake_workers
from cryptopay_django.services.events.deliver import deliver_or_dispatch
from cryptopay_django.services.worker.loop import work, work_off
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory

pytestmark = pytest.mark.django_db(transaction=True)
on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL tells")
PATIENCE_SECONDS = 20
LONG_ENOUGH = 0.3
NEVER = threading.Event()


@pytest.fixture
def listener():
    listener = Listener()
    assert listener.wait(NEVER, 0), "it has only just begun to listen"
    time.sleep(AT_MOST_EVERY)
    yield listener
    listener.close()


@on_postgresql
def test_a_worker_is_woken_when_the_transaction_is_committed_and_not_before(listener):
    with transaction.atomic():
        wake_workers()
        assert not listener.wait(NEVER, LONG_ENOUGH)

    assert listener.wait(NEVER, PATIENCE_SECONDS)


@on_postgresql
def test_a_roll_back_wakes_nobody(listener):
    with transaction.atomic():
        wake_workers()
        transaction.set_rollback(True)

    assert not listener.wait(NEVER, LONG_ENOUGH)


@on_postgresql
def test_many_at_once_cost_one_notification(listener, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(postgres_notify, "_throttle", Throttle(60))
    with django_assert_num_queries(1):
        for _ in range(20):
            wake_workers()

    assert listener.wait(NEVER, PATIENCE_SECONDS)
    assert not listener.wait(NEVER, LONG_ENOUGH), "all that was told has been heard"


@on_postgresql
def test_a_listener_whose_connection_breaks_listens_again(listener):
    ours = (
        "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = current_database() AND query = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(ours, [PATIENCE_SECONDS * 1000, f"LISTEN {CHANNEL}"])
        assert (True,) in cursor.fetchall()

    assert not listener.wait(NEVER, LONG_ENOUGH), "that is when it notices"
    assert listener.wait(NEVER, PATIENCE_SECONDS), "it has begun anew, and what was told meanwhile was not heard"
    wake_workers()
    assert listener.wait(NEVER, PATIENCE_SECONDS)


@pytest.mark.skipif(connection.vendor == "postgresql", reason="there it does")
def test_elsewhere_nothing_is_sent_and_it_waits(django_assert_num_queries):
    with django_assert_num_queries(0):
        wake_workers()

    assert not Listener().wait(NEVER, 0.01)


def test_a_worker_that_is_to_stop_does_not_begin_with_another_callback():
    CallbackFactory()
    stop = threading.Event()
    stop.set()

    assert work_off(stop) == 0


def test_a_worker_delivers_what_falls_due_while_it_waits():
    stop = threading.Event()
    working = threading.Thread(target=work, args=[stop], kwargs={"interval": 0.05})
    working.start()
    event = InvoiceEventFactory()

    deadline = time.monotonic() + PATIENCE_SECONDS
    while event.delivered_at is None and time.monotonic() < deadline:
        event.refresh_from_db()
    stop.set()
    working.join()

    assert event.delivered_at is not None


def test_where_workers_deliver_events_are_left_to_them(settings):
    settings.CRYPTOPAY_PROCESSING = "worker"
    event = InvoiceEventFactory()

    deliver_or_dispatch(event.invoice)

    event.refresh_from_db()
    assert event.delivered_at is None
    assert event.next_attempt_at <= timezone.now()
