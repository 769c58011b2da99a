"""Retention: what is old and done goes, what is pending, open, held or money stays."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.models import Callback, Invoice, InvoiceEvent
from cryptopay_django.services import create_invoice, erase_customer, prune_records, refresh_invoice
from cryptopay_django.testing.factories import CallbackFactory, InvoiceEventFactory, InvoiceFactory, PaymentFactory

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=400)
LIMIT = timezone.now() - timedelta(days=365)


def finished(**values):
    return InvoiceFactory(**{"status": "completed", "settled_amount": 100, **values})


def done(**values):
    values = {"invoice": finished(), "outcome": "applied", "next_attempt_at": None, "received_at": LONG_AGO, **values}
    return CallbackFactory(**values)


def told(kind="payment_detected", **values):
    times = {"created_at": LONG_AGO, "delivered_at": LONG_AGO, "next_attempt_at": None}
    return InvoiceEventFactory(**{"invoice": finished(), "kind": kind, **times, **values})


@pytest.mark.parametrize("outcome", ["applied", "stale", "ignored", "orphan", "unreadable"])
def test_old_callbacks_that_are_done_go(outcome):
    done(outcome=outcome)

    assert prune_records(before=LIMIT).callbacks == 1
    assert not Callback.objects.exists()


def test_old_callbacks_of_no_invoice_go_too():
    done(outcome="ignored", invoice=None)

    assert prune_records(before=LIMIT).callbacks == 1


@pytest.mark.parametrize(
    "kept",
    [
        {"outcome": "pending", "next_attempt_at": LONG_AGO},
        {"outcome": "orphan", "next_attempt_at": LONG_AGO},
        {"received_at": LIMIT + timedelta(seconds=1)},
    ],
)
def test_callbacks_that_are_pending_or_young_stay(kept):
    done(**kept)

    assert prune_records(before=LIMIT).callbacks == 0


@pytest.mark.parametrize("state", [{"status": "new"}, {"status": "unresolved"}, {"quarantine_reason": "why"}])
def test_what_belongs_to_an_open_or_held_invoice_stays(state):
    invoice = finished(**state)
    done(invoice=invoice)
    told(invoice=invoice)

    pruned = prune_records(before=LIMIT)

    assert (pruned.callbacks, pruned.events) == (0, 0)


def test_old_events_that_decide_nothing_go():
    told("invoice_created")
    told("invoice_unresolved")

    assert prune_records(before=LIMIT).events == 2


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("invoice_completed", {}),
        ("invoice_settled_short", {}),
        ("resolution_sent", {"delivered_at": None}),
        ("payment_detected", {"delivered_at": None, "next_attempt_at": LONG_AGO}),
        ("payment_detected", {"delivered_at": timezone.now()}),
        ("risk_high", {"delivered_at": None, "notice_due_at": LONG_AGO}),
    ],
)
def test_events_that_are_pending_untold_or_part_of_the_books_stay(kind, kept):
    told(kind, **kept)

    assert prune_records(before=LIMIT).events == 0


def test_batches_go_on_until_nothing_is_left_and_a_dry_run_deletes_nothing():
    invoice = finished()
    for _ in range(5):
        done(invoice=invoice)

    assert prune_records(before=LIMIT, dry_run=True).callbacks == Callback.objects.count() == 5
    assert prune_records(before=LIMIT, batch=2).callbacks == 5


def test_no_batch_reads_again_what_is_in_front_of_it():
    keys = [done().pk for _ in range(5)]

    with CaptureQueriesContext(connection) as queries:
        assert prune_records(before=LIMIT, batch=2).callbacks == 5

    begun_after = [
        int(key) for query in queries for key in re.findall(r"callback[`\"].[`\"]id[`\"] > (\d+)", query["sql"])
    ]
    assert begun_after == [keys[1], keys[3], keys[4]]


def test_a_pruned_invoice_that_is_asked_about_again_tells_nothing_twice(cryptopay_sandbox):
    invoice = create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC")
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    pruned = prune_records(before=timezone.now() + timedelta(days=1))

    for callback in cryptopay_sandbox.callbacks(invoice):
        cryptopay_sandbox.resend(callback)
    cryptopay_sandbox.deliver()
    refresh_invoice(invoice)

    assert (pruned.callbacks, pruned.events) == (3, 3)
    assert [event.kind for event in InvoiceEvent.objects.all()] == ["invoice_completed"]


def test_a_customers_personal_data_goes_and_the_money_stays():
    invoice = finished(
        customer_id="ada", payer_email="ada@example.org", name="Ada", metadata={"phone": "1"}, description="for Ada"
    )
    payment = PaymentFactory(invoice=invoice, source_addresses=["bc1q"], amount=1)
    done(invoice=invoice, body=b'{"name": "Ada"}')
    other = finished(customer_id="bob", name="Bob")

    result = erase_customer(customer_id="ada")

    invoice.refresh_from_db()
    payment.refresh_from_db()
    other.refresh_from_db()
    assert (result.erased, result.left) == (1, {})
    assert (invoice.customer_id, invoice.payer_email, invoice.name, invoice.description) == ("", "", "", "")
    assert (invoice.metadata, payment.source_addresses) == ({}, [])
    assert (invoice.price_amount, invoice.settled_amount, payment.amount) == (100, 100, 1)
    assert not Callback.objects.exists()
    assert other.name == "Bob"


@pytest.mark.parametrize(
    ("state", "reason"),
    [({"status": "unresolved"}, "it is unresolved"), ({"quarantine_reason": "why"}, "it is held")],
)
def test_an_invoice_that_has_not_ended_is_left_and_named(state, reason):
    invoice = finished(payer_email="Ada@example.org", name="Ada", **state)

    result = erase_customer(payer_email="ada@example.org")

    assert result.left[invoice.pk].startswith(reason)
    assert Invoice.objects.get().name == "Ada"


def test_an_invoice_with_pending_work_is_left():
    invoice = finished(customer_id="ada")
    InvoiceEventFactory(invoice=invoice)

    assert erase_customer(customer_id="ada").left == {invoice.pk: "callbacks or events of it are pending"}


def test_nobody_is_not_everybody():
    with pytest.raises(ValueError, match="name a customer"):
        erase_customer()


def test_the_command_prunes_by_the_setting_and_says_what_it_did(settings, capsys):
    settings.CRYPTOPAY_RETENTION_DAYS = 30
    done(received_at=timezone.now() - timedelta(days=31))
    done(received_at=timezone.now() - timedelta(days=29))

    call_command("cryptopay_prune", "--dry-run")
    call_command("cryptopay_prune")

    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("to delete: 1 callbacks, 0 events from before ")
    assert second.startswith("deleted: 1 callbacks, 0 events from before ")


def test_the_command_fails_while_some_personal_data_has_to_stay(capsys):
    invoice = finished(status="new", customer_id="ada")

    with pytest.raises(CommandError, match="erased from 0 invoices, channels and payment links, 1 left; run it again"):
        call_command("cryptopay_prune", erase_customer="ada")

    assert str(invoice.pk) in capsys.readouterr().err


@pytest.mark.parametrize("options", [{"days": 0}, {"batch": 0}, {"erase_customer": "ada", "dry_run": True}])
def test_the_command_refuses_what_makes_no_sense(options):
    with pytest.raises(CommandError):
        call_command("cryptopay_prune", **options)
