"""An invoice of another environment than its account is in now: shown, and otherwise left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.conf import get_account
from cryptopay_django.exceptions import NotResolvableError, OtherEnvironmentError
from cryptopay_django.models import Callback, HandlerDelivery, Invoice, InvoiceEvent
from cryptopay_django.services import (
    create_invoice,
    diagnose,
    find_missing_invoices,
    process_callback,
    process_overdue,
    quote_settlement,
    reconcile_invoices,
    refresh_invoice,
    refund_invoice,
    release_invoice,
)
from cryptopay_django.services.events.outbox import new_event, write_events
from cryptopay_django.services.invoices.current_invoice import payment_under_way
from cryptopay_django.testing.factories import (
    CallbackFactory,
    ChannelPaymentFactory,
    InvoiceFactory,
    PaymentFactory,
    callback_body,
    invoice_wire,
)
from tests.effects.models import Effect
from tests.wire import TIMED_OUT, ScriptedGateway

pytestmark = pytest.mark.django_db

PRICE = {"price_amount": "49.90", "price_currency": "EUR", "pay_currency": "BTC"}


def move(settings, base_url="production", account="default"):
    """Let an account be at another gateway from now on."""
    entry = settings.CRYPTOPAY_ACCOUNTS[account]
    settings.CRYPTOPAY_ACCOUNTS = {**settings.CRYPTOPAY_ACCOUNTS, account: {**entry, "BASE_URL": base_url}}


@pytest.fixture
def silent(settings):
    """A gateway that must not be asked."""
    gateway = ScriptedGateway(lambda *_: TIMED_OUT)
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    return gateway


@pytest.mark.parametrize(
    ("base_url", "environment"),
    [
        ("sandbox", "sandbox"),
        ("production", "production"),
        ("https://business.cryptopay.me", "production"),
        ("https://BUSINESS.cryptopay.me:443/", "production"),
        ("https://business-sandbox.cryptopay.me", "sandbox"),
        ("https://business.cryptopay.me:8443", "business.cryptopay.me:8443"),
        ("http://127.0.0.1:8100", "127.0.0.1:8100"),
        ("https://gateway.example", "gateway.example"),
    ],
)
def test_an_environment_is_a_gateway_however_its_url_is_spelled(base_url, environment, settings):
    move(settings, base_url)

    assert get_account("default").environment == environment


def test_an_invoice_is_made_in_the_environment_in_force(settings, cryptopay_sandbox):
    first = create_invoice(custom_id="order-1", **PRICE)
    move(settings)

    second = create_invoice(custom_id="order-2", **PRICE)

    assert (first.environment, second.environment) == ("sandbox", "production")


def test_an_order_is_paid_where_the_account_is_now(settings, cryptopay_sandbox):
    order = Group.objects.create(name="order")
    first = create_invoice(order, **PRICE)
    PaymentFactory(invoice=first)
    move(settings)

    assert payment_under_way(order) is None
    assert create_invoice(order, **PRICE) != first


@pytest.mark.parametrize("name", ["gateway_id", "custom_id"])
def test_an_identifier_is_unique_in_an_account_and_environment(name):
    first = InvoiceFactory()
    same = {name: getattr(first, name)}

    InvoiceFactory(environment="production", **same)
    InvoiceFactory(account="second", **same)
    with pytest.raises(IntegrityError), transaction.atomic():
        InvoiceFactory(**same)


def test_it_is_not_asked_about(settings, silent):
    invoice = InvoiceFactory(environment="production")
    InvoiceFactory(environment="production", gateway_id=None)

    with pytest.raises(OtherEnvironmentError, match="was made in production, and account default is in sandbox"):
        refresh_invoice(invoice)

    assert reconcile_invoices(min_age=timedelta(0)).asked == 0
    assert silent.asked == []


def test_it_is_neither_settled_nor_refunded(silent):
    invoice = InvoiceFactory(environment="production", status="unresolved", status_context="overpaid")

    with pytest.raises(NotResolvableError, match="no more"):
        quote_settlement(invoice)
    with pytest.raises(NotResolvableError, match="no more"):
        refund_invoice(invoice, actor="ada", reason="asked for it")

    assert silent.asked == []
    assert not invoice.resolutions.exists()


@pytest.mark.parametrize("gateway_id", ["known", None])
def test_no_callback_is_for_it(gateway_id, silent):
    changes = {} if gateway_id else {"gateway_id": None}
    invoice = InvoiceFactory(environment="production", **changes)
    body = callback_body(invoice_wire(invoice, status="completed", paid_amount="0.002"))

    callback = process_callback(CallbackFactory(body=body))

    assert callback.outcome == "orphan"
    assert Callback.objects.get().invoice is None
    assert Invoice.objects.get().version == 0


def test_a_callback_finds_the_invoice_of_the_present_environment(silent):
    elsewhere = InvoiceFactory(environment="production")
    here = InvoiceFactory(gateway_id=elsewhere.gateway_id)

    callback = process_callback(CallbackFactory(body=callback_body(invoice_wire(here), "created")))

    assert callback.invoice == here


def test_what_is_missing_here_is_listed_though_another_environment_has_its_id(cryptopay_sandbox):
    made = create_invoice(**PRICE)
    Invoice.objects.filter(pk=made.pk).update(environment="production")

    found = find_missing_invoices(since=made.created_at - timedelta(days=1))

    assert [missing.gateway.id for missing in found] == [made.gateway_id]


def test_the_doctor_counts_what_is_open_elsewhere():
    InvoiceFactory()
    InvoiceFactory.create_batch(2, environment="gateway.example")
    InvoiceFactory(environment="production", status="completed")

    result = next(result for result in diagnose(offline=True) if result.subject == "environments")

    assert (result.level, result.found) == ("warning", "2 of account default in gateway.example")


def test_the_page_says_that_it_cannot_be_paid_and_shows_no_address(client, settings):
    invoice = InvoiceFactory()
    move(settings)

    page = client.get(f"/cryptopay/checkout/{invoice.pk}/").text

    assert "This cannot be paid any more" in page
    assert invoice.address not in page
    assert client.post(f"/cryptopay/checkout/{invoice.pk}/").status_code == 303


def test_a_callback_for_an_invoice_of_another_environment_is_an_orphan_and_keeps_no_worker_busy(settings, silent):
    """The trial's gateway goes on to post when the shop is live, with the same secret."""
    invoice = InvoiceFactory()
    callback = CallbackFactory(body=callback_body(invoice_wire(invoice, status="completed", paid_amount="0.002")))
    move(settings)

    process_callback(callback)

    callback.refresh_from_db()
    assert (callback.outcome, callback.next_attempt_at) == ("orphan", None)
    assert Invoice.objects.get().status == "new"
    assert silent.asked == []


