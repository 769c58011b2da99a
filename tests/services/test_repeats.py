"""A body that comes again: counted where its invoice stands still, and the whole road where it does not."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cryptopay_django.conf import get_account
from cryptopay_django.gateway.signing import sign_callback
from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import process_callback, receive_callback, refresh_invoice
from cryptopay_django.services.worker import due_work
from cryptopay_django.services.worker.due_work import process_within_budget
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
)
from tests.wire import A, B, ScriptedGateway

pytestmark = pytest.mark.django_db(transaction=True)

COMPLETED = {"status": "completed", "paid_amount": "0.002", "transactions": [A]}


@pytest.fixture
def gateway(settings):
    """A gateway that holds the invoice as `truth` says."""
    scripted = ScriptedGateway(lambda *_: (200, {"data": scripted.truth}))
    scripted.truth = None
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def receive(body: bytes) -> Callback:
    return receive_callback(body, callback_headers(body)["X-Cryptopay-Signature"])


def arrive(body: bytes) -> Callback:
    """Receive and process a body as the webhook does, and return its row."""
    callback = receive(body)
    process_within_budget(callback)
    callback.refresh_from_db()
    return callback


def cost(body: bytes) -> int:
    due_work.overdue_throttle.allows()
    with CaptureQueriesContext(connection) as captured:
        arrive(body)
    return len(captured) - 1  # `arrive` reads the row again


def seen(invoice: Invoice, *transactions, amount: str) -> bytes:
    wire = invoice_wire(invoice, paid_amount=amount, transactions=list(transactions))
    return callback_body(wire, "transaction_created")


def test_what_was_taken_in_is_counted_when_it_comes_again(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    arrive(body)

    assert cost(body) == 2, "a look and an UPDATE, where the invoice is in the version that it knows"

    callback = Callback.objects.get()
    assert (callback.outcome, callback.repeats, callback.invoice) == ("applied", 1, invoice)
    assert callback.last_received_at > callback.received_at
    assert callback.next_attempt_at is None


def test_an_invoice_that_has_moved_on_is_looked_at_anew(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    arrive(body)
    arrive(seen(invoice, A, B, amount="0.002"))

    assert cost(body) > 2
    assert cost(body) == 2, "it was found to bring nothing to the new state either"
    assert list(Callback.objects.order_by("pk").values_list("outcome", "repeats")) == [
        ("applied", 0),
        ("applied", 0),
        ("stale", 1),
    ]
    assert Invoice.objects.get().paid_amount.as_tuple() == (0, (2,), -3)


def test_a_status_that_the_gateway_has_changed_its_mind_about_is_asked_for_again(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice, **COMPLETED)
    body = callback_body(gateway.truth, "status_changed")
    arrive(body)
    arrive(body)
    gateway.truth = invoice_wire(invoice, **COMPLETED | {"status": "refunded"})
    refresh_invoice(Invoice.objects.get())
    asked = len(gateway.asked)

    again = arrive(body)

    assert len(gateway.asked) == asked + 1
    assert (again.outcome, again.error) == ("stale", "it says completed, but the gateway, when asked, said refunded")


def test_what_the_gateway_does_not_confirm_yet_is_counted_and_asked_for_in_its_own_time(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice)
    body = callback_body(invoice_wire(invoice, **COMPLETED), "status_changed")

    assert [arrive(body).outcome for _ in range(3)] == ["pending"] * 3
    assert len(gateway.asked) == 1

    gateway.truth = invoice_wire(invoice, **COMPLETED)
    with time_machine.travel(timezone.now() + timedelta(seconds=15)):
        due_work.process_overdue()
    callback = Callback.objects.get()
    assert (callback.outcome, callback.repeats) == ("applied", 2)


def unconfirmed(invoice: Invoice, gateway: ScriptedGateway) -> bytes:
    """Contradicts the gateway, which says so each time that it is asked."""
    gateway.truth = invoice_wire(invoice, status="unresolved", status_context="overpaid", paid_amount="0.004")
    refresh_invoice(invoice)
    gateway.asked.clear()
    wire = invoice_wire(invoice, status="unresolved", status_context="underpaid", paid_amount="0.001")
    return callback_body(wire, "status_changed")


KINDS = {
    "of another type": lambda invoice, gateway: callback_body({"id": "x"}, "completed", type="CoinWithdrawal"),
    "an orphan": lambda invoice, gateway: callback_body(invoice_wire(InvoiceFactory.build())),
    "unreadable": lambda invoice, gateway: b"<html>",
    "without its facts": lambda invoice, gateway: callback_body(invoice_wire(invoice, paid_amount="x")),
    "unconfirmed": unconfirmed,
    "applied": lambda invoice, gateway: seen(invoice, A, amount="0.001"),
}


@pytest.mark.parametrize("mode", ["request", "worker"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_body_is_stored_often_nor_asked_about_often_however_often_it_comes(kind, mode, gateway, settings):
    settings.CRYPTOPAY_PROCESSING = mode
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice)
    body = KINDS[kind](invoice, gateway)

    for _ in range(60):
        receive(body) if mode == "worker" else arrive(body)
    with time_machine.travel(timezone.now() + timedelta(hours=2)) as later:
        for _ in range(60):
            later.shift(timedelta(seconds=10))
            receive(body)
            due_work.process_overdue()

    rows = Callback.objects.filter(body=body)
    assert rows.count() <= 2
    assert sum(row.repeats + 1 for row in rows) == 120
    assert len(gateway.asked) < 15


def test_a_repeated_body_that_could_not_be_used_is_tried_again_a_while_later(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice)
    body = callback_body(invoice_wire(InvoiceFactory.build(), paid_amount="x"))
    assert arrive(body).outcome == "unreadable"

    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        again = receive(body)
        assert again.outcome == "pending", "perhaps a newer version can read it"
        process_within_budget(again)

    callback = Callback.objects.get()
    assert (callback.outcome, callback.repeats) == ("unreadable", 1)


def test_the_row_that_counts_must_be_there(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    arrive(body)
    Callback.objects.all().delete()

    assert arrive(body).outcome == "stale"
    assert Callback.objects.count() == 1


def test_the_same_body_for_another_account_is_another_callback():
    first = receive(b"{}")
    signature = sign_callback(b"{}", secret=get_account("second").callback_secrets[0])

    assert receive_callback(b"{}", signature, account="second").pk != first.pk


def test_what_was_rolled_back_is_not_remembered(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    with transaction.atomic():
        process_callback(CallbackFactory(body=body))
        transaction.set_rollback(True)

    assert arrive(body).outcome == "applied"


def test_what_a_later_answer_of_the_gateway_had_outrun_is_not_remembered(gateway, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    delayed = receive(body)
    gateway.truth = invoice_wire(invoice)
    refresh_invoice(invoice)
    process_callback(delayed)

    assert Invoice.objects.get().paid_amount == 0, "it had arrived before the gateway said so"
    assert cost(body) > 2
    assert Invoice.objects.get().paid_amount > 0, "this one has arrived after it"
