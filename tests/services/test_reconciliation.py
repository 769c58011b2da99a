"""Polling: the truth without callbacks."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cryptopay_django.exceptions import GatewayNotFoundError
from cryptopay_django.models import Invoice
from cryptopay_django.services import reconcile_invoices, refresh_invoice
from cryptopay_django.testing.factories import CallbackFactory, InvoiceFactory, callback_body, invoice_wire
from tests.wire import ScriptedGateway, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def gateway(settings):
    """A gateway that knows the invoices in `truth`, by the last part of the path."""
    scripted = ScriptedGateway(
        lambda method, path, body: (
            (200, {"data": scripted.truth[path.rsplit("/", 1)[1]]})
            if path.rsplit("/", 1)[1] in scripted.truth
            else refusal(404, "not_found")
        )
    )
    scripted.truth = {}
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def old(**values):
    invoice = InvoiceFactory(**values)
    Invoice.objects.filter(pk=invoice.pk).update(created_at=timezone.now() - timedelta(hours=1))
    return invoice


def test_a_refresh_takes_in_what_the_gateway_says(gateway):
    invoice = InvoiceFactory()
    gateway.truth[str(invoice.gateway_id)] = invoice_wire(invoice, status="completed", paid_amount="0.002")

    fresh = refresh_invoice(invoice)

    assert (fresh.status, fresh.settled_amount) == ("completed", 100)
    assert fresh.polled_at is not None
    assert fresh.events.get(kind="invoice_completed").delivered_at is not None


def test_a_refresh_says_when_the_gateway_does_not_know_the_invoice(gateway):
    with pytest.raises(GatewayNotFoundError):
        refresh_invoice(InvoiceFactory())


def test_a_run_brings_every_open_invoice_up_to_date(gateway):
    paid, unpaid, finished = old(), old(), old(status="completed")
    gateway.truth[str(paid.gateway_id)] = invoice_wire(paid, status="completed", paid_amount="0.002")
    gateway.truth[str(unpaid.gateway_id)] = invoice_wire(unpaid)

    result = reconcile_invoices()

    assert (result.asked, result.drifted, result.unknown, result.failed) == (2, 1, 0, {})
    assert Invoice.objects.get(pk=paid.pk).status == "completed"
    assert Invoice.objects.get(pk=finished.pk).polled_at is None


def test_a_run_finds_by_custom_id_what_a_lost_answer_has_made(gateway):
    invoice = old(gateway_id=None, address="")
    made = invoice_wire(invoice, address="2N7eWx1pLbvcQhRfkz3dYt6sGm0001")
    gateway.truth[invoice.custom_id] = made

    reconcile_invoices()

    invoice.refresh_from_db()
    assert (str(invoice.gateway_id), invoice.address) == (made["id"], made["address"])


def test_a_run_goes_on_after_a_failure_and_after_an_unknown_invoice(gateway):
    broken, unknown, paid = old(), old(), old()
    gateway.truth[str(broken.gateway_id)] = {"id": "nonsense"}
    gateway.truth[str(paid.gateway_id)] = invoice_wire(paid, status="completed", paid_amount="0.002")

    result = reconcile_invoices()

    assert (result.asked, result.unknown, list(result.failed)) == (3, 1, [str(broken.pk)])
    assert Invoice.objects.get(pk=paid.pk).status == "completed"
    assert Invoice.objects.get(pk=unknown.pk).polled_at is not None


def test_a_run_that_is_limited_goes_on_where_the_last_one_stopped(gateway):
    invoices = [old() for _ in range(3)]
    gateway.truth = {str(invoice.gateway_id): invoice_wire(invoice) for invoice in invoices}

    for _ in range(3):
        reconcile_invoices(limit=1)

    assert len(set(gateway.asked)) == 3


def test_a_run_leaves_alone_what_was_just_made_or_just_asked_about(gateway):
    InvoiceFactory()
    old(polled_at=timezone.now())

    assert reconcile_invoices(not_since=timedelta(minutes=5)).asked == 0


def test_the_command_prints_a_summary_and_fails_when_a_call_failed(gateway):
    invoice = old()
    gateway.truth[str(invoice.gateway_id)] = invoice_wire(invoice)
    out, err = StringIO(), StringIO()

    call_command("cryptopay_reconcile", stdout=out)
    gateway.truth[str(invoice.gateway_id)] = {"id": "nonsense"}
    with pytest.raises(CommandError, match="1 failed"):
        call_command("cryptopay_reconcile", stderr=err)

    assert out.getvalue().strip() == "1 asked, 0 drifted, 0 unknown to the gateway, 0 failed"
    assert str(invoice.pk) in err.getvalue()


def test_the_worker_does_what_is_due_once():
    CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), paid_amount="0.001")))
    out = StringIO()

    call_command("cryptopay_worker", "--once", stdout=out)

    assert Invoice.objects.get().paid_amount > 0
    assert out.getvalue().strip() == "1 done"
