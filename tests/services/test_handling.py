"""Durable handlers: a record for each with the event, each delivered by itself, given up and revived."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from cryptopay_django import handlers, signals
from cryptopay_django.models import HandlerDelivery, Invoice, InvoiceEvent
from cryptopay_django.services import (
    deliver_events,
    erase_customer,
    process_callback,
    process_overdue,
    prune_records,
    release_invoice,
    send_notices,
)
from cryptopay_django.services.events.attempt import Attempt, AttemptResult
from cryptopay_django.services.events.call_handlers import CALLS, Undelivered, count_undelivered
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.services.events.retry import retry_delivery
from cryptopay_django.services.events.withholding import TRUE_WHILE
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceFactory,
    callback_body,
    invoice_wire,
    transaction_wire,
)
from tests.effects.handlers import broken, keep_books, registered, ship
from tests.effects.models import HandledEffect

pytestmark = pytest.mark.django_db

KEEP_BOOKS, SHIP = handlers.path_of(keep_books), handlers.path_of(ship)
LATER = timezone.now() + timedelta(days=400)


@pytest.fixture
def shop():
    with registered():
        yield


def happen(kind="invoice_completed", *, invoice=None, **values):
    """Write an event as the services do."""
    event = new_event(invoice or InvoiceFactory(status=TRUE_WHILE.get(kind, "new")), kind, at=timezone.now(), **values)
    write_events([event])
    return event


def fall_due():
    HandlerDelivery.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())


def done():
    return [tuple(row) for row in HandledEffect.objects.order_by("pk").values_list("handler", "kind")]


def arrive(invoice, event="status_changed", **changes):
    return process_callback(CallbackFactory(body=callback_body(invoice_wire(invoice, **changes), event)))


def test_each_event_gets_a_record_for_each_handler_with_the_change_it_tells_of(shop, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()

    arrive(invoice, status="completed", paid_amount="0.002", transactions=[transaction_wire("a" * 64)])

    kinds = ["payment_detected", "payment_confirmed", "invoice_completed"]
    assert list(invoice.events.order_by("pk").values_list("kind", flat=True)) == kinds
    records = HandlerDelivery.objects.order_by("pk").values_list("event__kind", "handler", "delivered_at")
    assert list(records) == [(kind, path, None) for kind in kinds for path in (KEEP_BOOKS, SHIP)]


def test_a_release_owes_its_events_to_handlers_too(shop):
    release_invoice(InvoiceFactory(quarantine_reason="odd", status="refunded"), actor="ada", reason="looked")

    assert done() == [("keep_books", "invoice_refunded"), ("ship", "invoice_refunded")]


def test_without_a_handler_for_the_kind_events_cost_one_statement_each(django_assert_num_queries):
    invoice = InvoiceFactory()
    events = [new_event(invoice, kind, at=timezone.now()) for kind in ("payment_detected", "invoice_completed")]

    with registered("invoice_refunded"), django_assert_num_queries(len(events)):
        write_events(events)

    assert not HandlerDelivery.objects.exists()


def test_a_handler_gets_the_invoice_of_now_and_the_event_with_its_payment(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    handlers.on_payment_detected(remember)
    invoice = InvoiceFactory()

    try:
        arrive(invoice, "transaction_created", transactions=[transaction_wire("a" * 64)])
        Invoice.objects.update(name="renamed")
        deliver_events()
    finally:
        handlers.unregister(remember)

    assert remembered == [("renamed", "payment_detected", "a" * 64)]


remembered = []


def remember(invoice, event):
    remembered.append((invoice.name, event.kind, event.payment.txid))
    assert event.invoice is invoice


def test_each_handler_is_told_once(shop):
    event = happen()

    assert [deliver_events(event.invoice), deliver_events(event.invoice), deliver_events()] == [3, 0, 0]

    assert done() == [("keep_books", "invoice_completed"), ("ship", "invoice_completed")]
    assert set(HandlerDelivery.objects.values_list("next_attempt_at", "attempts")) == {(None, 0)}


def test_a_handler_that_fails_is_rolled_back_noted_and_tried_again_after_a_pause(shop):
    broken.add("ship")
    event = happen()

    assert process_overdue() == 2, "the signal, and the other handler"

    record = HandlerDelivery.objects.get(handler=SHIP)
    assert done() == [("keep_books", "invoice_completed")]
    assert (record.attempts, record.delivered_at, record.given_up_at) == (1, None, None)
    assert "BrokenShopError" in record.last_error
    assert record.next_attempt_at > timezone.now()

    broken.clear()
    assert process_overdue() == 0, "its back-off is not over"
    assert retry_delivery(record)
    assert deliver_events(event.invoice) == 1
    assert done() == [("keep_books", "invoice_completed"), ("ship", "invoice_completed")]
    assert not retry_delivery(record), "it was made"


def test_a_handler_that_fails_holds_back_its_own_later_calls_for_the_invoice_and_nothing_else(shop):
    broken.add("ship")
    invoice, other = InvoiceFactory.create_batch(2, status="completed")
    happen("payment_detected", invoice=invoice)
    process_overdue()
    broken.clear()
    happen("invoice_completed", invoice=invoice)
    happen("invoice_completed", invoice=other)

    process_overdue()

    told = HandlerDelivery.objects.filter(handler=SHIP, delivered_at__isnull=False)
    assert [record.event.invoice_id for record in told] == [other.pk]
    assert HandlerDelivery.objects.filter(handler=KEEP_BOOKS, delivered_at=None).count() == 0
    assert not InvoiceEvent.objects.filter(delivered_at=None).exists(), "signals do not wait for handlers"

    fall_due()
    process_overdue()
    shipped = HandledEffect.objects.filter(handler="ship", invoice_id=invoice.pk).order_by("pk")
    assert list(shipped.values_list("kind", flat=True)) == ["payment_detected", "invoice_completed"]


def test_what_piles_up_behind_a_failure_takes_no_place_from_others(shop):
    broken.add("ship")
    stuck = InvoiceFactory()
    for _ in range(5):
        happen("payment_detected", invoice=stuck)
    process_overdue()
    broken.clear()
    happen()

    assert deliver_events(limit=2) >= 2
    assert ("ship", "invoice_completed") in done()


def test_a_receiver_that_fails_holds_back_no_handler(shop):
    def raises(**_):
        raise RuntimeError("no")

    signals.invoice_completed.connect(raises)
    try:
        happen()
        process_overdue()
    finally:
        signals.invoice_completed.disconnect(raises)

    assert done() == [("keep_books", "invoice_completed"), ("ship", "invoice_completed")]


def test_after_so_many_failures_it_is_given_up_and_the_teams_are_told_early_and_then(shop, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 4
    settings.CRYPTOPAY_NOTICE_FAILED_DELIVERIES = 2
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"undelivered": ["shop@shop.example"]}
    broken.add("ship")
    invoice = happen().invoice

    for _ in range(6):
        fall_due()
        process_overdue()

    record = HandlerDelivery.objects.get(handler=SHIP)
    assert (record.attempts, record.next_attempt_at, record.given_up_at is not None) == (4, None, True)
    told = invoice.events.filter(kind__in=["delivery_failing", "handler_given_up"]).order_by("pk")
    detail = {"event": "invoice_completed", "handler": SHIP}
    assert [(event.kind, event.detail) for event in told] == [
        ("delivery_failing", {**detail, "attempts": 2}),
        ("handler_given_up", {**detail, "attempts": 4}),
    ]
    assert send_notices() == 1
    assert mail.outbox[0].subject == "Cryptopay: delivery to the shop fails (2 invoices)"


def test_what_was_given_up_holds_back_nothing_and_comes_back_with_all_its_attempts(shop, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 1
    broken.add("ship")
    invoice = happen("payment_detected", invoice=InvoiceFactory(status="completed")).invoice
    process_overdue()
    broken.clear()
    happen("invoice_completed", invoice=invoice)
    process_overdue()
    assert ("ship", "invoice_completed") in done()

    dead = HandlerDelivery.objects.get(given_up_at__isnull=False)
    assert retry_delivery(dead)
    dead.refresh_from_db()
    assert (dead.attempts, dead.given_up_at) == (0, None)
    process_overdue()

    assert ("ship", "payment_detected") in done()


def test_a_handler_that_is_gone_is_told_as_such_given_up_and_delivered_once_it_is_back(settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 2
    with registered():
        happen()
    for _ in range(2):
        fall_due()
        process_overdue()

    record = HandlerDelivery.objects.get(handler=SHIP)
    assert (record.attempts, record.given_up_at is not None) == (2, True)
    assert f"no handler for invoice_completed is registered as {SHIP}" in record.last_error

    with registered():
        assert retry_delivery(record)
        process_overdue()
    assert done() == [("ship", "invoice_completed")]


def test_a_handler_that_comes_later_is_not_told_of_what_was_before():
    event = happen()

    with registered():
        deliver_events(event.invoice)

    assert done() == []


def test_a_transaction_that_the_handler_has_spoiled_counts_as_a_failure():
    handlers.on_invoice_refunded(spoiling)
    try:
        happen("invoice_refunded")
        process_overdue()
    finally:
        handlers.unregister(spoiling)

    record = HandlerDelivery.objects.get(handler=handlers.path_of(spoiling))
    assert (record.attempts, record.delivered_at) == (1, None)
    assert "TransactionManagementError" in record.last_error


def spoiling(invoice, event):
    transaction.set_rollback(True)


def test_no_new_call_is_begun_after_the_deadline(shop):
    event = happen()

    assert deliver_events(event.invoice, deadline=0.0) == 0
    assert done() == []


def test_dead_failing_and_overdue_calls_are_counted(shop, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 2
    broken.update(["ship", "keep_books"])
    happen()
    process_overdue()
    assert count_undelivered(timezone.now()) == Undelivered(dead=0, failing=2, overdue=0)

    fall_due()
    process_overdue()
    happen()
    assert count_undelivered(timezone.now()) == Undelivered(dead=2, failing=0, overdue=0)
    assert count_undelivered(timezone.now() + timedelta(minutes=11)).overdue == 2


def test_prune_lets_records_go_with_their_events_but_never_what_a_handler_was_not_told(shop, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 1
    ended = {"status": "completed", "settled_amount": 100}
    happen("payment_detected", invoice=InvoiceFactory(**ended))
    process_overdue()
    broken.add("ship")
    dead = happen("payment_detected", invoice=InvoiceFactory(**ended))
    process_overdue()
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 9
    pending = happen("payment_detected", invoice=InvoiceFactory(**ended))
    process_overdue()
    InvoiceEvent.objects.filter(kind="handler_given_up").delete()

    assert prune_records(before=LATER, dry_run=True).events == 1
    assert prune_records(before=LATER).events == 1

    assert set(InvoiceEvent.objects.values_list("pk", flat=True)) == {dead.pk, pending.pk}
    assert HandlerDelivery.objects.count() == 4


def test_prune_keeps_the_event_of_a_record_that_was_delivered_since(shop):
    event = happen("payment_detected", invoice=InvoiceFactory(status="completed", settled_amount=100))
    process_overdue()
    long_ago = timezone.now() - timedelta(days=9)
    InvoiceEvent.objects.update(created_at=long_ago, delivered_at=long_ago)

    assert prune_records(before=timezone.now() - timedelta(days=1)).events == 0
    HandlerDelivery.objects.filter(event=event).update(delivered_at=long_ago)
    assert prune_records(before=timezone.now() - timedelta(days=1)).events == 1
    assert not HandlerDelivery.objects.exists()


def test_erasure_waits_for_handlers_and_takes_their_tracebacks_along(shop, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 2
    invoice = InvoiceFactory(status="refunded", customer_id="c-1")
    broken.add("ship")
    happen("invoice_refunded", invoice=invoice)
    process_overdue()
    assert erase_customer(customer_id="c-1").left == {invoice.pk: "callbacks or events of it are pending"}

    fall_due()
    process_overdue()

    assert erase_customer(customer_id="c-1").erased == 1
    assert set(HandlerDelivery.objects.values_list("last_error", flat=True)) == {""}


def test_a_call_whose_time_has_not_come_or_is_over_is_not_made(shop):
    invoice = happen().invoice
    first, second = HandlerDelivery.objects.order_by("pk")
    HandlerDelivery.objects.filter(pk=first.pk).update(next_attempt_at=LATER)
    HandlerDelivery.objects.filter(pk=second.pk).update(next_attempt_at=None)

    results = [Attempt(CALLS, one.pk, invoice.pk, "it", {}).make() for one in (first, second)]

    assert results == [AttemptResult.NOT_BEGUN, AttemptResult.NOT_CLAIMED]
    assert HandledEffect.objects.count() == 0


def test_a_failure_of_a_call_that_was_made_meanwhile_is_not_noted(shop):
    happen()
    HandlerDelivery.objects.update(next_attempt_at=None)
    delivery = HandlerDelivery.objects.first()

    Attempt(CALLS, delivery.pk, delivery.event.invoice_id, "it", {}).store_failure("too late")

    delivery.refresh_from_db()
    assert (delivery.attempts, delivery.last_error) == (0, "")
