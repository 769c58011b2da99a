"""The log: every move and every failure is told once, with the invoice's id, and nothing is told that must not be."""

from __future__ import annotations

import ast
import logging
from pathlib import Path

import pytest
from django.db import transaction

from cryptopay_django import signals
from cryptopay_django.models import Invoice
from cryptopay_django.services import (
    create_invoice,
    process_callback,
    process_overdue,
    receive_callback,
    refund_invoice,
    release_invoice,
)
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
    transaction_wire,
)
from tests.effects.handlers import broken, registered
from tests.wire import TIMED_OUT, ScriptedGateway

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cryptopay_django"


@pytest.fixture
def log(caplog):
    """Return a function that gives what was logged about an invoice: level and message, without its id."""
    caplog.set_level(logging.INFO, logger="cryptopay_django")

    def about(invoice):
        found = [record for record in caplog.records if getattr(record, "invoice_id", "") == str(invoice.pk)]
        assert all(str(invoice.pk) in record.getMessage() for record in found), "the id is in the text, too"
        return [(record.levelname, record.getMessage().replace(str(invoice.pk), "ID")) for record in found]

    return about


def arrive(invoice, event="status_changed", **changes):
    return process_callback(CallbackFactory(body=callback_body(invoice_wire(invoice, **changes), event)))


def test_each_move_event_and_callback_is_told_once(log, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()
    paid = {"paid_amount": "0.002", "transactions": [transaction_wire("a" * 64)]}

    first = arrive(invoice, status="unresolved", status_context="paid_late", **paid)
    second = arrive(invoice, status="completed", **paid)
    third = arrive(invoice, status="completed", **paid)

    assert log(invoice) == [
        ("INFO", "invoice ID: from new to unresolved paid_late"),
        ("INFO", "invoice ID: event payment_detected"),
        ("INFO", "invoice ID: event payment_confirmed"),
        ("WARNING", "invoice ID: event invoice_unresolved"),
        ("INFO", f"callback {first.pk}, invoice ID: applied"),
        ("INFO", "invoice ID: from unresolved paid_late to completed"),
        ("INFO", "invoice ID: event invoice_completed"),
        ("INFO", f"callback {second.pk}, invoice ID: applied"),
        ("INFO", f"callback {third.pk}, invoice ID: stale"),
    ]


def test_a_move_of_an_invoice_that_is_held_is_told_though_it_is_no_event(log, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory(quarantine_reason="odd")

    arrive(invoice, status="cancelled")
    release_invoice(Invoice.objects.get(), actor="ada", reason="looked")

    messages = [message for _, message in log(invoice)]
    assert "invoice ID: from new to cancelled" in messages
    assert messages[-2:] == ["invoice ID: event invoice_released", "invoice ID: event invoice_cancelled"]


def test_records_have_fields_for_formatters(caplog, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    caplog.set_level(logging.INFO, logger="cryptopay_django")
    invoice = InvoiceFactory(account="second")

    callback = CallbackFactory(account="second", body=callback_body(invoice_wire(invoice, status="cancelled")))
    process_callback(callback)

    moved, happened, ended = caplog.records
    assert {record.account for record in caplog.records} == {"second"}
    assert (moved.status, moved.status_context, moved.status_before) == ("cancelled", "", "new")
    assert (happened.event_kind, len(happened.event_uuid)) == ("invoice_cancelled", 36)
    assert (ended.callback_id, ended.outcome) == (callback.pk, "applied")


def test_what_was_rolled_back_is_not_told(log, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    invoice = InvoiceFactory()

    with transaction.atomic():
        arrive(invoice, status="cancelled")
        transaction.set_rollback(True)

    assert log(invoice) == []


def test_a_callback_that_has_to_wait_is_told_once_for_each_try(log, settings):
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: ScriptedGateway(lambda *_: TIMED_OUT)
    settings.CRYPTOPAY_TOTAL_TIMEOUT = 0.1
    invoice = InvoiceFactory()

    callback = arrive(invoice, status="completed")

    ((level, message),) = log(invoice)
    assert level == "WARNING"
    assert message.startswith(f"callback {callback.pk}, invoice ID: stays pending and will be retried: Gateway")


def test_an_orphan_is_told_once_however_often_it_is_looked_for(caplog):
    caplog.set_level(logging.INFO, logger="cryptopay_django")
    callback = CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory.build())))

    for _ in range(3):
        process_callback(callback)

    assert [record.getMessage() for record in caplog.records] == [f"callback {callback.pk}, no invoice: orphan"]


def test_a_failure_of_a_receiver_and_of_a_handler_is_told_once_each_with_its_traceback(log, caplog):
    def raises(**_):
        raise RuntimeError("no")

    signals.invoice_refunded.connect(raises)
    try:
        with registered("invoice_refunded"):
            broken.add("ship")
            released = release_invoice(
                InvoiceFactory(quarantine_reason="odd", status="refunded"), actor="ada", reason="looked"
            )
            process_overdue()
    finally:
        signals.invoice_refunded.disconnect(raises)

    errors = [message for level, message in log(released) if level == "ERROR"]
    event = released.events.get(kind="invoice_refunded")
    assert errors == [
        f"invoice ID: event {event.pk} failed",
        "invoice ID: handler tests.effects.handlers.ship failed",
    ]
    assert all(record.exc_info for record in caplog.records if record.levelname == "ERROR")


def test_no_secret_no_body_and_nothing_of_the_customer_is_ever_told(caplog, settings, cryptopay_sandbox):
    """A whole story at the lowest level: a purchase, a refund, a forged callback, an unreadable one."""
    caplog.set_level(logging.DEBUG, logger="cryptopay_django")
    customer = {
        "payer_email": "jo@example.com",
        "name": "Jo Doe",
        "description": "a gift",
        "customer_id": "customer-77",
    }
    invoice = create_invoice(
        price_amount="100", price_currency="EUR", pay_currency="BTC", metadata={"phone": "+49 555 0100"}, **customer
    )
    cryptopay_sandbox.pay(invoice, factor="2")
    cryptopay_sandbox.confirm(invoice)
    cryptopay_sandbox.deliver()
    refund_invoice(Invoice.objects.get(pk=invoice.pk), actor="ada.lovelace", reason="Jo asked")
    body = b'{"type": "Invoice", "payer": "jo@example.com"}'
    signature = callback_headers(body)["X-Cryptopay-Signature"]
    process_callback(receive_callback(body, signature))
    InvoiceEventFactory(invoice=invoice)
    process_overdue()

    site = settings.CRYPTOPAY_ACCOUNTS["default"]
    payment = invoice.payments.get()
    forbidden = [
        *customer.values(), "+49 555 0100", "Jo asked", "ada.lovelace", site["API_KEY"], site["API_SECRET"], *site["CALLBACK_SECRETS"],
        signature, body.decode(), invoice.address, *payment.source_addresses,
    ]  # fmt: skip
    told = [str(vars(record)) for record in caplog.records if record.name.startswith("cryptopay_django")]
    assert len(told) > 10
    assert [word for word in forbidden if any(word in line for line in told)] == []


def spoken():
    """Return every message in the package's source."""
    for path in PACKAGE.rglob("*.py"):
        if "sandbox" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = {getattr(part, "id", "") for part in ast.walk(node.func)}
            texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            if called & {"logger", "once_committed"} and texts:
                yield texts[0]


def test_every_message_is_in_the_table_of_the_page_on_logging():
    page = (ROOT / "docs" / "logging.md").read_text(encoding="utf-8")
    messages = set(spoken())

    assert "invoice %s: from %s to %s" in messages
    assert {message for message in messages if f"`{message}`" not in page} == set()
