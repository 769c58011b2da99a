"""A body that comes again: stored at once where its invoice stands still, and the whole road where it does not."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cryptopay_django.gateway.schemas import parse_callback
from cryptopay_django.models import Callback, Invoice
from cryptopay_django.services import overdue, process_callback, receive_callback, refresh_invoice, repeats
from cryptopay_django.services.intake import Claim
from cryptopay_django.services.overdue import process_within_budget
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
    overdue.looks.lets_pass()
    with CaptureQueriesContext(connection) as captured:
        arrive(body)
    return len(captured) - 1  # `arrive` reads the row again


def seen(invoice: Invoice, *transactions, amount: str) -> bytes:
    wire = invoice_wire(invoice, paid_amount=amount, transactions=list(transactions))
    return callback_body(wire, "transaction_created")


def test_what_was_taken_in_is_stored_as_stale_when_it_comes_again():
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    arrive(body)

    assert cost(body) == 1, "it is stored where the invoice is in the state that it knows"

    first, again = Callback.objects.order_by("pk")
    assert (first.outcome, again.outcome) == ("applied", "stale")
    assert (again.body, again.invoice_id, again.event) == (body, invoice.pk, first.event)
    assert again.processed_at is not None
    assert again.next_attempt_at is None


def test_an_invoice_that_has_moved_on_is_looked_at_anew(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    arrive(body)
    arrive(seen(invoice, A, B, amount="0.002"))

    assert cost(body) > 2
    assert cost(body) == 1, "it was found to bring nothing to the new state either"
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


def test_what_the_gateway_does_not_confirm_yet_is_asked_for_each_time_it_comes(gateway):
    invoice = InvoiceFactory()
    gateway.truth = invoice_wire(invoice)
    body = callback_body(invoice_wire(invoice, **COMPLETED), "status_changed")

    assert [arrive(body).outcome for _ in range(2)] == ["pending", "pending"]
    assert len(gateway.asked) == 2

    gateway.truth = invoice_wire(invoice, **COMPLETED)
    assert arrive(body).outcome == "applied"


def test_what_was_rolled_back_is_not_remembered():
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    with transaction.atomic():
        process_callback(CallbackFactory(body=body))
        transaction.set_rollback(True)

    assert arrive(body).outcome == "applied"


def test_what_a_later_answer_of_the_gateway_had_outrun_is_not_remembered(gateway):
    invoice = InvoiceFactory()
    body = seen(invoice, A, amount="0.001")
    delayed = receive(body)
    gateway.truth = invoice_wire(invoice)
    refresh_invoice(invoice)
    process_callback(delayed)

    assert Invoice.objects.get().paid_amount == 0, "it had arrived before the gateway said so"
    assert cost(body) > 2
    assert Invoice.objects.get().paid_amount > 0, "this one has arrived after it"


def test_the_memory_is_bounded():
    invoice = InvoiceFactory()
    snapshot = parse_callback(seen(invoice, A, amount="0.001")).invoice
    for number in range(repeats._AT_MOST + 2):
        callback = CallbackFactory.build(digest=str(number), outcome="stale")
        repeats.keep_in_mind(Claim(callback, "transaction_created", snapshot), invoice)

    assert 0 < len(repeats._judged) <= repeats._AT_MOST
