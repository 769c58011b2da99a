"""A callback's request waits no longer than its budget for a row that another transaction has locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection, models, transaction
from django.utils import timezone

from cryptopay_django.models import Callback, ChannelPayment, Invoice
from cryptopay_django.services import process_overdue
from cryptopay_django.services.worker.due_work import process_within_budget
from cryptopay_django.testing.factories import (
    CallbackFactory,
    ChannelPaymentFactory,
    InvoiceFactory,
    callback_body,
    channel_payment_wire,
    invoice_wire,
    transaction_wire,
)
from tests.wire import ScriptedGateway

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no row locks: its timeout is the limit"),
]

SEEN = {"paid_amount": "0.002", "transactions": [transaction_wire("a" * 64)]}
PAID = {**SEEN, "status": "completed"}


@contextmanager
def locked(row: models.Model) -> Iterator[threading.Event]:
    """Lock a row in another transaction until the block ends or the event that it gets is set."""
    is_locked, release = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                type(row)._default_manager.select_for_update().get(pk=row.pk)
                is_locked.set()
                release.wait(20)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert is_locked.wait(20)
        yield release
        assert holder.is_alive() or release.is_set(), "the lock was not waited for; it was gone"
    finally:
        release.set()
        holder.join()


def about(invoice: Invoice, said: Mapping[str, Any] = SEEN) -> Callback:
    return CallbackFactory(body=callback_body(invoice_wire(invoice, **said)), invoice=None)


def outcome(callback: Callback) -> str:
    return Callback.objects.get(pk=callback.pk).outcome


@pytest.fixture(autouse=True)
def believed(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False


@pytest.fixture
def short_budget(settings):
    settings.CRYPTOPAY_REQUEST_BUDGET = 0.8


def test_a_request_leaves_a_callback_pending_whose_invoice_stays_locked(short_budget):
    invoice = InvoiceFactory(status="new")
    callback = about(invoice)

    with locked(invoice):
        process_within_budget(callback)

        kept = Callback.objects.get(pk=callback.pk)
        assert (kept.outcome, kept.attempts) == ("pending", 1)
        assert "another transaction has locked the invoice" in kept.error
        assert kept.next_attempt_at > timezone.now()

    Callback.objects.update(next_attempt_at=timezone.now())
    process_overdue()
    assert outcome(callback) == "applied"


def test_a_request_waits_for_a_lock_that_ends_in_time(settings):
    settings.CRYPTOPAY_REQUEST_BUDGET = 20.0
    invoice = InvoiceFactory(status="new")
    callback = about(invoice)

    with locked(invoice) as release:
        threading.Timer(0.2, release.set).start()
        process_within_budget(callback)

    assert outcome(callback) == "applied"


def test_a_worker_waits_as_long_as_the_database_does(settings):
    settings.CRYPTOPAY_REQUEST_BUDGET = 0.01
    invoice = InvoiceFactory(status="new")
    callback = about(invoice)

    with locked(invoice) as release:
        threading.Timer(0.3, release.set).start()
        process_overdue()

    assert outcome(callback) == "applied"


def test_an_answer_of_the_gateway_waits_for_the_row_and_is_not_asked_for_again(settings):
    settings.CRYPTOPAY_REQUEST_BUDGET, settings.CRYPTOPAY_CONFIRM_WITH_API = 20.0, True
    invoice = InvoiceFactory(status="new")
    callback, held = about(invoice, PAID), ExitStack()

    def answer(*_: object) -> tuple[int, Any]:
        release = held.enter_context(locked(invoice))
        threading.Timer(0.2, release.set).start()
        return 200, {"data": invoice_wire(invoice, **PAID)}

    gateway = ScriptedGateway(answer)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    with held:
        process_within_budget(callback)

    assert (outcome(callback), len(gateway.asked)) == ("applied", 1)


def test_a_payment_on_a_channel_is_left_like_an_invoice(settings, monkeypatch):
    settings.CRYPTOPAY_REQUEST_BUDGET = 20.0
    payment = ChannelPaymentFactory(status="pending")
    said = channel_payment_wire(payment, status="completed")

    def answer_late(*_: object) -> tuple[int, Any]:
        clock = Mock(**{"monotonic.return_value": time.monotonic() + 20})
        monkeypatch.setattr("cryptopay_django.models.locking.time", clock)
        return 200, {"data": said}

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(answer_late)
    callback = CallbackFactory(body=callback_body(said, "completed", type="ChannelPayment"), invoice=None)

    with locked(payment):
        process_within_budget(callback)

        kept = Callback.objects.get(pk=callback.pk)
        assert (kept.outcome, ChannelPayment.objects.get().status) == ("pending", "pending")
        assert "another transaction has locked the " in kept.error
