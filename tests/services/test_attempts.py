"""One attempt: what it counts and when, what a receiver can do to it, and what staff hear of it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.dispatch import dispatcher
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.exceptions import DeliveryBusyError
from cryptopay_django.models import HandlerDelivery, InvoiceEvent
from cryptopay_django.services import deliver_events, process_overdue, send_notices
from cryptopay_django.services.events import attempt
from cryptopay_django.services.events.attempt import Attempt
from cryptopay_django.services.events.deliver import deliver_written
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.services.events.retry import retry_event
from cryptopay_django.testing.factories import (
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
)
from tests.effects.models import Effect

pytestmark = pytest.mark.django_db(transaction=True)


def write(invoice, event):
    Effect.objects.create(event_uuid=event.uuid, kind=event.kind, invoice_id=invoice.pk)


def elsewhere(act):
    """Run an act on another connection and return what it returned: it sees what is committed."""
    found = []

    def run():
        try:
            found.append(act())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def fall_due(model=InvoiceEvent):
    model.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())


def look(event):
    return InvoiceEvent.objects.get(pk=event.pk)


def test_an_attempt_from_the_queue_is_counted_and_committed_before_it_is_made(connect):
    seen = []
    connect(signals.invoice_created, lambda event, **_: seen.append(elsewhere(lambda: look(event))))
    event = InvoiceEventFactory()

    deliver_events()

    (before,) = seen
    assert (before.attempts, before.begun_at is not None) == (1, True)
    assert before.next_attempt_at - before.begun_at >= timedelta(seconds=10)
    after = look(event)
    assert (after.attempts, after.begun_at, after.next_attempt_at) == (0, None, None), "it did not fail"


def test_the_first_attempt_of_the_process_that_wrote_the_event_is_not_counted_before(connect):
    seen = []
    connect(signals.invoice_created, lambda event, **_: seen.append(elsewhere(lambda: look(event))))
    event = InvoiceEventFactory()

    deliver_written(event.invoice, [event])

    assert (seen[0].attempts, seen[0].begun_at) == (0, None)
    assert look(event).delivered_at is not None


def test_each_failure_counts_once_whoever_has_made_the_attempt(connect):
    def fails(**_):
        raise ConnectionError

    connect(signals.invoice_created, fails)
    event, counts = InvoiceEventFactory(), []
    deliver_written(event.invoice, [event])

    for _ in range(3):
        counts.append(look(event).attempts)
        fall_due()
        deliver_events()

    assert [*counts, look(event).attempts] == [1, 2, 3, 4]
    assert look(event).begun_at is None


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()])
def test_a_receiver_that_ends_its_process_is_counted_noted_and_stops_no_other_invoice(error, connect):
    deadly, harmless = InvoiceEventFactory.create_batch(2)
    heard = []

    def receiver(event, **_):
        if event.pk == deadly.pk:
            raise error
        heard.append(event.pk)

    connect(signals.invoice_created, receiver)

    for _ in range(2):  # the supervisor starts another one
        with suppress(SystemExit, KeyboardInterrupt, GeneratorExit):
            process_overdue()

    assert heard == [harmless.pk]
    failed = look(deadly)
    assert (failed.attempts, failed.begun_at, failed.next_attempt_at > timezone.now()) == (1, None, True)
    assert type(error).__name__ in failed.last_error


def ends(invoice, event):
    raise SystemExit


def test_a_handler_that_ends_its_process_is_counted_and_given_up(handle, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 3
    handle("invoice_created", ends)
    write_events([new_event(InvoiceFactory(), "invoice_created", at=timezone.now())])

    for _ in range(3):
        with pytest.raises(SystemExit):
            deliver_events()
        fall_due(HandlerDelivery)
    deliver_events()

    call = HandlerDelivery.objects.get()
    assert (call.attempts, call.given_up_at is not None) == (3, True)


@pytest.mark.skipif(
    hasattr(asyncio, "TaskGroup") and "TaskGroup" in inspect.getsource(dispatcher),
    reason="this release of Django takes a receiver that was cancelled for one that has returned",
)
def test_an_async_receiver_that_is_cancelled_is_a_failure(connect):
    async def receiver(**_):
        raise asyncio.CancelledError

    connect(signals.invoice_created, receiver)
    event = InvoiceEventFactory()

    assert deliver_events() == 0

    assert (look(event).attempts, "CancelledError" in look(event).last_error) == (1, True)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_request_with_anothers_callback_answers_when_a_receiver_ends_its_process(error, connect, client, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    deadly = InvoiceEventFactory(next_attempt_at=timezone.now() - timedelta(minutes=1))
    invoice = InvoiceFactory()

    def receiver(**_):
        raise error

    connect(signals.invoice_created, receiver)
    body = callback_body(invoice_wire(invoice, paid_amount="0.001"))

    answer = client.post("/cryptopay/callbacks/", body, "application/json", headers=callback_headers(body))

    assert (answer.status_code, look(deadly).attempts) == (200, 1)


def test_an_attempt_that_never_came_back_is_told_as_such_and_reported(connect, settings):
    """The process was killed: nothing could be noted. The count was committed before, and the next look sees it."""
    settings.CRYPTOPAY_NOTICE_FAILED_DELIVERIES = 2
    told = []
    settings.CRYPTOPAY_NOTIFIER = lambda notice, recipients: told.append(str(notice.kind))
    connect(signals.invoice_created, lambda **_: None)
    event = InvoiceEventFactory(attempts=2, begun_at=timezone.now() - timedelta(minutes=9))

    connect(signals.invoice_created, raise_once := Once(ConnectionError))
    deliver_events()

    assert raise_once.times == 1
    assert event.invoice.events.get(kind="delivery_failing").detail == {"event": "invoice_created", "attempts": 2}
    send_notices()
    assert told == ["undelivered"]


def test_the_error_of_an_attempt_that_never_came_back_says_so_while_the_next_one_runs(connect):
    seen = []
    connect(signals.invoice_created, lambda event, **_: seen.append(look(event).last_error))
    InvoiceEventFactory(attempts=1, begun_at=timezone.now() - timedelta(minutes=9))

    deliver_events()

    assert "has not come back" in seen[0]


class Once:
    """A receiver that raises the first time."""

    def __init__(self, error):
        self.error, self.times = error, 0

    def __call__(self, **_):
        self.times += 1
        if self.times == 1:
            raise self.error


def test_a_handlers_last_attempt_that_never_came_back_is_given_up(handle, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 3
    handle("invoice_created", ends)
    event = new_event(InvoiceFactory(), "invoice_created", at=timezone.now())
    write_events([event])
    HandlerDelivery.objects.update(attempts=3, begun_at=timezone.now() - timedelta(hours=1))

    deliver_events()

    call = HandlerDelivery.objects.get()
    assert (call.attempts, call.given_up_at is not None, call.next_attempt_at) == (3, True, None)
    assert event.invoice.events.filter(kind="handler_given_up").exists()


def close(**_):
    connection.close()


def set_rollback(**_):
    transaction.set_rollback(True)


def swallow(**_):
    with suppress(IntegrityError), transaction.atomic(savepoint=False):
        raise IntegrityError


def swallow_raw(**_):
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")


BROKEN = [close, set_rollback, swallow] + ([swallow_raw] if connection.vendor == "postgresql" else [])


@pytest.mark.parametrize("breaks", BROKEN)
def test_a_receiver_that_breaks_the_transaction_and_says_nothing_is_noticed(breaks, connect):
    """The block ends without an exception then: only a statement after the receivers finds out."""
    connect(signals.invoice_created, lambda invoice, event, **_: write(invoice, event))
    connect(signals.invoice_created, breaks)
    event = InvoiceEventFactory()

    assert deliver_events() == 0

    assert (look(event).attempts, look(event).delivered_at, Effect.objects.count()) == (1, None, 0)


@pytest.mark.parametrize("is_written", [True, False])
def test_a_failing_hook_is_reported_as_what_it_is(is_written, connect, caplog):
    """The event is delivered: no other attempt follows, and nobody reads that one would."""
    tries = []

    def hook():
        tries.append(1)
        raise ConnectionError("the broker is down")

    connect(signals.invoice_created, lambda invoice, event, **_: write(invoice, event))
    connect(signals.invoice_created, lambda **_: transaction.on_commit(hook))
    event = InvoiceEventFactory()

    for _ in range(2):
        if is_written:
            deliver_written(event.invoice, [event])
        else:
            deliver_events()

    assert (len(tries), Effect.objects.count()) == (1, 1)
    assert (look(event).delivered_at is not None, look(event).attempts) == (True, 0)
    (reported,) = event.invoice.events.filter(kind="hook_failed")
    assert reported.detail == {"event": "invoice_created", "error": "ConnectionError: the broker is down"}
    assert reported.notice_due_at is not None
    (logged,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "is delivered, but an on_commit hook" in logged
    assert "again" not in logged


def test_a_hook_that_ends_the_process_leaves_the_event_delivered(connect):
    def hook():
        raise SystemExit

    connect(signals.invoice_created, lambda **_: transaction.on_commit(hook))
    event = InvoiceEventFactory()

    with pytest.raises(SystemExit):
        deliver_events()

    assert look(event).delivered_at is not None


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock for all")
def test_a_person_who_tries_again_does_not_wait_for_a_receiver_that_hangs(connect):
    answers = []

    def receiver(event, **_):
        answers.append(elsewhere(lambda: try_again(event)))

    def try_again(event):
        try:
            return retry_event(event)
        except DeliveryBusyError as error:
            return error

    connect(signals.invoice_created, receiver)
    InvoiceEventFactory()

    deliver_events()

    assert isinstance(answers[0], DeliveryBusyError)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock for all")
def test_notices_of_other_invoices_do_not_wait_for_a_receiver_that_hangs(connect, settings):
    told = []
    settings.CRYPTOPAY_NOTIFIER = lambda notice, recipients: told.append(len(notice.items))
    hung, other = (InvoiceEventFactory(kind="invoice_quarantined", notice_due_at=timezone.now()) for _ in range(2))
    InvoiceEvent.objects.filter(pk=other.pk).update(next_attempt_at=None)
    connect(signals.invoice_quarantined, lambda **_: elsewhere(send_notices))

    deliver_events()

    assert told == [2]
    assert look(other).notice_due_at is None
    assert look(hung).notice_due_at is not None, "it was locked: its notice leaves once more"


@pytest.fixture
def taken(monkeypatch):
    """Let another connection lock an event right after an attempt has counted it, until its thread is let go."""
    ready, go_on = threading.Event(), threading.Event()
    threads = []

    def hold(key):
        with transaction.atomic():
            InvoiceEvent.objects.lock(pk=key)
            ready.set()
            go_on.wait(20)
        connection.close()

    def count_and_lose(self, begun_at):
        turn = count(self, begun_at)
        if not threads:
            threads.append(threading.Thread(target=hold, args=[self.key]))
            threads[0].start()
            assert ready.wait(20)
        return turn

    count = Attempt._count
    monkeypatch.setattr(Attempt, "_count", count_and_lose)
    yield go_on
    go_on.set()
    threads[0].join()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock for all")
def test_who_only_looks_at_a_row_does_not_cost_its_attempt(connect, taken, monkeypatch):
    connect(signals.invoice_created, lambda invoice, event, **_: write(invoice, event))
    event = InvoiceEventFactory()
    monkeypatch.setattr(attempt, "_PAUSES", (0.2, 0.2, 0.2))
    threading.Timer(0.1, taken.set).start()

    assert deliver_events(event.invoice) == 1
    assert (look(event).attempts, look(event).delivered_at is None) == (0, False)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock for all")
def test_an_attempt_that_does_not_get_its_row_is_given_back(connect, taken, monkeypatch):
    connect(signals.invoice_created, lambda invoice, event, **_: write(invoice, event))
    event = InvoiceEventFactory()
    given_back = []

    def give_back(self, begun_at):
        taken.set()
        really(self, begun_at)
        given_back.append(look(event))

    really = Attempt._uncount
    monkeypatch.setattr(Attempt, "_uncount", give_back)

    assert deliver_events(event.invoice) == 1
    (row,) = given_back
    assert (row.attempts, row.begun_at, row.delivered_at) == (0, None, None)
    assert row.next_attempt_at <= timezone.now()
    assert look(event).last_error == "", "no attempt was lost"
    assert Effect.objects.count() == 1
