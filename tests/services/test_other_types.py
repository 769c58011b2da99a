"""Callbacks of types without a model: each is one event, delivered once to receivers and handlers like any other."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cryptopay_django import signals, tasks
from cryptopay_django.conf import client_for
from cryptopay_django.models import Callback, HandlerDelivery, InvoiceEvent
from cryptopay_django.services import (
    deliver_again,
    deliver_events,
    process_callback,
    process_overdue,
    prune_records,
    send_notices,
)
from cryptopay_django.services.callbacks.process import process_and_deliver
from cryptopay_django.services.diagnosis import Level, backlog
from cryptopay_django.services.diagnosis.callback_selftest import BODY as SELF_TEST
from cryptopay_django.testing.factories import CallbackFactory, callback_body, callback_headers
from tests.effects.models import Effect

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=400)
LIMIT = timezone.now() - timedelta(days=365)


def withdrawal(status="pending", event="created", type_="CoinWithdrawal"):
    return callback_body({"id": "2f8ff3a8-6f8c-4e6a-9e0c-6f1a2b3c4d5e", "status": status}, event, type=type_)


def arrive(body=None):
    callback = CallbackFactory(body=body or withdrawal())
    process_and_deliver(callback)
    return callback


def post(body):
    url = reverse("cryptopay_django:callback")
    return Client().post(url, body, content_type="application/json", headers=callback_headers(body))


@pytest.fixture
def heard(connect):
    """What receivers of `callback_received` have had."""
    had = []
    connect(signals.callback_received, lambda **given: had.append(given))
    return had


had_by_handler: list[tuple[str, str, str, bool]] = []


def note(callback, event):
    message = callback.message
    had_by_handler.append((message.type, message.event, message.data["status"], event.is_repetition))


def fail(callback, event):
    raise RuntimeError("the shop is on fire")


@pytest.fixture
def handled(handle):
    had_by_handler.clear()
    handle("callback_received", note)
    return had_by_handler


def test_a_receiver_gets_the_row_what_it_says_and_the_event(heard):
    callback = arrive(withdrawal("completed", "status_changed"))

    (given,) = heard
    event = InvoiceEvent.objects.get()
    assert given["sender"] is Callback
    assert (given["callback"], given["event"]) == (callback, event)
    message = given["message"]
    assert (message.type, message.event, message.data["status"]) == ("CoinWithdrawal", "status_changed", "completed")
    assert (callback.outcome, callback.event) == ("applied", "CoinWithdrawal status_changed")
    assert (event.kind, event.subject, event.invoice, event.about) == (
        "callback_received",
        callback.subject,
        None,
        callback,
    )
    assert event.delivered_at is not None
    assert event.detail == {
        "type": "CoinWithdrawal",
        "event": "status_changed",
        "id": "2f8ff3a8-6f8c-4e6a-9e0c-6f1a2b3c4d5e",
        "status": "completed",
    }


def test_a_handler_gets_the_row_and_reads_from_it_what_it_says(handled):
    arrive()

    assert handled == [("CoinWithdrawal", "created", "pending", False)]
    assert HandlerDelivery.objects.get().delivered_at is not None


@pytest.mark.parametrize(
    "body",
    [
        withdrawal("active", "paid", "Subscription"),
        withdrawal("x", "y", "SomethingOfNextYear"),
        b'{"type": "CoinWithdrawal", "event": "created", "data": [1, 2]}',
        b'{"type": "CoinWithdrawal", "event": "created"}',
        b'{"type": "CoinWithdrawal"}',
        b'{"data": {"status": {"deep": []}, "id": 7}, "event": "z", "type": "T"}',
        callback_body({"id": "y" * 9000, "status": "\N{SNOWMAN}" * 500}, "created", type="T" * 30),
    ],
)
def test_types_and_forms_that_are_not_known_are_events_too(body, heard):
    callback = arrive(body)

    assert callback.outcome == "applied"
    assert [given["callback"] for given in heard] == [callback]


def test_a_body_that_comes_again_is_counted_on_its_row_and_is_one_event(heard):
    for _ in range(5):
        assert post(withdrawal()).status_code == 200

    assert (Callback.objects.get().repeats, InvoiceEvent.objects.count(), len(heard)) == (4, 1, 1)


def test_one_body_that_was_stored_twice_at_the_same_moment_is_one_event(heard):
    first, second = CallbackFactory(body=withdrawal()), CallbackFactory(body=withdrawal())

    process_and_deliver(second)
    process_and_deliver(first)

    assert (second.outcome, first.outcome, len(heard)) == ("applied", "stale", 1)
    assert InvoiceEvent.objects.get().callback == second


@pytest.mark.parametrize("is_pruned", [True, False])
def test_one_that_was_pruned_or_finished_by_another_process_brings_nothing(heard, is_pruned):
    callback = CallbackFactory(body=withdrawal())
    row = Callback.objects.filter(pk=callback.pk)
    if is_pruned:
        row.delete()
    else:
        row.update(outcome="applied", next_attempt_at=None)

    process_and_deliver(callback)

    assert (heard, InvoiceEvent.objects.count()) == ([], 0)


def test_the_same_bytes_for_two_accounts_are_two_events(heard):
    arrive()
    other = CallbackFactory(body=withdrawal(), account="second", secret_mark="x")
    process_and_deliver(other)

    assert [given["callback"].account for given in heard] == ["default", "second"]


def test_two_bodies_are_two_events_and_one_that_fails_does_not_hold_back_the_other(connect):
    had = []

    def receiver(message, **_):
        if message.event == "created":
            raise RuntimeError("not this one")
        had.append(message.event)

    connect(signals.callback_received, receiver)
    arrive(withdrawal("pending", "created"))
    arrive(withdrawal("completed", "status_changed"))

    assert had == ["status_changed"]
    assert [event.attempts for event in InvoiceEvent.objects.order_by("pk")] == [1, 0]


def test_what_a_failing_receiver_wrote_is_rolled_back_and_written_once_later(connect):
    failures = [RuntimeError("once"), RuntimeError("twice")]

    def receiver(event, **_):
        Effect.objects.create(event_uuid=event.uuid, kind=event.kind, invoice_id=event.subject)
        if failures:
            raise failures.pop()

    connect(signals.callback_received, receiver)
    callback = arrive()
    counts = [Effect.objects.count()]
    for _ in range(3):
        InvoiceEvent.objects.filter(delivered_at=None).update(next_attempt_at=timezone.now())
        process_overdue()
        counts.append(Effect.objects.count())

    callback.refresh_from_db()
    assert counts == [0, 0, 1, 1]
    assert callback.outcome == "applied"
    assert post(withdrawal()).status_code == 200
    assert Effect.objects.count() == 1


def test_a_failure_waits_for_its_back_off(heard, connect):
    connect(signals.callback_received, lambda **_: 1 / 0)

    arrive()
    deliver_events()

    event = InvoiceEvent.objects.get()
    assert (len(heard), event.attempts) == (1, 1)
    assert event.next_attempt_at > timezone.now() + timedelta(seconds=5)


def test_without_a_receiver_it_is_finished_and_nothing_makes_a_noise(caplog):
    callback = arrive()

    assert callback.outcome == "applied"
    assert InvoiceEvent.objects.get().delivered_at is not None
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    results = [*backlog.check_callbacks(timezone.now()), backlog.pending_events(timezone.now())]
    assert {result.level for result in results} == {Level.OK}


def test_a_shop_may_require_it_and_then_it_waits_for_a_receiver(settings, connect):
    settings.CRYPTOPAY_REQUIRED_EVENTS = ["callback_received"]
    had = []

    callback = arrive()
    assert InvoiceEvent.objects.get().delivered_at is None
    connect(signals.callback_received, lambda callback, **_: had.append(callback.pk))
    process_overdue()

    assert had == [callback.pk]


def test_nobody_without_the_secret_makes_an_event(heard):
    url = reverse("cryptopay_django:callback")
    headers = {"X-Cryptopay-Signature": callback_headers(b"another")["X-Cryptopay-Signature"]}
    answer = Client().post(url, withdrawal(), content_type="application/json", headers=headers)

    assert (answer.status_code, Callback.objects.count(), InvoiceEvent.objects.count(), heard) == (401, 0, 0, [])


def test_the_doctors_own_callback_is_no_event(heard):
    callback = arrive(SELF_TEST)

    assert (callback.outcome, heard, InvoiceEvent.objects.count()) == ("ignored", [], 0)


def test_it_is_delivered_again_with_the_same_uuid(heard, handled):
    callback = arrive()

    assert deliver_again(callback, actor="ada", reason="lost them") == 1

    assert [(given["event"].uuid, given["event"].is_repetition) for given in heard] == [
        (heard[0]["event"].uuid, False),
        (heard[0]["event"].uuid, True),
    ]
    assert [is_repetition for *_, is_repetition in handled] == [False, True]
    assert callback.events.get(kind="delivery_repeated").actor == "ada"


def test_the_command_delivers_again_what_it_names_and_all_of_a_period(heard):
    one, _other = arrive(withdrawal("pending")), arrive(withdrawal("sent"))
    out = StringIO()

    call_command("cryptopay_deliver_again", "--callback", str(one.pk), stdout=out)
    assert [given["callback"].pk for given in heard[2:]] == [one.pk]
    call_command("cryptopay_deliver_again", "--since", "2000-01-01", "--kind", "callback_received", stdout=out)

    assert out.getvalue().splitlines() == [
        "delivered again: 1 events of 0 invoices, 1 callbacks",
        "delivered again: 2 events of 0 invoices, 2 callbacks",
    ]


def test_what_a_receiver_calls_from_inside_delivers_nothing_inside(connect):
    order = []

    def receiver(message, callback, **_):
        order.append(f"begin {message.data['status']}")
        if message.data["status"] == "pending":
            process_and_deliver(CallbackFactory(body=withdrawal("sent")))
            deliver_events(callback)
            deliver_events()
        order.append(f"end {message.data['status']}")

    connect(signals.callback_received, receiver)
    arrive()

    assert order == ["begin pending", "end pending", "begin sent", "end sent"]


def test_a_worker_or_a_task_delivers_it(settings, heard):
    settings.CRYPTOPAY_PROCESSING = "worker"
    post(withdrawal("pending"))
    assert heard == []
    process_overdue()
    assert len(heard) == 1

    callback = process_callback(CallbackFactory(body=withdrawal("sent")))
    assert len(heard) == 1
    assert tasks.deliver_events_task.func(str(callback.subject)) == 1

    assert len(heard) == 2


def test_a_handler_that_is_given_up_is_reported_with_the_callback(settings, handle):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 1
    settings.CRYPTOPAY_SITE_URL = "https://shop.example"
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"undelivered": ["ops@shop.example"]}
    handle("callback_received", fail)

    callback = arrive()
    send_notices()

    report = callback.events.get(kind="handler_given_up")
    assert report.detail["handler"] == f"{__name__}.fail"
    (notice,) = mail.outbox
    assert notice.subject == "Cryptopay: delivery to the shop fails (1 event)"
    assert f"callback {callback.pk} (default): CoinWithdrawal created" in notice.body
    assert f"https://shop.example/admin/cryptopay_django/callback/{callback.pk}/change/" in notice.body


@pytest.mark.django_db(transaction=True)
def test_a_hook_that_fails_after_the_commit_is_reported_and_nothing_is_repeated(connect):
    connect(signals.callback_received, lambda **_: transaction.on_commit(lambda: 1 / 0))

    callback = arrive()

    assert callback.events.get(kind="callback_received").delivered_at is not None
    assert callback.events.get(kind="hook_failed").detail["event"] == "callback_received"


def test_a_callback_whose_event_cannot_be_written_stays_pending(heard):
    callback = CallbackFactory(body=withdrawal())

    def refuse(execute, sql, params, many, context):
        if sql.startswith("INSERT") and InvoiceEvent._meta.db_table in sql:
            raise OperationalError("the disk is full")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse):
        process_and_deliver(callback)
    stored = Callback.objects.get()
    assert (stored.outcome, stored.error, heard) == ("pending", "OperationalError: the disk is full", [])
    Callback.objects.update(next_attempt_at=timezone.now())
    process_overdue()

    assert (Callback.objects.get().outcome, len(heard)) == ("applied", 1)


def test_pruned_bytes_are_known_when_they_come_again(heard):
    post(withdrawal())
    Callback.objects.update(received_at=LONG_AGO)
    InvoiceEvent.objects.update(created_at=LONG_AGO, delivered_at=LONG_AGO)

    assert prune_records(before=LIMIT).callbacks == 1
    assert post(withdrawal()).status_code == 200

    assert (Callback.objects.get().outcome, InvoiceEvent.objects.count(), len(heard)) == ("stale", 1, 1)
    assert InvoiceEvent.objects.get().callback is None
    assert deliver_again(Callback.objects.get(), actor="ada") == 0, "its own row is gone"


@pytest.mark.parametrize("waiting", [{"next_attempt_at": LONG_AGO, "delivered_at": None}, {"notice_due_at": LONG_AGO}])
def test_the_bytes_of_what_still_waits_are_kept(waiting):
    arrive()
    Callback.objects.update(received_at=LONG_AGO)
    InvoiceEvent.objects.update(**{"delivered_at": LONG_AGO, **waiting})

    assert prune_records(before=LIMIT).callbacks == 0


def test_the_bytes_that_a_handler_still_needs_are_kept(handle, settings):
    settings.CRYPTOPAY_HANDLER_ATTEMPTS = 1
    handle("callback_received", fail)
    callback = arrive()
    Callback.objects.update(received_at=LONG_AGO)
    callback.events.exclude(kind="callback_received").delete()

    assert prune_records(before=LIMIT).callbacks == 0


def test_payouts_and_subscriptions_of_the_account_reach_the_shop_each_change_once(cryptopay_sandbox, heard):
    cryptopay_sandbox.deposit("BTC", "1")
    client = client_for("default")
    payout = client.create_withdrawal(
        address="tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
        charged_currency="BTC",
        received_currency="BTC",
        charged_amount=Decimal("0.1"),
        custom_id="order-1",
        force_commit=True,
    )
    cryptopay_sandbox.decide_withdrawal(str(payout.id), "complete")
    subscription = client.create_subscription(
        name="box",
        amount=Decimal(10),
        currency="EUR",
        period="month",
        period_quantity=1,
        starts_at=timezone.now() + timedelta(days=7),
        payer_email="ada@example.org",
    )
    client.cancel_subscription(str(subscription.id))
    for _ in range(2):
        cryptopay_sandbox.deliver()

    said = [(given["message"].type, given["message"].data["status"]) for given in heard]
    assert said[0] == ("CoinWithdrawal", "pending")
    assert ("CoinWithdrawal", "completed") in said
    assert ("Subscription", "cancelled") in said
    assert len(said) == len(set(said)) == Callback.objects.filter(outcome="applied").count()
    assert (Callback.objects.exclude(outcome="applied").count(), Callback.objects.exclude(repeats=0).count()) == (0, 0)
