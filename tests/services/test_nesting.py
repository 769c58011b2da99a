"""Receivers and handlers call the public verbs: nothing is delivered inside a delivery, and nothing is left behind."""

from __future__ import annotations

import contextvars
import threading
from importlib import import_module

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection, transaction

from cryptopay_django import handlers, signals
from cryptopay_django.models import HandlerDelivery, Invoice, InvoiceEvent
from cryptopay_django.services import deliver_events, process_overdue, refresh_invoice, release_invoice
from cryptopay_django.services.events.deliver import deliver_or_dispatch
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory, invoice_wire
from tests.effects.models import Effect
from tests.test_tasks import FRAMEWORK
from tests.wire import ScriptedGateway

pytestmark = pytest.mark.django_db(transaction=True)

called: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_was_called():
    called.clear()


@pytest.fixture(autouse=True)
def gateway(settings):
    """A gateway that says of each invoice what our row says."""

    def answer(method, path, body):
        invoice = Invoice.objects.get(gateway_id=path.rsplit("/", 1)[1])
        return 200, {"data": invoice_wire(invoice, status=invoice.status)}

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(answer)


def held(**values):
    """An invoice that completed, and is held: its release writes `invoice_completed`."""
    return InvoiceFactory(status="completed", settled_amount=100, quarantine_reason="odd", **values)


def release(invoice):
    return release_invoice(Invoice.objects.get(pk=invoice.pk), actor="ada", reason="looked")


