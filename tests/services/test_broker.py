"""The recipe of docs/signals.md for effects elsewhere: a handler that enqueues outlives a day without the broker."""

from __future__ import annotations

import pytest
from django.utils import timezone

from cryptopay_django.models import HandlerDelivery
from cryptopay_django.services import process_overdue
from cryptopay_django.services.events.deliver import deliver_written
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.testing.factories import InvoiceFactory
from tests.effects.handlers import done_by, ship

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """A queue that is down, or takes a task; and can take one and not say so."""

    def __init__(self):
        self.is_down, self.is_mute, self.taken = True, False, []

    def enqueue(self, **task):
        if self.is_down:
            raise ConnectionError("no broker")
        self.taken.append(task)
        if self.is_mute:
            raise TimeoutError("no answer")


broker = Broker()


def enqueue_receipt(invoice, event):
    broker.enqueue(invoice_id=str(invoice.pk), key=str(event.uuid))


@pytest.fixture(autouse=True)
def _a_shop(handle):
    broker.__init__()
    handle("invoice_completed", enqueue_receipt)
    handle("invoice_completed", ship)


def pay():
    event = new_event(InvoiceFactory(status="completed"), "invoice_completed", at=timezone.now())
    write_events([event])
    deliver_written(event.invoice, [event])
    return {"invoice_id": str(event.invoice_id), "key": str(event.uuid)}


def try_again():
    HandlerDelivery.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    process_overdue()


def test_what_cannot_be_enqueued_is_enqueued_when_the_broker_is_back_and_holds_nothing_else_back():
    task = pay()
    assert (broker.taken, done_by("ship")) == ([], ["invoice_completed"])

    try_again()
    broker.is_down = False
    try_again()
    try_again()

    assert (broker.taken, done_by("ship")) == ([task], ["invoice_completed"])


def test_a_task_that_the_broker_has_taken_without_saying_so_comes_twice_with_one_key():
    broker.is_down, broker.is_mute = False, True
    task = pay()

    broker.is_mute = False
    try_again()

    assert broker.taken == [task, task]
