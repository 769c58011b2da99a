"""An event that is not true any more is not delivered, holds nothing back, and is stored as nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import HandlerDelivery, Invoice, InvoiceEvent, InvoiceStatus
from cryptopay_django.services import deliver_events, process_overdue, release_invoice
from cryptopay_django.services.diagnosis import diagnose
from cryptopay_django.services.events.deliver import deliver_written
from cryptopay_django.services.events.outbox import SIGNALS, new_event, sender_of, write_events
from cryptopay_django.services.events.withholding import TRUE_WHILE, is_true, is_true_of, is_withheld
from cryptopay_django.services.worker.anything_due import is_anything_due
from cryptopay_django.testing.factories import InvoiceEventFactory, InvoiceFactory, PaymentFactory, RefundFactory
from tests.effects.handlers import done_by, registered

pytestmark = pytest.mark.django_db

OF_REFUNDS = {"refund_created", "refund_succeeded", "refund_failed"}
OF_INVOICES = [str(kind) for kind in SIGNALS if sender_of(kind) is Invoice]


@pytest.fixture
def heard(connect):
    """What receivers have had, by kind."""
    kinds = []
    for signal in SIGNALS.values():
        connect(signal, lambda event, **_: kinds.append(str(event.kind)))
    return kinds


@pytest.mark.parametrize("is_held", [False, True])
@pytest.mark.parametrize("status", InvoiceStatus.values)
@pytest.mark.parametrize("kind", OF_INVOICES)
def test_an_outcome_is_delivered_while_the_invoice_is_in_it_and_everything_else_always(kind, status, is_held, heard):
    invoice = InvoiceFactory(status=status, quarantine_reason="odd" if is_held else "")
    payment = PaymentFactory(invoice=invoice) if kind.startswith("payment") else None
    refund = RefundFactory(invoice=invoice) if kind in OF_REFUNDS else None
    event = InvoiceEventFactory(invoice=invoice, kind=kind, payment=payment, refund=refund)
    outcomes = {
        "invoice_completed": "completed",
        "invoice_settled_short": "completed",
        "invoice_refunded": "refunded",
        "invoice_cancelled": "cancelled",
    }

    deliver_events(invoice)

    is_due = kind not in outcomes or (outcomes[kind] == status and not is_held)
    assert heard == ([kind] if is_due else [])
    assert is_withheld(event, invoice) is not is_due
    assert outcomes == TRUE_WHILE


def test_what_is_withheld_holds_back_nothing_and_is_no_failure(heard):
    invoice = InvoiceFactory(status="refunded")
    withheld = InvoiceEventFactory(invoice=invoice, kind="invoice_completed")
    InvoiceEventFactory(invoice=invoice, kind="invoice_refunded")

    process_overdue()

    assert heard == ["invoice_refunded"]
    withheld.refresh_from_db()
    assert (withheld.attempts, withheld.last_error, withheld.delivered_at) == (0, "", None)


def test_what_is_withheld_takes_no_place_and_keeps_no_process_busy(heard):
    for _ in range(3):
        InvoiceEventFactory(invoice=InvoiceFactory(status="refunded"), kind="invoice_completed")
    assert not is_anything_due(timezone.now() + timedelta(days=1))
    InvoiceEventFactory()
    assert is_anything_due(timezone.now())

    assert deliver_events(limit=1) == 1

    assert heard == ["invoice_created"]


def test_a_release_delivers_what_was_withheld_to_receivers_and_handlers(heard):
    invoice = InvoiceFactory(status="completed", settled_amount=100, quarantine_reason="odd")
    with registered("invoice_completed"):
        write_events([new_event(invoice, "invoice_completed", at=timezone.now(), once="invoice_completed")])
        process_overdue()
        assert (heard, done_by("ship")) == ([], [])

        release_invoice(invoice, actor="ada", reason="looked")

        assert (heard, done_by("ship")) == (["invoice_completed"], ["invoice_completed"])


def test_a_handler_gets_nothing_that_is_not_true_and_what_comes_later():
    invoice = InvoiceFactory(status="refunded")
    with registered("invoice_completed", "invoice_refunded"):
        for kind in ("invoice_completed", "invoice_refunded"):
            write_events([new_event(invoice, kind, at=timezone.now())])

        process_overdue()

        assert done_by("ship") == ["invoice_refunded"]
        assert not is_anything_due(timezone.now() + timedelta(days=1))
    assert set(HandlerDelivery.objects.filter(delivered_at=None).values_list("attempts", flat=True)) == {0}


@pytest.mark.parametrize("is_new", [False, True])
def test_what_ceases_to_be_true_while_receivers_run_is_rolled_back(is_new, connect):
    """A merge holds the invoice between the claim and the end: what receivers wrote must go."""
    event = InvoiceEventFactory(kind="invoice_completed")

    def receiver(invoice, **_):
        Invoice.objects.filter(pk=invoice.pk).update(quarantine_reason="odd", name="written")

    connect(signals.invoice_completed, receiver)

    assert (deliver_written(event.invoice, [event]) if is_new else deliver_events(event.invoice)) == 0

    event.refresh_from_db()
    assert (event.delivered_at, event.invoice.name) == (None, "")


def test_a_new_event_that_ceased_to_be_true_before_its_receivers_are_called_is_not_sent(heard):
    event = InvoiceEventFactory(kind="invoice_completed")
    Invoice.objects.filter(pk=event.invoice_id).update(quarantine_reason="odd")

    assert deliver_written(event.invoice, [event]) == 0

    assert heard == []


def test_a_new_event_is_sent_past_one_that_is_withheld(heard):
    invoice = InvoiceFactory(status="refunded")
    InvoiceEventFactory(invoice=invoice, kind="invoice_completed")

    assert deliver_written(invoice, [InvoiceEventFactory(invoice=invoice, kind="invoice_refunded")]) == 1

    assert heard == ["invoice_refunded"]


def test_the_conditions_on_rows_and_the_one_on_objects_agree():
    for kind in OF_INVOICES:
        for status in InvoiceStatus.values:
            for reason in ("", "odd"):
                InvoiceEventFactory(invoice=InvoiceFactory(status=status, quarantine_reason=reason), kind=kind)

    true = set(InvoiceEvent.objects.filter(is_true()).values_list("pk", flat=True))

    for event in InvoiceEvent.objects.select_related("invoice"):
        assert is_withheld(event, event.invoice) is (event.pk not in true)
        assert InvoiceEvent.objects.filter(is_true_of(event.kind), pk=event.pk).exists() is (event.pk in true)


def test_the_doctor_warns_of_what_waits_for_a_person_and_not_of_what_was_decided():
    def result():
        return next(result for result in diagnose(offline=True) if result.subject == "withheld events")

    assert (result().level, result().found) == ("ok", "none")
    InvoiceEventFactory(invoice=InvoiceFactory(status="refunded"), kind="invoice_completed")
    assert (result().level, result().found) == ("ok", "1, none about quarantined payments")
    held = InvoiceFactory(status="completed", quarantine_reason="odd")
    InvoiceEventFactory(invoice=held, kind="invoice_completed")
    assert (result().level, result().found) == ("warning", "2, 1 of them about quarantined payments")