VERBS = {
    "deliver_events of the invoice": deliver_events,
    "deliver_events of all": lambda invoice: deliver_events(),
    "refresh_invoice": refresh_invoice,
    "process_overdue": lambda invoice: process_overdue(),
    "deliver_or_dispatch": deliver_or_dispatch,
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_a_receiver_that_calls_a_verb_about_its_own_invoice_is_called_once(verb, connect):
    def receiver(invoice, event, **_):
        Effect.objects.create(event_uuid=event.uuid, kind=event.kind, invoice_id=invoice.pk)
        if len(called) < 5:
            called.append("in")
            verb(invoice)

    connect(signals.invoice_created, receiver)
    event = InvoiceEventFactory()

    deliver_events(event.invoice)

    assert (Effect.objects.count(), called) == (1, ["in"])


def handler_that_calls(invoice, event):
    Effect.objects.create(event_uuid=event.uuid, kind=event.kind, invoice_id=invoice.pk)
    if len(called) < 5:
        called.append("in")
        deliver_events(invoice)
        deliver_events()
        refresh_invoice(invoice)


def test_a_handler_that_calls_verbs_about_its_own_invoice_is_called_once(handle):
    handle("invoice_created", handler_that_calls)
    write_events([new_event(InvoiceFactory(), "invoice_created", at=InvoiceFactory().created_at)])

    deliver_events()

    assert (Effect.objects.count(), called) == (1, ["in"])


def test_what_a_call_brings_is_delivered_afterwards_to_every_receiver_in_order(connect):
    """The first receiver releases its own invoice and another: the second has the first event before theirs."""
    other, own = held(), held()

    def first(event, **_):
        called.append(f"first {event.kind}")
        if event.kind == "invoice_created":
            release(own)
            release(other)
        assert connection.in_atomic_block

    def second(event, **_):
        called.append(f"second {event.kind}")

    for receiver in (first, second):
        for signal in (signals.invoice_created, signals.invoice_completed):
            connect(signal, receiver)

    assert deliver_events(InvoiceEventFactory(invoice=own).invoice) == 3

    assert called == ["first invoice_created", "second invoice_created"] + ["first invoice_completed", "second invoice_completed"] * 2  # fmt: skip
    assert not InvoiceEvent.objects.filter(next_attempt_at__isnull=False).exists()


chain: list[Invoice] = []


def release_the_next(invoice, event):
    depth.append(1)
    called.append("in")
    assert len(depth) == 1, "a handler inside of a handler"
    if chain:
        release(chain.pop())
    depth.pop()


depth: list[int] = []


def test_calls_that_bring_calls_end_at_any_depth(handle):
    """Each handler releases the next invoice; all are delivered by the one delivery that began it."""
    handle("invoice_completed", release_the_next)
    chain[:] = [held() for _ in range(30)]

    release(held())

    assert len(called) == 31
    assert not HandlerDelivery.objects.filter(delivered_at=None).exists()


def test_an_on_commit_hook_that_calls_a_verb_is_inside_too(connect):
    """Else hook, verb, delivery, hook would nest without end."""
    others = [held() for _ in range(3)]

    def receiver(event, **_):
        called.append("in")
        transaction.on_commit(hook)
        called.append("out")

    def hook():
        if others:
            release(others.pop())
        called.append("hook")

    connect(signals.invoice_created, receiver)
    connect(signals.invoice_completed, receiver)

    deliver_events(InvoiceEventFactory().invoice)

    assert called == ["in", "out", "hook"] * 4


def test_an_async_receiver_may_call_verbs(connect):
    other = held()

    async def receiver(invoice, event, **_):
        called.append(event.kind)
        if event.kind == "invoice_created":
            await sync_to_async(deliver_events)(invoice)
            await sync_to_async(release)(other)

    connect(signals.invoice_created, receiver)
    connect(signals.invoice_completed, receiver)

    deliver_events(InvoiceEventFactory().invoice)

    assert called == ["invoice_created", "invoice_completed"]


def test_what_a_receiver_starts_and_outlives_the_delivery_delivers_by_itself(connect):
    """It has inherited the context of the delivery; that is closed by then, and nobody would come for its events."""
    is_over, late = threading.Event(), InvoiceFactory()
    threads, delivered = [], []

    def work():
        is_over.wait(10)
        try:
            delivered.append(deliver_events(InvoiceEventFactory(invoice=late).invoice))
        finally:
            connection.close()

    def receiver(invoice, **_):
        if invoice.pk != late.pk:
            threads.append(threading.Thread(target=contextvars.copy_context().run, args=[work]))
            threads[0].start()

    connect(signals.invoice_created, receiver)
    deliver_events(InvoiceEventFactory().invoice)
    is_over.set()
    threads[0].join()

    assert delivered == [1]


def test_a_receiver_that_fails_takes_back_what_its_calls_have_written(connect):
    other = held()

    def receiver(**_):
        release(other)
        raise ConnectionError

    connect(signals.invoice_created, receiver)

    deliver_events(InvoiceEventFactory().invoice)

    assert Invoice.objects.get(pk=other.pk).quarantine_reason == "odd"
    assert not InvoiceEvent.objects.filter(invoice=other).exists()


def test_in_an_open_transaction_of_the_shop_events_are_delivered_after_its_commit(connect):
    connect(signals.invoice_completed, lambda **_: called.append("in"))

    with transaction.atomic():
        release(held())
        assert called == []
    assert called == ["in"]


def test_a_database_that_is_lost_after_the_shops_commit_is_logged_and_costs_the_shop_nothing(connect, caplog):
    connect(signals.invoice_completed, lambda **_: called.append("in"))
    is_committed: list[bool] = []

    def lose(execute, *arguments):
        if is_committed:
            raise OperationalError("the server is gone")
        return execute(*arguments)

    with connection.execute_wrapper(lose), transaction.atomic():
        transaction.on_commit(lambda: is_committed.append(True))
        release(held())

    assert called == []
    assert any("deliver_after_commit" in record.message for record in caplog.records)
    deliver_events()
    assert called == ["in"]


def test_a_transaction_that_the_shop_rolls_back_delivers_nothing(connect):
    connect(signals.invoice_completed, lambda **_: called.append("in"))

    with transaction.atomic():
        release(held())
        transaction.set_rollback(True)

    assert called == []


def test_a_delivery_that_leaves_early_hands_over_what_was_left_to_it(connect, settings):
    """In task mode the receiver ends the process: the event of the other invoice becomes a task."""
    settings.CRYPTOPAY_PROCESSING = "task"
    settings.TASKS = {"default": {"BACKEND": f"{FRAMEWORK}.backends.dummy.DummyBackend"}}
    enqueued = import_module(FRAMEWORK).task_backends["default"].results
    other = held()

    def receiver(**_):
        transaction.on_commit(lambda: (release(other), exit_now()))

    def exit_now():
        raise SystemExit

    connect(signals.invoice_created, receiver)

    with pytest.raises(SystemExit):
        deliver_events(InvoiceEventFactory().invoice)

    assert [(result.task.name, list(result.args)) for result in enqueued] == [("deliver_events_task", [str(other.pk)])]


def test_a_thread_that_a_receiver_joins_gets_no_event_that_is_in_work(connect):
    """On a server database it passes over what is locked; on SQLite it is told that the database is busy."""
    raised = []

    def work():
        try:
            called.append(f"inner {deliver_events()}")
        except Exception as error:  # noqa: BLE001
            raised.append(error)
        finally:
            connection.close()

    def receiver(**_):
        called.append("in")
        if connection.vendor != "sqlite":
            inner = threading.Thread(target=work)
            inner.start()
            inner.join()

    connect(signals.invoice_created, receiver)

    assert deliver_events(InvoiceEventFactory().invoice) == 1

    assert (called, raised) == (["in"] if connection.vendor == "sqlite" else ["in", "inner 0"], [])


def test_no_handler_of_a_test_is_left():
    assert not handlers.is_any_registered()
