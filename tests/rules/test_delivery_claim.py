"""How an event is claimed and marked: each rule on the database that runs, with the tempting alternative as the control.

The alternatives are written here in a few statements; the rule is the package's own code.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from functools import partial

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import Invoice, InvoiceEvent
from cryptopay_django.services import deliver_events
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory
from tests.effects.models import Effect

pytestmark = pytest.mark.django_db(transaction=True)

SERVER = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one lock for all")
LONG = 20.0


@contextmanager
def connected(receiver, signal=signals.invoice_created):
    signal.connect(receiver, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver)


@contextmanager
def hanging():
    """Let another connection deliver what is due, with a receiver that hangs; yield once it does.

    The event that it yields is set when it does not hang any more: whoever waits for it finds that set.
    """
    hangs, go_on, is_over = threading.Event(), threading.Event(), threading.Event()

    def receiver(**_):
        if not hangs.is_set():
            hangs.set()
            go_on.wait(LONG)
            is_over.set()

    def work():
        try:
            deliver_events()
        finally:
            connection.close()

    with connected(receiver):
        other = threading.Thread(target=work)
        other.start()
        assert hangs.wait(LONG)
        try:
            yield is_over
        finally:
            go_on.set()
            other.join()


def is_kept_waiting(act):
    """Return whether an act waits for a lock until the database gives it up."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                if connection.vendor == "postgresql":
                    cursor.execute("SET LOCAL lock_timeout = '1s'")
                else:
                    cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
            act()
    except OperationalError:
        return True
    return False


@SERVER
def test_a_claim_passes_over_an_event_whose_receivers_run_and_takes_the_next_invoice():
    """The alternative, an UPDATE that claims, waits as long as they run."""
    InvoiceEventFactory()
    with hanging() as is_over:
        InvoiceEventFactory()
        assert deliver_events() == 1
        assert not is_over.is_set()

        claimed = InvoiceEvent.objects.filter(next_attempt_at__isnull=False)
        update = partial(claimed.update, delivered_at=timezone.now())
        assert is_kept_waiting(update), "the control: an UPDATE waits for the lock"


@SERVER
def test_counting_an_attempt_does_not_wait_for_another_process():
    event = InvoiceEventFactory()
    with hanging() as is_over:
        InvoiceEvent.objects.exclude(pk=event.pk).update(next_attempt_at=timezone.now())
        assert deliver_events(event.invoice) == 0
        assert not is_over.is_set()

        counted = InvoiceEvent.objects.filter(pk=event.pk)
        assert is_kept_waiting(lambda: counted.update(attempts=7)), "the control: a plain UPDATE waits"


def break_silently(**_):
    transaction.set_rollback(True)


def test_only_a_statement_after_the_receivers_finds_a_transaction_that_is_broken_in_silence():
    event = InvoiceEventFactory()

    with transaction.atomic():  # the control: mark first, then call
        marked = InvoiceEvent.objects.filter(pk=event.pk, delivered_at=None).update(delivered_at=timezone.now())
        break_silently()
    event.refresh_from_db()
    assert (marked, event.delivered_at) == (1, None), "believed delivered, and it is not: without an exception"

    with connected(break_silently):
        assert deliver_events() == 0
    event.refresh_from_db()
    assert (event.attempts, event.delivered_at) == (1, None), "noticed, and counted"


