"""A delivery locks the event, then what its receivers lock. All else locks the invoice first, and locks no event.

Beside each rule stands the alternative that looks right, with what it ends in: a deadlock, a wait, or a callback that is
taken for one of an unknown invoice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from cryptopay_django.models import Callback, EventKind, Invoice, InvoiceEvent
from cryptopay_django.services import deliver_events
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.signals import invoice_created
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory, InvoiceFactory
from tests.rules.sessions import PATIENCE_SECONDS, Session, on_a_server, two_sessions, waits

pytestmark = [pytest.mark.django_db(transaction=True), on_a_server]

IS_MARIADB = connection.vendor == "mysql"


@contextmanager
def listening(receiver: Callable[..., None]):
    invoice_created.connect(receiver)
    try:
        yield
    finally:
        invoice_created.disconnect(receiver)


def insert_event(invoice: Invoice) -> None:
    write_events([new_event(invoice, EventKind.INVOICE_UNRESOLVED, at=timezone.now())])


def update_events(invoice: Invoice) -> None:
    InvoiceEvent.objects.filter(invoice=invoice).update(last_error="withheld")


def begin_merge(session: Session, invoice: Invoice) -> None:
    session.begin()
    assert session.do(Invoice.objects.lock, pk=invoice.pk)


@pytest.mark.parametrize(("write", "ends_in_a_deadlock"), [(insert_event, False), (update_events, True)])
def test_a_merge_writes_new_events_and_touches_no_other(write, ends_in_a_deadlock):
    """A receiver that wants its invoice meets a merge that has it."""
    event = InvoiceEventFactory()
    is_in_receiver, has_invoice = threading.Event(), threading.Event()
    failed = []

    def receive(**_):
        is_in_receiver.set()
        assert has_invoice.wait(PATIENCE_SECONDS)
        try:
            while Invoice.objects.filter(pk=event.invoice_id).select_for_update().first() is None:
                pass
        except OperationalError as error:
            failed.append(error)
            raise

    with listening(receive), two_sessions() as (delivery, merge):
        delivering = delivery.start(deliver_events, event.invoice)
        assert is_in_receiver.wait(PATIENCE_SECONDS)
        begin_merge(merge, event.invoice)
        writing = merge.start(write, event.invoice)
        if not ends_in_a_deadlock:
            writing.result(PATIENCE_SECONDS)
        has_invoice.set()
        if writing.exception(PATIENCE_SECONDS) is None:
            merge.commit()
        else:
            failed.append(writing.exception())
        delivering.exception(PATIENCE_SECONDS)

    assert len(failed) == ends_in_a_deadlock
    assert all(isinstance(error, OperationalError) for error in failed)


def lock_as_we_do(invoice: Invoice) -> None:
    Invoice.objects.lock(pk=invoice.pk)


def lock_for_update(invoice: Invoice) -> None:
    Invoice.objects.select_for_update().get(pk=invoice.pk)


def test_a_row_that_points_at_an_invoice_is_inserted_after_the_lock():
    """The control: inserted first, in two processes, it ends in a deadlock on MariaDB.

    PostgreSQL looks at Django's foreign keys at COMMIT, so there the second one only waits.
    """
    invoice = InvoiceFactory()

    with two_sessions() as sessions:
        for session in sessions:
            session.begin()
            session.do(insert_event, invoice)
        locking = [session.start(lock_as_we_do, invoice) for session in sessions]
        ended = next(place for place, begun in enumerate(locking) if not waits(begun))
        errors = [begun.exception(0) for begun in locking if begun.done()]
        sessions[ended].roll_back()
        errors += [begun.exception(PATIENCE_SECONDS) for begun in locking]

    assert any(isinstance(error, OperationalError) for error in errors) is IS_MARIADB


def test_inserted_after_the_lock_two_processes_follow_each_other():
    invoice = InvoiceFactory()

    with two_sessions() as (one, other):
        begin_merge(one, invoice)
        other.begin()
        locking = other.start(lock_as_we_do, invoice)
        one.do(insert_event, invoice)
        one.commit()
        locking.exception(PATIENCE_SECONDS)
        other.roll_back()

    assert InvoiceEvent.objects.count() == 1


def test_skipping_a_locked_invoice_looks_as_if_there_were_none():
    """The control: with SKIP LOCKED a callback of a locked invoice would be kept as one of an unknown invoice."""
    invoice = InvoiceFactory()

    with two_sessions() as (one, other):
        begin_merge(one, invoice)
        other.begin()
        skipped = other.do(Invoice.objects.lock, pk=invoice.pk, skip_locked=True)

    assert skipped is None


def store_alone() -> None:
    CallbackFactory(body=b"{}")


def store_with_invoice(invoice: Invoice) -> None:
    CallbackFactory(body=b"{}", invoice=invoice)


def test_a_callback_that_is_stored_alone_waits_for_no_merge():
    """The control: one that points at the invoice waits for its lock on MariaDB, and on PostgreSQL for FOR UPDATE."""
    invoice = InvoiceFactory()

    with two_sessions() as (merge, request):
        merge.begin()
        merge.do(lock_for_update, invoice)
        request.do(store_alone)
        storing = request.start(store_with_invoice, invoice)
        is_waiting = waits(storing)
        merge.commit()
        storing.result(PATIENCE_SECONDS)

    assert is_waiting
    assert Callback.objects.count() == 2


def test_rows_are_updated_by_their_keys_without_waiting_for_another_of_the_invoice():
    """The control: MariaDB scans the index past a locked row, and waits for one that cannot match."""
    invoice = InvoiceFactory()
    claimed, failing = InvoiceEventFactory(invoice=invoice), InvoiceEventFactory(invoice=invoice, attempts=3)
    of_the_invoice = InvoiceEvent.objects.filter(invoice=invoice, attempts=3)
    by_key = InvoiceEvent.objects.filter(pk__in=[failing.pk], attempts=3)

    with two_sessions() as (delivery, merge):
        delivery.begin()
        assert delivery.do(InvoiceEvent.objects.lock, pk=claimed.pk)
        assert merge.do(by_key.update, last_error="x") == 1
        updating = merge.start(of_the_invoice.update, last_error="y")
        is_waiting = waits(updating)
        delivery.commit()
        updating.result(PATIENCE_SECONDS)

    assert is_waiting is IS_MARIADB