def test_an_unreadable_callback_for_an_invoice_of_another_environment_is_done_with(settings, silent):
    callback = CallbackFactory(body=callback_body(invoice_wire(InvoiceFactory(), paid_amount=None)))
    move(settings)

    process_callback(callback)

    callback.refresh_from_db()
    assert (callback.outcome, callback.next_attempt_at) == ("unreadable", None)
    assert silent.asked == []


def shipped(invoice, event):
    Effect.objects.create(event_uuid=event.uuid, kind=event.kind, invoice_id=invoice.pk)


@pytest.mark.parametrize("is_moved", [False, True])
def test_no_event_of_test_money_is_delivered_in_production(settings, connect, handle, is_moved):
    invoice = InvoiceFactory(status="completed", settled_amount=100)
    handle("invoice_completed", shipped)
    write_events([new_event(invoice, "invoice_completed", at=timezone.now())])
    heard = []
    connect(signals.invoice_completed, lambda event, **_: heard.append(event.kind))
    move(settings)

    process_overdue()

    assert (heard, Effect.objects.count()) == ([], 0)
    event, call = InvoiceEvent.objects.get(), HandlerDelivery.objects.get()
    for waiting in (event, call):
        assert waiting.next_attempt_at is not None
        assert "was made in sandbox, and account default is in production now" in waiting.last_error
    if is_moved:  # it was the same gateway at another URL
        Invoice.objects.update(environment="production")
    else:
        move(settings, "sandbox")
    for rows in (InvoiceEvent, HandlerDelivery):
        rows.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    process_overdue()
    assert (heard, Effect.objects.count()) == (["invoice_completed"], 1)


def test_no_credit_of_a_test_channel_is_delivered_in_production(settings, connect):
    payment = ChannelPaymentFactory(status="completed", received_amount=5)
    write_events([new_event(payment, "channel_payment_completed", at=timezone.now())])
    heard = []
    connect(signals.channel_payment_completed, lambda event, **_: heard.append(event.kind))
    move(settings)

    process_overdue()

    assert heard == []


def test_a_release_in_production_fulfils_nothing_for_test_money(settings, connect):
    invoice = InvoiceFactory(status="completed", settled_amount=100, quarantine_reason="the price differs")
    heard = []
    connect(signals.invoice_completed, lambda event, **_: heard.append(event.kind))
    move(settings)

    release_invoice(invoice, actor="ada", reason="it was a test")

    assert heard == []


def test_events_of_an_account_that_is_gone_are_delivered(connect):
    invoice = InvoiceFactory(status="completed", settled_amount=100, account="gone")
    write_events([new_event(invoice, "invoice_completed", at=timezone.now())])
    heard = []
    connect(signals.invoice_completed, lambda event, **_: heard.append(event.kind))

    process_overdue()

    assert heard == ["invoice_completed"]
