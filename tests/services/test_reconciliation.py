"""Polling: the truth without callbacks."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from cryptopay_django.exceptions import GatewayAnswerError, GatewayNotFoundError
from cryptopay_django.models import Invoice
from cryptopay_django.services import reconcile_invoices, refresh_invoice
from cryptopay_django.services.reconciliation.missing_invoices import find_missing_invoices
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
    InvoiceFactory(gateway_id=None)
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


def test_the_worker_does_what_is_due_once(settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), paid_amount="0.001")))
    out = StringIO()

    call_command("cryptopay_worker", "--once", stdout=out)

    assert Invoice.objects.get().paid_amount > 0
    assert out.getvalue().strip() == "1 done"


def test_an_odd_invoice_in_a_list_spoils_no_other_and_no_page(settings, caplog):
    """Two pages: the last of the first cannot be read, and all of the second is there."""
    rows = [old() for _ in range(22)]
    entries = [invoice_wire(row, status="cancelled") for row in rows]
    entries[10]["paid_amount"] = "9" * 30
    pages = [entries[:11], entries[11:], []]

    def answer(method, path, body):
        if path.startswith("/api/invoices?") or path == "/api/invoices":
            after = path.partition("starting_after=")[2]
            ids = [page[-1]["id"] for page in pages[:2]]
            return 200, {"data": pages[ids.index(after) + 1 if after else 0]}
        return 200, {"data": next(entry for entry in entries if path.endswith(entry["id"]))}

    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(answer)

    missing = find_missing_invoices(since=timezone.now() - timedelta(days=9000))
    result = reconcile_invoices()

    assert {found.account for found in missing} == {"second"}, "the first account misses nothing"
    assert Invoice.objects.filter(status="cancelled").count() == 21
    assert list(result.failed) == [str(rows[10].pk)]
    assert "paid_amount" in Invoice.objects.get(pk=rows[10].pk).quarantine_reason
    assert "data[10].paid_amount" in caplog.text


def test_a_proxys_answer_holds_no_invoice(settings):
    invoice = old()
    for answer in ((200, {"data": {}}), (200, {"data": []}), (200, {"error": "x"}), (200, {"data": {"id": "x"}})):
        settings.CRYPTOPAY_HTTP_ADAPTER = lambda account, answer=answer: ScriptedGateway(lambda *_: answer)
        reconcile_invoices()

    assert Invoice.objects.get(pk=invoice.pk).quarantine_reason == ""


def test_an_invoice_is_held_once_for_an_answer_that_stays_odd(gateway):
    invoice = old()
    gateway.truth[str(invoice.gateway_id)] = invoice_wire(invoice, pay_amount=None)

    for _ in range(3):
        with pytest.raises(GatewayAnswerError):
            refresh_invoice(invoice)

    held = Invoice.objects.get(pk=invoice.pk)
    assert held.quarantine_reason == "what the gateway says of it cannot be read: data.pay_amount: is null"
    assert (held.version, held.events.filter(kind="invoice_quarantined").count()) == (1, 1)
