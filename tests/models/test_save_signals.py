"""Receivers of `pre_save` and `post_save`: they hear of every write, and none of them can hold money back."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_save, pre_save
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from cryptopay_django.models import Callback, Invoice, InvoiceEvent
from cryptopay_django.models import save_signals as ours
from cryptopay_django.services import process_callback, receive_callback
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
)
from tests.effects.models import Effect

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_was_spoilt_before():
    ours._muted_until.clear()
    yield
    ours._muted_until.clear()


@pytest.fixture(autouse=True)
def a_callback_is_believed(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False


@contextmanager
def listening(receive, *signals, sender=Invoice):
    for signal in signals or (post_save,):
        signal.connect(receive, sender=sender, weak=False)
    try:
        yield
    finally:
        for signal in signals or (post_save,):
            signal.disconnect(receive, sender=sender)


def pay(invoice: Invoice) -> Callback:
    body = callback_body(invoice_wire(invoice, paid_amount="0.001"), "transaction_created")
    return process_callback(receive_callback(body, callback_headers(body)["X-Cryptopay-Signature"]))


def test_a_change_is_announced_with_the_old_row_in_the_database_before_and_the_new_one_after():
    invoice, heard = InvoiceFactory(), []

    def receive(sender, instance, signal, raw, using, update_fields, **more):
        stored = Invoice.objects.get(pk=instance.pk).paid_amount
        heard.append((signal is post_save, instance.paid_amount, stored, more.get("created"), raw, using))
        assert {"paid_amount", "version", "updated_at"} <= update_fields

    with listening(receive, pre_save, post_save):
        assert pay(invoice).outcome == "applied"

    paid = Invoice.objects.get().paid_amount
    assert paid > 0
    assert heard == [(False, paid, 0, None, False, "default"), (True, paid, paid, False, False, "default")]


def test_a_new_row_is_announced_as_one():
    heard = []

    def receive(sender, instance, update_fields, created=None, **_):
        heard.append((sender, instance.pk is not None, created, update_fields))

    invoice = InvoiceFactory()
    event = InvoiceEvent(subject=invoice.pk, invoice=invoice, kind="risk_high", created_at=timezone.now())
    with listening(receive, pre_save, post_save, sender=InvoiceEvent):
        InvoiceEvent.objects.insert(event)

    assert heard == [(InvoiceEvent, False, None, None), (InvoiceEvent, True, True, None)]


def test_what_was_written_for_a_row_that_is_left_out_goes_again():
    callback, now = CallbackFactory(outcome="applied"), timezone.now()

    def log(instance, **_):
        Effect.objects.create(event_uuid=InvoiceFactory().pk, kind="log", invoice_id=InvoiceFactory().pk)

    with listening(log, pre_save, sender=Callback):
        assert not Callback.objects.change(callback, _pending, outcome="stale")
        left_out = Callback(account="default", body=b"", digest="d", secret_index=0, received_at=now)
        assert not Callback.objects.insert_if(left_out, Invoice, pk=InvoiceFactory().pk, version=99)

    assert (callback.outcome, Effect.objects.count()) == ("applied", 0)


def _pending(callbacks):
    return callbacks.filter(outcome="pending")


def raises(**_):
    raise LookupError("the audit log is full")


def breaks_the_database(**_):
    with connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")


def swallows_what_the_database_says(**_):
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT nothing FROM nowhere")
        except DatabaseError:
            return


def rolls_back(**_):
    transaction.set_rollback(True)


def is_cancelled(**_):
    raise asyncio.CancelledError


@pytest.mark.parametrize("signal", [pre_save, post_save])
@pytest.mark.parametrize(
    "receive", [raises, breaks_the_database, swallows_what_the_database_says, rolls_back, is_cancelled]
)
def test_a_receiver_that_fails_does_not_hold_money_back(signal, receive):
    invoice = InvoiceFactory()

    with listening(receive, signal), listening(receive, signal, sender=Callback):
        assert pay(invoice).outcome == "applied"

    invoice.refresh_from_db()
    assert invoice.paid_amount > 0


def test_a_receiver_that_fails_takes_nothing_of_the_others_with_it(caplog):
    def log(instance, **_):
        Effect.objects.create(event_uuid=instance.pk, kind="log", invoice_id=instance.pk)

    invoice = InvoiceFactory()
    with listening(raises), listening(log):
        pay(invoice)

    assert Effect.objects.count() == 1
    assert "a receiver of a signal of Invoice failed (LookupError)" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_ends_the_transaction_is_left_out_the_next_time():
    invoice = InvoiceFactory()

    def closes(**_):
        connection.close()

    with listening(closes):
        callback = pay(invoice)
        assert (callback.outcome, Invoice.objects.get().paid_amount) == ("pending", 0)
        assert TransactionManagementError.__name__ in callback.error

        assert process_callback(callback).outcome == "applied"

    assert Invoice.objects.get().paid_amount > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("signal", [pre_save, post_save])
def test_a_receiver_that_ends_its_process_does_so_after_the_commit(signal):
    invoice = InvoiceFactory()

    def ends_the_process(**_):
        raise SystemExit(3)

    with listening(ends_the_process, signal), pytest.raises(SystemExit) as ended:
        pay(invoice)

    assert ended.value.code == 3
    assert (Invoice.objects.get().paid_amount > 0, Callback.objects.get().outcome) == (True, "applied")


def test_without_a_listener_no_statement_is_added(django_assert_num_queries):
    callback = CallbackFactory()
    Callback.objects.change(callback, error="compiled")

    with django_assert_num_queries(1):
        Callback.objects.change(callback, error="again")