@pytest.mark.skipif(connection.vendor != "postgresql", reason="what PostgreSQL does with a transaction in error")
def test_a_commit_of_a_transaction_in_error_says_nothing():
    event = InvoiceEventFactory()

    def swallow(**_):
        with suppress(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")

    with transaction.atomic():  # the control
        InvoiceEvent.objects.filter(pk=event.pk).update(delivered_at=timezone.now())
        swallow()
    event.refresh_from_db()
    assert event.delivered_at is None, "rolled back by COMMIT, without an exception"

    with connected(swallow):
        assert deliver_events() == 0
    event.refresh_from_db()
    assert event.attempts == 1


@pytest.mark.skipif(connection.vendor != "mysql", reason="where DDL commits")
def test_ddl_in_a_receiver_loses_no_event_where_it_commits():
    event = InvoiceEventFactory()

    def ddl_then_fail(**_):
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS effects_of_ddl (id int)")
        raise ConnectionError

    with suppress(ConnectionError), transaction.atomic():  # the control: mark first
        InvoiceEvent.objects.filter(pk=event.pk).update(delivered_at=timezone.now(), next_attempt_at=None)
        ddl_then_fail()
    event.refresh_from_db()
    assert event.delivered_at is not None, "delivered, with no effect, and gone"

    event = InvoiceEventFactory()
    with connected(ddl_then_fail):
        deliver_events(event.invoice)
    event.refresh_from_db()
    assert (event.delivered_at, event.next_attempt_at is not None) == (None, True)


@SERVER
def test_the_turn_is_asked_in_the_statement_that_claims():
    """The first event becomes pending again while another process waits for the second one."""
    invoice = InvoiceFactory()
    first, second = InvoiceEventFactory.create_batch(2, invoice=invoice)
    done = {"delivered_at": timezone.now(), "next_attempt_at": None}
    InvoiceEvent.objects.filter(pk=first.pk).update(**done)
    looked = InvoiceEvent.objects.filter(pk=second.pk, next_attempt_at__isnull=False).exists()
    InvoiceEvent.objects.filter(pk=first.pk).update(delivered_at=None, next_attempt_at=timezone.now())
    order = []

    assert looked, "the control: looked up before, it is the turn of the second"
    with connected(lambda event, **_: order.append(event.pk)):
        assert deliver_events(invoice) == 2

    assert order == [first.pk, second.pk]


def hold(invoice):
    """Hold an invoice for a person, from another connection, and commit."""

    def work():
        try:
            Invoice.objects.filter(pk=invoice.pk).update(quarantine_reason="odd")
        finally:
            connection.close()

    other = threading.Thread(target=work)
    other.start()
    other.join()


@SERVER
def test_a_hold_that_commits_while_receivers_run_takes_their_writes_back():
    """The alternative marks by the key alone: the goods leave, and the invoice is held."""
    event = InvoiceEventFactory(kind="invoice_completed")

    def receiver(invoice, event, **_):
        Effect.objects.create(event_uuid=event.uuid, kind=event.kind, invoice_id=invoice.pk)
        hold(invoice)

    with transaction.atomic():  # the control
        receiver(event.invoice, event)
        assert InvoiceEvent.objects.filter(pk=event.pk).update(last_error="marked by its key") == 1
    assert Effect.objects.count() == 1
    Effect.objects.all().delete()
    Invoice.objects.update(quarantine_reason="")

    with connected(receiver, signals.invoice_completed):
        assert deliver_events(event.invoice) == 0

    event.refresh_from_db()
    assert (event.delivered_at, Effect.objects.count()) == (None, 0)


@SERVER
def test_the_claim_and_the_mark_lock_no_invoice():
    """A merge of the invoice goes on while its receivers run. The alternative joins the invoice into the lock."""
    event = InvoiceEventFactory()
    with hanging():
        held = Invoice.objects.filter(pk=event.invoice_id)
        assert not is_kept_waiting(lambda: held.update(version=7))
    with transaction.atomic():
        joined = InvoiceEvent.objects.select_related("invoice").filter(pk=event.pk, invoice__version__gte=0)
        list(joined.select_for_update())
        waited = []

        def other():
            try:
                waited.append(is_kept_waiting(lambda: Invoice.objects.filter(pk=event.invoice_id).update(version=8)))
            finally:
                connection.close()

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert waited == [True], "the control: the joined row is locked, too"


def test_kinds_without_a_receiver_are_left_out_by_the_query():
    """The alternative reads so many of the oldest and skips them afterwards: the others are never read."""
    for _ in range(3):
        InvoiceEventFactory(invoice=InvoiceFactory(status="refunded"), kind="invoice_completed")
    InvoiceEventFactory()
    heard = []

    oldest = InvoiceEvent.objects.filter(next_attempt_at__isnull=False).order_by("next_attempt_at", "pk")[:3]
    assert [event for event in oldest if event.kind == "invoice_created"] == [], "the control"
    with connected(lambda event, **_: heard.append(event.kind)):
        deliver_events(limit=3)

    assert heard == ["invoice_created"]


def test_what_is_withheld_is_not_earlier_than_what_is_due():
    """The alternative counts it as pending: the refund waits behind it for ever."""
    invoice = InvoiceFactory(status="refunded")
    InvoiceEventFactory(invoice=invoice, kind="invoice_completed")
    InvoiceEventFactory(invoice=invoice, kind="invoice_refunded")
    heard = []

    earlier = InvoiceEvent.objects.filter(
        invoice_id=OuterRef("invoice_id"), pk__lt=OuterRef("pk"), next_attempt_at__isnull=False
    )
    in_turn = InvoiceEvent.objects.filter(~Exists(earlier), kind="invoice_refunded")
    assert not in_turn.exists(), "the control"
    with connected(lambda event, **_: heard.append(event.kind), signals.invoice_refunded):
        deliver_events(invoice)

    assert heard == ["invoice_refunded"]
