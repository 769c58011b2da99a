"""The stories of docs/operations.md: a receiver broken for a day, and a week-old backup that was restored.

`RUN_BOOK_ORDERS` says how many orders the first story has (default: 15).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.exceptions import CustomIdError, InvoiceRequestError, NotResolvableError
from cryptopay_django.models import Callback, Invoice, InvoiceEvent
from cryptopay_django.services import (
    MissingInvoice,
    create_invoice,
    diagnose,
    find_missing_invoices,
    process_overdue,
    read_progress,
    refund_invoice,
    resolve_pending_resolutions,
    restore_invoice,
    settle_invoice,
)
from cryptopay_django.services.events.outbox import SIGNALS
from cryptopay_django.testing.inprocess import InProcessSandbox
from tests.wire import ScriptedGateway

from .conftest import Shop

ORDERS = int(os.environ.get("RUN_BOOK_ORDERS", "15"))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class ReceiverError(Exception):
    """What the receiver of the story raises while it is broken."""


def order(custom_id: str | None = None) -> Invoice:
    return create_invoice(price_amount=100, price_currency="EUR", pay_currency="BTC", custom_id=custom_id)


def let_pass(time: timedelta) -> None:
    """Move into the past what waits for a later try."""
    InvoiceEvent.objects.exclude(next_attempt_at=None).update(next_attempt_at=F("next_attempt_at") - time)


@pytest.mark.django_db
def test_a_receiver_broken_for_a_day_loses_nothing_and_holds_up_no_customer(
    cryptopay_sandbox: InProcessSandbox, settings
) -> None:
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"undelivered": ["ops@shop.example"]}
    heard: list[tuple[UUID, str]] = []
    is_broken = True

    def receive(invoice: Invoice, event: InvoiceEvent, **_: object) -> None:
        Group.objects.create(name=f"{event.uuid}")
        if is_broken:
            raise ReceiverError
        heard.append((invoice.pk, event.kind))

    for signal in SIGNALS.values():
        signal.connect(receive)
    try:
        invoices = [order() for _ in range(ORDERS)]
        for invoice in invoices:
            cryptopay_sandbox.pay(invoice)
        cryptopay_sandbox.deliver()
        assert {read_progress(invoice.pk).state for invoice in invoices} == {"seen"}
        for invoice in invoices:
            cryptopay_sandbox.confirm(invoice)
        cryptopay_sandbox.deliver()
        for _ in range(24):
            let_pass(HOUR)
            call_command("cryptopay_worker", "--once")

        assert set(Callback.objects.values_list("outcome", flat=True)) <= {"applied", "stale"}
        assert {read_progress(invoice.pk).state for invoice in invoices} == {"completed"}
        assert (heard, Group.objects.count()) == ([], 0)
        assert ["ops@shop.example"] in [message.to for message in mail.outbox]

        is_broken = False
        let_pass(HOUR)
        call_command("cryptopay_worker", "--once")
    finally:
        for signal in SIGNALS.values():
            signal.disconnect(receive)

    story = ["invoice_created", "payment_detected", "payment_confirmed", "invoice_completed"]
    for invoice in invoices:
        assert [kind for key, kind in heard if key == invoice.pk] == story
    assert Group.objects.count() == len(heard) == len(story) * ORDERS
    assert not InvoiceEvent.objects.exclude(next_attempt_at=None).exists()


class Warehouse:
    """Something outside of the database: it ships once for each key, and no backup brings it back."""

    def __init__(self) -> None:
        self.keys: list[UUID] = []

    def ship(self, event: InvoiceEvent, **_: object) -> None:
        self.keys.append(event.uuid)

    @property
    def parcels(self) -> set[UUID]:
        return set(self.keys)


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    warehouse = Warehouse()
    signals.invoice_completed.connect(warehouse.ship)
    yield warehouse
    signals.invoice_completed.disconnect(warehouse.ship)


class Backup:
    """All rows, written into a file and read back into an empty database, whichever that is."""

    def __init__(self, file: Path) -> None:
        self.file = file
        tables = ["cryptopay_django", "auth.group"]
        call_command("dumpdata", *tables, natural_foreign=True, output=str(file), verbosity=0)

    def restore(self) -> None:
        call_command("flush", interactive=False, verbosity=0)
        call_command("loaddata", str(self.file), verbosity=0)


def reconcile_by_the_book() -> list[MissingInvoice]:
    """Follow the page: ask the gateway about all that is open, and for what is missing here."""
    Invoice.objects.update(created_at=F("created_at") - HOUR)
    with pytest.raises(CommandError) as drifted:
        call_command("cryptopay_reconcile", missing_since=timezone.now() - DAY)
    assert drifted.value.returncode == 2
    missing = find_missing_invoices(since=timezone.now() - DAY)
    assert f"{len(missing)} of the gateway's invoices are missing here" in str(drifted.value)
    return missing


@pytest.mark.django_db(transaction=True)
def test_after_a_week_old_backup_was_restored_the_money_is_right_and_nothing_goes_out_twice(
    cryptopay_sandbox: InProcessSandbox, shop: Shop, warehouse: Warehouse, tmp_path: Path
) -> None:
    paid, refunded, settled, _ = (order(f"order-{n}") for n in range(4))
    for invoice in (refunded, settled):
        cryptopay_sandbox.pay(invoice, factor="0.5")
        cryptopay_sandbox.confirm(invoice)
    backup = Backup(tmp_path / "backup.json")

    paid_later = order("order-4")
    for invoice in (paid, paid_later):
        cryptopay_sandbox.pay(invoice)
        cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.advance(minutes=11, deliver=True)
    refund_invoice(refunded, actor="ada", reason="before the fall")
    settle_invoice(settled, actor="ada", reason="before the fall")
    resolve_pending_resolutions()
    cryptopay_sandbox.deliver()
    ends = {row.custom_id: (row.status, row.settled_amount) for row in Invoice.objects.all()}
    refunds = refunds_at_the_gateway(cryptopay_sandbox)
    assert [ends[f"order-{n}"][0] for n in range(5)] == ["completed", "refunded", "completed", "new", "completed"]
    shipped = warehouse.parcels

    backup.restore()
    assert set(Invoice.objects.values_list("custom_id", flat=True)) == {f"order-{n}" for n in range(4)}
    for callback in cryptopay_sandbox.callbacks(paid_later.gateway_id):
        cryptopay_sandbox.resend(callback)
    cryptopay_sandbox.deliver()
    assert set(Callback.objects.filter(gateway_id=paid_later.gateway_id).values_list("outcome", flat=True)) == {
        "orphan"
    }
    for custom_id in ("order-1", "order-2"):
        with pytest.raises(NotResolvableError):
            refund_invoice(Invoice.objects.get(custom_id=custom_id), actor="ada", reason="once more")
    assert refunds_at_the_gateway(cryptopay_sandbox) == refunds

    missing = reconcile_by_the_book()
    assert [entry.gateway.custom_id for entry in missing] == ["order-4"]
    with pytest.raises(CustomIdError):
        order("order-4")
    restored = [restore_invoice(entry, price_amount=100, price_currency="EUR") for entry in missing]
    assert restored == [paid_later]
    with pytest.raises(InvoiceRequestError, match="here already"):
        restore_invoice(missing[0], price_amount=100, price_currency="EUR")
    process_overdue()
    call_command("cryptopay_reconcile")

    assert {row.custom_id: (row.status, row.settled_amount) for row in Invoice.objects.all()} == ends
    assert refunds_at_the_gateway(cryptopay_sandbox) == refunds
    assert warehouse.parcels == shipped
    assert len(warehouse.keys) == 2 * len(shipped) == 4
    assert [shop.rows(invoice, "invoice_completed") for invoice in (paid, settled, paid_later)] == [1, 0, 1]
    assert find_missing_invoices(since=timezone.now() - DAY) == []
    assert [result for result in diagnose() if result.subject == "drift" and result.level != "ok"] == []


def refunds_at_the_gateway(sandbox: InProcessSandbox) -> list[tuple[str, int]]:
    return [(invoice.custom_id, len(invoice.refunds)) for invoice in sandbox.invoices()]


@pytest.mark.django_db
def test_what_is_missing_is_looked_for_page_by_page_and_no_further_than_asked(
    cryptopay_sandbox: InProcessSandbox,
) -> None:
    old = order("of-long-ago")
    cryptopay_sandbox.advance(days=3)
    since = cryptopay_sandbox.now
    cryptopay_sandbox.advance(minutes=1)
    invoices = [order() for _ in range(53)]
    lost, first = invoices[20], invoices[0]
    unanswered = invoices[30]
    Invoice.objects.filter(pk=unanswered.pk).update(gateway_id=None)
    InvoiceEvent.objects.filter(invoice__in=[old, lost, first]).delete()
    Invoice.objects.filter(pk__in=[old.pk, lost.pk, first.pk]).delete()

    missing = find_missing_invoices(since=since)

    assert [entry.gateway.id for entry in missing] == [lost.gateway_id, first.gateway_id]
    assert f"'{lost.custom_id}' ({lost.gateway_id}, account default): new, 100 EUR in BTC, made " in str(missing[0])


@pytest.mark.django_db
def test_a_list_that_cannot_be_read_to_its_end_is_not_taken_for_all(settings) -> None:
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda method, path, body: (200, {"data": 5}))

    with pytest.raises(CommandError, match="could not be read to its end") as raised:
        call_command("cryptopay_reconcile", missing_since=timezone.now())

    assert raised.value.returncode == 1


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "20261114x"])
def test_a_day_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CommandError, match="must be a day"):
        call_command("cryptopay_reconcile", "--missing-since", text)
