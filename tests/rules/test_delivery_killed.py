"""A receiver that has its process killed: what is counted, and who is delivered to meanwhile."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

import pytest
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import InvoiceEvent
from cryptopay_django.services import deliver_events
from cryptopay_django.services.events.deliver import deliver_written
from cryptopay_django.testing.factories import InvoiceEventFactory
from tests.effects.models import Effect
from tests.proofs.racing import race_processes

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def a_killer(deadly):
    """Kill the process that delivers this event; note every other one."""

    def receiver(invoice, event, **_):
        if event.pk == deadly.pk:
            os.kill(os.getpid(), signal.SIGKILL)
        Effect.objects.create(event_uuid=event.uuid, kind=event.kind, invoice_id=invoice.pk)

    signals.invoice_created.connect(receiver, weak=False)
    try:
        yield
    finally:
        signals.invoice_created.disconnect(receiver)


def test_a_worker_that_is_killed_and_started_again_delivers_the_others():
    """The alternative counts after the call: nothing is counted, and each start dies on the same event."""
    deadly, harmless = InvoiceEventFactory.create_batch(2)

    with a_killer(deadly):
        assert race_processes(lambda: deliver_written(deadly.invoice, [deadly])) == 1
        deadly.refresh_from_db()
        assert (deadly.attempts, deadly.next_attempt_at <= timezone.now()) == (0, True), "the control: uncounted, due"
        assert race_processes(deliver_events) == 1
        assert race_processes(deliver_events) == 0

    deadly.refresh_from_db()
    assert (deadly.attempts, deadly.begun_at is not None, deadly.next_attempt_at > timezone.now()) == (1, True, True)
    assert [effect.event_uuid for effect in Effect.objects.all()] == [harmless.uuid]


def test_staff_are_told_of_an_event_that_kills_every_process(settings):
    settings.CRYPTOPAY_NOTICE_FAILED_DELIVERIES = 2
    deadly = InvoiceEventFactory()

    with a_killer(deadly):
        for _ in range(3):
            InvoiceEvent.objects.filter(pk=deadly.pk).update(next_attempt_at=timezone.now())
            assert race_processes(deliver_events) == 1

    deadly.refresh_from_db()
    assert (deadly.attempts, "has not come back" in deadly.last_error) == (3, True)
    assert deadly.invoice.events.filter(kind="delivery_failing").count() == 1
