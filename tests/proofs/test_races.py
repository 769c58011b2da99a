"""Real parallel load on one invoice, with real threads and processes on connections of their own.

PROVE_ROUNDS sets how often a race is run: those of two more often, the widest less, by what they cost. The servers'
races have a control beside them: with the lock taken out, the same race is lost. SQLite has one writer at a time; there
the promise is that nobody is told that the database is locked.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.utils import timezone

from cryptopay_django import handlers
from cryptopay_django.exceptions import InvoiceChangedError, ReleaseError
from cryptopay_django.models import Callback, HandlerDelivery, Invoice, InvoiceEvent
from cryptopay_django.models.locking import LockingManager
from cryptopay_django.services import (
    deliver_events,
    process_callback,
    process_overdue,
    refresh_invoice,
    release_invoice,
)
from cryptopay_django.services.callbacks.process import process_and_deliver
from cryptopay_django.services.events.deliver import deliver_written
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.signals import invoice_created
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    invoice_wire,
)
from tests.effects.handlers import HANDLERS, registered
from tests.effects.models import Effect, HandledEffect
from tests.effects.receivers import Shop
from tests.proofs.racing import Threads, at_the_line, race_processes
from tests.wire import SEQUENCES, ScriptedGateway

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = int(os.environ.get("PROVE_ROUNDS", "2"))
FEWER = max(ROUNDS // 20, 2)
SEQUENCE = SEQUENCES["topped up in time"][0]
TOLD = ["invoice_completed", *["payment_confirmed"] * 2, *["payment_detected"] * 2]

on_a_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no row locks to take out")


@pytest.fixture(autouse=True)
def shop() -> Iterator[Shop]:
    with Shop().open() as shop:
        yield shop


@pytest.fixture
def threads() -> Iterator[Threads]:
    with at_the_line() as threads:
        yield threads


@pytest.fixture
def gateway(settings) -> ScriptedGateway:
    scripted = ScriptedGateway(lambda *_: (200, {"data": scripted.truth}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def arriving(invoice: Invoice, step: int) -> Callable[[], object]:
    event, changes = SEQUENCE[step]
    callback = CallbackFactory(
        body=callback_body(invoice_wire(invoice, **changes), event),
        next_attempt_at=timezone.now() + timedelta(minutes=1),
    )
    return lambda: (process_callback(callback), deliver_events(invoice))


def settle_down() -> None:
    """Whoever found a row in other hands left it for later: later is now."""
    for model in (Callback, InvoiceEvent, HandlerDelivery):
        model.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    process_overdue()


def assert_once(invoice: Invoice) -> None:
    row = Invoice.objects.get(pk=invoice.pk)
    events = list(row.events.all())
    assert (row.status, row.settled_amount, row.price_amount, row.quarantine_reason) == ("completed", 100, 100, "")
    assert sorted(event.kind for event in events) == TOLD
    assert sorted(Effect.objects.filter(invoice_id=row.pk).values_list("event_uuid", flat=True)) == sorted(
        event.uuid for event in events
    )
    errors = Callback.objects.filter(invoice=row).exclude(error="").values_list("error", flat=True)
    assert list(errors) == [], "nobody was told of a lock, a deadlock or a constraint"
    assert not Callback.objects.filter(outcome="pending").exists()


@pytest.mark.parametrize(("fold", "rounds"), [(2, ROUNDS * 8), (16, FEWER)])
def test_one_callback_many_fold(gateway, threads, fold, rounds):
    for _ in range(rounds):
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **SEQUENCE[-1][1])

        raised = threads.race(*[arriving(invoice, -1) for _ in range(fold)])

        settle_down()
        assert raised == []
        assert_once(invoice)


def test_one_body_of_another_type_stored_many_fold(threads):
    for number in range(ROUNDS):
        body = callback_body({"id": f"w-{number}"}, "created", type="CoinWithdrawal")
        later = timezone.now() + timedelta(minutes=1)
        stored = [CallbackFactory(body=body, next_attempt_at=later) for _ in range(4)]

        raised = threads.race(*[partial(process_and_deliver, callback) for callback in stored])

        settle_down()
        assert raised == []
        event = InvoiceEvent.objects.get(subject=stored[0].subject)
        assert list(Effect.objects.filter(invoice_id=event.subject).values_list("event_uuid", flat=True)) == [
            event.uuid
        ]
        ended = Callback.objects.filter(body=body)
        assert sorted(ended.values_list("outcome", "error")) == [("applied", ""), *[("stale", "")] * 3]


def test_different_callbacks_of_one_invoice(gateway, threads):
    for _ in range(ROUNDS):
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **SEQUENCE[-1][1])

        raised = threads.race(*[arriving(invoice, step) for step in range(5)])

        settle_down()
        assert raised == []
        assert_once(invoice)


def test_callback_against_poll_against_operator(gateway, threads):
    for _ in range(ROUNDS):
        invoice = InvoiceFactory(quarantine_reason="odd")
        gateway.truth = invoice_wire(invoice, **SEQUENCE[-1][1])

        arrivals = [arriving(invoice, -1) for _ in range(3)]
        raised = threads.race(*arrivals, *[partial(refresh_invoice, invoice)] * 3, *[partial(released, invoice)] * 2)

        settle_down()
        kinds = list(Invoice.objects.get(pk=invoice.pk).events.values_list("kind", flat=True))
        assert raised == []
        assert (kinds.count("invoice_released"), kinds.count("invoice_completed")) == (1, 1)
        assert Effect.objects.filter(kind="invoice_completed", invoice_id=invoice.pk).count() == 1


def released(invoice: Invoice) -> None:
    """Release it as an operator does, who is told that it has changed and looks again."""
    with suppress(ReleaseError):  # another operator was first
        while True:
            with suppress(InvoiceChangedError):
                release_invoice(Invoice.objects.get(pk=invoice.pk), actor="ada", reason="looked at it")
                return


def backlog() -> list[Invoice]:
    invoices = [InvoiceFactory() for _ in range(6)]
    for invoice in invoices:
        for event, changes in SEQUENCE:
            CallbackFactory(body=callback_body(invoice_wire(invoice, **changes), event))
    return invoices


def test_eight_workers_over_one_backlog(threads, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    for _ in range(FEWER):
        invoices = backlog()

        raised = threads.race(*[process_overdue] * 8)

        settle_down()
        assert raised == []
        for invoice in invoices:
            assert_once(invoice)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_eight_worker_processes_over_one_backlog(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    for _ in range(FEWER):
        invoices = backlog()

        failed = race_processes(*[process_overdue] * 8)

        settle_down()
        assert failed == 0
        for invoice in invoices:
            assert_once(invoice)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_different_callbacks_in_processes(gateway):
    for _ in range(FEWER):
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **SEQUENCE[-1][1])

        failed = race_processes(*[arriving(invoice, step) for step in (*range(5), 4)])

        settle_down()
        assert failed == 0
        assert_once(invoice)


def test_eight_workers_over_one_backlog_of_handlers(threads, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    settings.CRYPTOPAY_PROCESSING = "worker"
    for _ in range(FEWER):
        with registered():
            invoices = backlog()
            for callback in Callback.objects.filter(outcome="pending"):
                process_callback(callback)

            raised = threads.race(*[deliver_events] * 8)

            settle_down()
        assert raised == []
        for invoice in invoices:
            assert_once(invoice)
            told = [event.uuid for event in invoice.events.order_by("pk")]
            for handler in HANDLERS:
                effects = HandledEffect.objects.filter(invoice_id=invoice.pk, handler=handler.__name__).order_by("pk")
                assert list(effects.values_list("event_uuid", flat=True)) == told, "once each, and in order"
        assert not HandlerDelivery.objects.exclude(attempts=0).exists()


class Meeting:
    """Where two calls of one handler meet, if they can."""

    barrier: threading.Barrier
    met: list[bool]


def meet_there(invoice: Invoice, event: InvoiceEvent) -> None:
    HandledEffect.objects.create(handler="meet", event_uuid=event.uuid, kind=event.kind, invoice_id=invoice.pk)
    with suppress(threading.BrokenBarrierError):
        Meeting.barrier.wait()
        Meeting.met.append(True)


@on_a_server
@pytest.mark.parametrize("is_locked", [True, False])
def test_without_the_lock_two_make_the_same_call(monkeypatch, threads, is_locked):
    """The control: both are inside the handler at the same time exactly if the lock is taken out.

    Both are at their first attempt: a later one is counted before it is made, which keeps another away as well. What
    the second has written is rolled back even so, when it finds the row marked: what it did elsewhere is not.
    """
    if not is_locked:
        monkeypatch.setattr(
            LockingManager,
            "lock",
            lambda self, narrow=None, skip_locked=False, related=(), **lookup: self.get(**lookup),
        )
    Meeting.barrier, Meeting.met = threading.Barrier(2, timeout=2 if is_locked else 20), []
    handlers.on_invoice_created(meet_there)
    try:
        event = new_event(InvoiceFactory(), "invoice_created", at=timezone.now())
        write_events([event])
        InvoiceEvent.objects.update(next_attempt_at=None)
        event.next_attempt_at = None
        threads.race(*[lambda: deliver_written(event.invoice, [event])] * 2)
    finally:
        handlers.unregister(meet_there)

    assert HandledEffect.objects.count() == 1
    assert len(Meeting.met) == (0 if is_locked else 2)


@on_a_server
@pytest.mark.parametrize("is_locked", [True, False])
def test_without_the_lock_two_deliver_the_same_event(monkeypatch, threads, is_locked):
    """The control: both are inside the receiver at the same time exactly if the lock is taken out."""
    if not is_locked:
        monkeypatch.setattr(
            LockingManager,
            "lock",
            lambda self, narrow=None, skip_locked=False, related=(), **lookup: self.get(**lookup),
        )
    event = InvoiceEventFactory()
    meeting = threading.Barrier(2, timeout=2 if is_locked else 20)
    met = []

    def meet(**_: object) -> None:
        try:
            meeting.wait()
            met.append(True)
        except threading.BrokenBarrierError:
            pass

    invoice_created.connect(meet)
    try:
        threads.race(*[lambda: deliver_written(event.invoice, [event])] * 2)
    finally:
        invoice_created.disconnect(meet)

    assert Effect.objects.count() == 1
    assert len(met) == (0 if is_locked else 2)


@on_a_server
def test_without_the_lock_a_merge_is_lost_or_refused(monkeypatch, gateway, threads, settings):
    """The control: sixteen at once on an unlocked row do what assert_once would not let pass."""
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    monkeypatch.setattr(
        LockingManager, "lock", lambda self, narrow=None, skip_locked=False, related=(), **lookup: self.get(**lookup)
    )

    for _ in range(20):
        invoice = InvoiceFactory()
        threads.race(*[arriving(invoice, -1) for _ in range(16)])
        if Callback.objects.filter(error__contains="IntegrityError").exists():
            return

    pytest.fail("twenty races without a lock, and none was lost: this test shows nothing")
