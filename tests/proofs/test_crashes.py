"""A process killed at any point of any road loses nothing and does nothing twice.

The points are found by counting, not by hand: the road is run again and again, each time in a new process
that is killed one point later (PROVE_EVERY=1; by default every ninth), until it gets through. After each kill the rest is done as it would be: the
gateway sends again what was not answered, a worker works off what is due, the shop calls again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cryptopay_django.models import Callback, HandlerDelivery, Invoice, InvoiceEvent, Refund, Resolution
from cryptopay_django.sandbox.money_controls import deposit
from cryptopay_django.sandbox.server import SandboxServer
from cryptopay_django.services import (
    create_invoice,
    end_resolution,
    process_overdue,
    quote_refund,
    receive_callback,
    reconcile_invoices,
    refresh_invoice,
    refund_invoice,
    settle_invoice,
)
from cryptopay_django.services.resolution.end_by_hand import ENDABLE_AFTER
from cryptopay_django.testing.factories import (
    InvoiceFactory,
    callback_body,
    callback_headers,
    invoice_wire,
    transaction_wire,
)
from tests.effects.handlers import HANDLERS, registered
from tests.effects.models import Effect, HandledEffect
from tests.effects.receivers import Shop
from tests.proofs.crash import run_until
from tests.proofs.report import tried
from tests.served import give_new_key, served_sandbox
from tests.services.desk import ADDRESS
from tests.wire import ScriptedGateway

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # The children run one road and are killed; they never touch a lock that another thread may hold.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

EVERY = int(os.environ.get("PROVE_EVERY", "9"))
PAID = {"status": "completed", "paid_amount": "0.002", "transactions": [transaction_wire("a" * 64)]}
TOLD = ["payment_detected", "payment_confirmed", "invoice_completed"]


@pytest.fixture(autouse=True)
def shop() -> Iterator[Shop]:
    with Shop().open() as shop:
        yield shop


@pytest.fixture
def gateway(settings) -> ScriptedGateway:
    scripted = ScriptedGateway(lambda *_: (200, {"data": scripted.truth}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


def kill_at_every_point(play: Callable[[int], bool]) -> int:
    """Play a road with every point in turn, or every n-th by PROVE_EVERY; return the first it did not have."""
    point = 1
    while play(point):
        point += EVERY
        assert point < 500, "the road does not end"
    tried("processes killed, one at each point of each road", point // EVERY)
    return point


def work_off() -> None:
    """What a worker does once every lease and back-off is over."""
    for _ in range(3):
        for model in (Callback, InvoiceEvent, HandlerDelivery, Resolution):
            model.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
        process_overdue()


def assert_paid_once(invoice: Invoice, told: list[str] = TOLD) -> None:
    invoice = Invoice.objects.get(pk=invoice.pk)
    events = invoice.events.order_by("pk")
    assert (invoice.status, invoice.settled_amount, invoice.quarantine_reason) == ("completed", 100, "")
    assert [event.kind for event in events] == told
    assert all(event.delivered_at is not None for event in events)
    effects = Effect.objects.filter(invoice_id=invoice.pk).order_by("pk")
    assert list(effects.values_list("event_uuid", flat=True)) == [event.uuid for event in events]
    assert not Callback.objects.filter(invoice=invoice).exclude(outcome__in=["applied", "stale"]).exists()


def send(body: bytes) -> int:
    headers = callback_headers(body)
    return (
        Client()
        .post(reverse("cryptopay_django:callback"), body, content_type="application/json", headers=headers)
        .status_code
    )


def test_the_road_of_a_callback(gateway) -> None:
    def play(point: int) -> bool:
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **PAID)
        body = callback_body(gateway.truth)
        was_killed = run_until(point, lambda: send(body))
        if not Callback.objects.filter(body=body).exists():
            assert was_killed, "a callback that was answered is stored"
            assert send(body) == 200
        work_off()
        assert_paid_once(invoice)
        return was_killed

    assert kill_at_every_point(play) > 30


def test_a_worker(gateway, settings) -> None:
    settings.CRYPTOPAY_PROCESSING = "worker"

    def play(point: int) -> bool:
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **PAID)
        body = callback_body(gateway.truth)
        receive_callback(body, callback_headers(body)["X-Cryptopay-Signature"])
        was_killed = run_until(point, process_overdue)
        work_off()
        assert_paid_once(invoice)
        return was_killed

    assert kill_at_every_point(play) > 30


def test_the_road_to_durable_handlers(gateway) -> None:
    def play(point: int) -> bool:
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **PAID)
        body = callback_body(gateway.truth)
        was_killed = run_until(point, lambda: send(body))
        if not Callback.objects.filter(body=body).exists():
            assert send(body) == 200
        work_off()
        assert_paid_once(invoice)
        for handler in HANDLERS:
            effects = HandledEffect.objects.filter(invoice_id=invoice.pk, handler=handler.__name__).order_by("pk")
            assert list(effects.values_list("kind", flat=True)) == TOLD
        return was_killed

    with registered():
        assert kill_at_every_point(play) > 70


def test_the_road_of_a_callback_of_another_type() -> None:
    def play(point: int) -> bool:
        body = callback_body({"id": f"w-{point}", "status": "pending"}, "created", type="CoinWithdrawal")
        was_killed = run_until(point, lambda: send(body))
        if not Callback.objects.filter(body=body).exists():
            assert was_killed, "a callback that was answered is stored"
            assert send(body) == 200
        work_off()
        assert send(body) == 200
        callback = Callback.objects.get(body=body)
        event = InvoiceEvent.objects.get(subject=callback.subject)
        assert (callback.outcome, callback.repeats, event.kind) == ("applied", 1, "callback_received")
        assert event.delivered_at is not None
        assert list(Effect.objects.filter(invoice_id=callback.subject).values_list("event_uuid", flat=True)) == [
            event.uuid
        ]
        handled = HandledEffect.objects.filter(invoice_id=callback.subject)
        assert sorted(handled.values_list("handler", flat=True)) == sorted(one.__name__ for one in HANDLERS)
        return was_killed

    with registered("callback_received"):
        assert kill_at_every_point(play) > 20


def test_a_poll_of_all_open_invoices(gateway) -> None:
    def play(point: int) -> bool:
        invoice = InvoiceFactory()
        gateway.truth = invoice_wire(invoice, **PAID)
        was_killed = run_until(point, lambda: reconcile_invoices(min_age=timedelta(0)))
        reconcile_invoices(min_age=timedelta(0))
        work_off()
        assert_paid_once(invoice)
        return was_killed

    assert kill_at_every_point(play) > 25


@pytest.fixture
def served(settings) -> Iterator[SandboxServer]:
    """A gateway in a thread of the parent, which outlives the children."""
    with served_sandbox(settings) as server:
        yield server


def test_the_creation_of_an_invoice(served, settings) -> None:
    def play(point: int) -> bool:
        give_new_key(served, settings)
        custom_id = f"order-{point}"

        def create() -> Invoice:
            return create_invoice(price_amount="100", price_currency="EUR", pay_currency="BTC", custom_id=custom_id)

        was_killed = run_until(point, create)
        invoice = create()
        work_off()
        made = [theirs for theirs in served.sandbox.state.invoices.values() if theirs.custom_id == custom_id]
        assert [theirs.id for theirs in made] == [str(invoice.gateway_id)]
        assert Invoice.objects.filter(custom_id=custom_id).count() == 1
        assert Effect.objects.filter(invoice_id=invoice.pk).count() == 1
        return was_killed

    assert kill_at_every_point(play) > 12


@pytest.mark.parametrize("act", [settle_invoice, refund_invoice])
def test_a_settlement_and_a_refund(served, settings, act) -> None:
    def play(point: int) -> bool:
        give_new_key(served, settings)
        invoice = create_invoice(
            price_amount="100", price_currency="EUR", pay_currency="BTC", custom_id=f"{act.__name__}-{point}"
        )
        served.sandbox.pay(str(invoice.gateway_id), factor="2")
        served.sandbox.confirm(str(invoice.gateway_id))
        invoice = refresh_invoice(invoice)
        assert (invoice.status, invoice.status_context) == ("unresolved", "overpaid")

        was_killed = run_until(point, lambda: act(invoice, actor="ada", reason="asked"))

        work_off()
        lost = Resolution.objects.filter(invoice=invoice, active=True)
        lost.update(sent_at=timezone.now() - ENDABLE_AFTER)
        for resolution in lost:
            assert resolution.status in ("sent", "unknown")
            end_resolution(resolution, actor="bob", reason="nothing of it is in the account")
        theirs = served.sandbox.find(str(invoice.gateway_id))
        resolution = Resolution.objects.filter(invoice=invoice).first()
        if resolution is None or resolution.status == "failed":
            assert was_killed
            assert (theirs.status, theirs.refunds) == ("unresolved", []), "failed means that nothing happened"
        else:
            assert resolution.status == "succeeded"
            assert theirs.status == "completed"
            assert len(theirs.refunds) == (act is refund_invoice)
            refresh_invoice(invoice)
            assert Effect.objects.filter(invoice_id=invoice.pk, kind="invoice_completed").count() == 1
        return was_killed

    assert kill_at_every_point(play) > 40


def test_the_refund_of_a_completed_order(served, settings) -> None:
    def play(point: int) -> bool:
        give_new_key(served, settings)
        invoice = create_invoice(
            price_amount="100", price_currency="EUR", pay_currency="BTC", custom_id=f"returned-{point}"
        )
        served.sandbox.pay(str(invoice.gateway_id), factor="1")
        served.sandbox.confirm(str(invoice.gateway_id))
        deposit(served.sandbox, "EUR", "200")
        invoice = refresh_invoice(invoice)
        quote = quote_refund(invoice, amount=Decimal(60), address=ADDRESS)

        was_killed = run_until(point, lambda: refund_invoice(invoice, actor="ada", reason="asked", quote=quote))

        work_off()
        lost = Resolution.objects.filter(invoice=invoice, active=True)
        lost.update(sent_at=timezone.now() - ENDABLE_AFTER)
        for resolution in lost:
            assert resolution.status in ("sent", "unknown")
            end_resolution(resolution, actor="bob", reason="nothing of it is in the account")
        there = served.sandbox.state.withdrawals[str(quote.withdrawal_id)]
        resolution = Resolution.objects.filter(invoice=invoice).first()
        rows = list(Refund.objects.filter(invoice=invoice))
        if resolution is None or resolution.status == "failed":
            assert was_killed
            assert (there.is_preview, rows) == (True, []), "failed means that nothing happened"
        else:
            assert (resolution.status, there.is_preview) == ("succeeded", False)
            assert [(row.gateway_id, row.value_amount) for row in rows] == [(quote.withdrawal_id, Decimal(60))]
            assert Effect.objects.filter(invoice_id=invoice.pk, kind="refund_created").count() == 1
        return was_killed

    assert kill_at_every_point(play) > 40


def test_the_fuse_is_real() -> None:
    """Killed at its first point, a process has written nothing; killed past its last, all."""
    assert run_until(1, lambda: Effect.objects.create(kind="x", event_uuid="0" * 32, invoice_id="0" * 32))
    assert not Effect.objects.exists()
    assert not run_until(100, lambda: Effect.objects.create(kind="x", event_uuid="0" * 32, invoice_id="0" * 32))
    assert Effect.objects.count() == 1
