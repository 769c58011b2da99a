"""Corners of the way of a callback that only one statement or moment shows."""

from __future__ import annotations

import time
from decimal import Decimal
from unittest.mock import Mock

import pytest
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.gateway.schemas import InvoiceSnapshot
from cryptopay_django.models import InvoiceEvent, Resolution
from cryptopay_django.models.locking import write_transaction
from cryptopay_django.services import deliver_events, process_callback
from cryptopay_django.services.resolution.resolution_row import lock_resolution, resume_locked
from cryptopay_django.services.resolution.rules import needs_second_person
from cryptopay_django.services.snapshots.apply import Poll, apply_snapshot
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    invoice_wire,
)
from tests.wire import ScriptedGateway

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_entry_of_a_list_that_is_behind_changes_nothing():
    invoice = InvoiceFactory(status="completed", settled_amount=100)
    behind = InvoiceSnapshot.from_wire(invoice_wire(invoice, status="new"))

    taken = apply_snapshot(invoice.pk, behind, poll=Poll(invoice.version, timezone.now(), is_page=True))

    invoice.refresh_from_db()
    assert (taken, invoice.status, invoice.quarantine_reason) == (None, "completed", "")


@pytest.fixture
def unreadable():
    return CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), pay_amount=None)))


def test_a_proxys_page_decides_nothing_about_a_callback_that_cannot_be_read(unreadable, settings):
    page = ScriptedGateway(lambda *_: (200, b"<html></html>"))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: page

    process_callback(unreadable)

    unreadable.refresh_from_db()
    assert unreadable.outcome == "pending"


def test_a_callback_that_cannot_be_read_waits_when_the_request_has_no_time_left(unreadable):
    process_callback(unreadable, deadline=time.monotonic() + 0.1)

    unreadable.refresh_from_db()
    assert (unreadable.outcome, "no time left" in unreadable.error) == ("pending", True)


def test_a_delivery_whose_time_is_over_hands_the_rest_over(monkeypatch):
    event, deadline = InvoiceEventFactory(), time.monotonic() + 60

    def slow(**_):
        monkeypatch.setattr(
            "cryptopay_django.services.events.deliver.time", Mock(**{"monotonic.return_value": deadline})
        )

    signals.invoice_created.connect(slow)
    try:
        deliver_events(event.invoice, deadline=deadline)
    finally:
        signals.invoice_created.disconnect(slow)

    event.refresh_from_db()
    assert event.delivered_at is not None


def test_the_worth_of_a_payment_is_known_also_where_nothing_was_asked(settings):
    settings.CRYPTOPAY_FOUR_EYES_ABOVE = {"EUR": Decimal(1000)}
    invoice = InvoiceFactory.build(pay_amount=None, paid_amount=Decimal(1), exchange_rate=Decimal(5000))

    assert needs_second_person(invoice)


def test_an_operation_that_shows_itself_after_all_does_not_push_another_one_aside():
    invoice = InvoiceFactory(status="unresolved", status_context="underpaid")
    common = {"invoice": invoice, "kind": "refund", "actor": "ada", "reason": "asked for it"}
    ended = Resolution.objects.create(status="failed", active=None, **common)
    Resolution.objects.create(status="unknown", **common)

    with write_transaction(Resolution):
        resume_locked(lock_resolution(ended), at=timezone.now())

    ended = Resolution.objects.get(pk=ended.pk)
    assert (ended.active, ended.status) == (None, "failed")
    assert InvoiceEvent.objects.filter(invoice=invoice, kind="resolution_alarm").exists()
