"""The doctor's eyes: each thing that can be wrong is seen, named with what to do, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from cryptopay_django.models import HandlerDelivery, Invoice, NoticeSchedule, Resolution, Schedule
from cryptopay_django.services import create_invoice, diagnose
from cryptopay_django.services.diagnosis import Level, Sign
from cryptopay_django.services.diagnosis.installation import judge_connections
from cryptopay_django.services.diagnosis.selftest import BODY
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    PaymentFactory,
    RefundFactory,
)

LONG_AGO = timedelta(hours=2)
ORDER = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC"}


@pytest.fixture(autouse=True)
def _database(db, settings):
    settings.DEBUG = True


@pytest.fixture
def kept_connections(monkeypatch):
    """What the doctor asks for on a server database, for tests that open no connection beside their own."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)


def sign_of(subject: str, account: str = "", **options) -> Sign:
    signs = diagnose(**{"offline": True, **options})
    return next(sign for sign in signs if sign.subject == subject and sign.account == account)


def test_a_fresh_installation_is_well(cryptopay_sandbox, kept_connections):
    assert [sign for sign in diagnose() if sign.level is not Level.OK] == []


@pytest.mark.parametrize(("age", "level"), [(0, Level.OK), (20, Level.WARNING), (90, Level.ERROR)])
def test_a_pending_callback_is_worse_the_longer_it_waits(age, level):
    CallbackFactory(received_at=timezone.now() - timedelta(minutes=age), error="the gateway did not answer")

    sign = sign_of("pending callbacks")

    assert sign.level is level
    assert ("the gateway did not answer" in sign.remedy) == (level is not Level.OK)


@pytest.mark.parametrize("outcome", ["orphan", "unreadable"])
def test_callbacks_that_lead_nowhere_are_counted(outcome):
    CallbackFactory(outcome=outcome, next_attempt_at=None)

    assert sign_of(f"{outcome} callbacks").level is Level.WARNING


def test_a_receiver_that_fails_is_named_with_what_it_raised():
    event = InvoiceEventFactory(
        kind="invoice_completed",
        created_at=timezone.now() - LONG_AGO,
        attempts=3,
        last_error="Traceback\n  ...\nValueError: no such order\n",
    )

    sign = sign_of("pending events")

    assert sign.level is Level.ERROR
    assert f"invoice_completed failed 3 times for invoice {event.invoice_id}: ValueError: no such order" in sign.remedy


def test_a_resolution_that_nobody_knows_the_end_of_is_an_error():
    resolution = Resolution.objects.create(
        invoice=InvoiceFactory(), kind="refund", status="unknown", actor="stella", reason="asked for it"
    )
    Resolution.objects.filter(pk=resolution.pk).update(created_at=timezone.now() - LONG_AGO)

    assert sign_of("undecided resolutions").level is Level.ERROR


def test_held_nameless_and_forgotten_invoices_are_told_of():
    InvoiceFactory(quarantine_reason="another price")
    InvoiceFactory(gateway_id=None)
    Invoice.objects.update(created_at=timezone.now() - timedelta(days=2))

    levels = [
        sign_of(subject).level for subject in ("quarantined invoices", "invoices without an answer", "reconciliation")
    ]

    assert levels == [Level.WARNING, Level.ERROR, Level.WARNING]


def test_payments_that_no_callback_spoke_of_are_an_error():
    PaymentFactory()

    assert sign_of("callbacks arrive", "default").level is Level.ERROR


@pytest.mark.parametrize(
    ("newest", "older", "level", "words"),
    [
        ([], [], Level.OK, "no callback has matched the newest"),
        ([], [5], Level.OK, "no callback has matched the newest"),
        ([0], [1], Level.OK, "may go on"),
        ([5, 0], [1], Level.OK, "may go on"),
        ([1, 0], [], Level.OK, "may go on"),
        ([3, 0], [], Level.WARNING, "may go:"),
        ([4, 0], [3], Level.WARNING, "may go:"),
    ],
)
def test_an_older_secret_may_go_when_nothing_can_still_come_with_it(newest, older, level, words):
    for index, ages in ((0, newest), (1, older)):
        for days in ages:
            CallbackFactory(secret_index=index, received_at=timezone.now() - timedelta(days=days))

    sign = sign_of("secrets", "default")

    assert (sign.level, words in sign.remedy) == (level, True)


def test_a_secret_is_known_again_when_another_is_put_before_it(settings):
    """What was number one before the rotation must not be taken for a use of the new number one."""
    account = settings.CRYPTOPAY_ACCOUNTS["default"]
    CallbackFactory(secret_index=1, received_at=timezone.now() - timedelta(days=90))
    CallbackFactory(secret_index=0, received_at=timezone.now() - timedelta(minutes=5))
    secrets = ["a-secret-that-is-brand-new-and-unused", account["CALLBACK_SECRETS"][0]]
    settings.CRYPTOPAY_ACCOUNTS = {"default": account | {"CALLBACK_SECRETS": secrets}}

    sign = sign_of("secrets", "default")

    assert "number 1 never, number 2 5 minutes ago" in sign.found
    assert "Keep them all" in sign.remedy


def test_a_worker_that_stopped_is_told_of(settings):
    long_ago = timezone.now() - LONG_AGO
    Schedule.objects.create(name="reconciliation", due_at=long_ago, ended_at=long_ago, found="3 asked")

    assert sign_of("worker").level is Level.WARNING
    settings.CRYPTOPAY_RECONCILE_INTERVAL = 0
    assert "worker" not in {sign.subject for sign in diagnose(offline=True)}


@pytest.mark.parametrize(
    ("processing", "found"), [("worker", "no worker has run with this database yet"), ("request", None)]
)
def test_a_worker_that_never_ran_is_missed_where_one_must_run(settings, processing, found):
    settings.CRYPTOPAY_PROCESSING = processing

    assert [sign.found for sign in diagnose(offline=True) if sign.subject == "worker"] == ([found] if found else [])


@pytest.mark.parametrize(("days", "level"), [(0, Level.OK), (2, Level.WARNING), (8, Level.ERROR)])
def test_a_refund_without_a_transaction_for_days_is_found(days, level):
    RefundFactory(created_at=timezone.now() - timedelta(days=days))

    assert sign_of("pending refunds").level is level


def test_credentials_that_are_refused_are_an_error_that_shows_none_of_them(settings, cryptopay_sandbox):
    account = settings.CRYPTOPAY_ACCOUNTS["default"]
    cryptopay_sandbox.account("default")
    settings.CRYPTOPAY_ACCOUNTS = {"default": account | {"API_SECRET": "a-secret-that-is-not-right"}}

    signs = list(diagnose())

    sign = next(sign for sign in signs if sign.subject == "credentials")
    assert (sign.level, sign.id) == (Level.ERROR, "credentials.refused")
    secrets = ["a-secret-that-is-not-right", account["API_KEY"], *account["CALLBACK_SECRETS"]]
    assert not any(secret in repr(signs) for secret in secrets)


def shift(sandbox, seconds):
    """Let the gateway's clock be so far behind ours."""
    sandbox.clock.wall = lambda: timezone.now() - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("seconds", "level", "words"),
    [
        (0, Level.OK, "agrees"),
        (30, Level.WARNING, "30 seconds ahead of"),
        (-30, Level.WARNING, "30 seconds behind"),
        (570, Level.ERROR, "570 seconds ahead"),
    ],
)
def test_the_clock_is_compared_with_that_of_the_service(cryptopay_sandbox, seconds, level, words):
    shift(cryptopay_sandbox, seconds)

    sign = sign_of("clock", "default", offline=False)

    assert (sign.level, words in sign.found) == (level, True), sign.found


def test_a_refusal_for_the_clock_is_told_from_one_for_the_key(cryptopay_sandbox):
    shift(cryptopay_sandbox, 900)

    signs = {sign.id: sign for sign in diagnose() if sign.account == "default"}

    assert signs["credentials.clock"].level is Level.ERROR
    assert "900 seconds ahead" in signs["clock"].found


def test_a_key_without_permission_is_told_from_one_that_is_wrong(cryptopay_sandbox):
    cryptopay_sandbox.account("default").account.denied = frozenset({"coins"})

    assert sign_of("credentials", "default", offline=False).kind == "permission"


@pytest.mark.parametrize(
    ("vendor", "age", "options", "level"),
    [
        ("postgresql", 0, {}, Level.WARNING),
        ("mysql", 0, {"pool": False}, Level.WARNING),
        ("postgresql", 60, {}, Level.OK),
        ("postgresql", None, {}, Level.OK),
        ("postgresql", 0, {"pool": True}, Level.OK),
        ("sqlite", 0, {}, Level.OK),
    ],
)
def test_a_connection_for_each_callback_is_told_of_on_a_server_database(vendor, age, options, level):
    assert judge_connections(vendor, {"CONN_MAX_AGE": age, "OPTIONS": options}).level is level


def test_a_self_test_is_no_sign_of_life(cryptopay_sandbox):
    CallbackFactory(body=BODY, outcome="ignored", next_attempt_at=None)

    assert "last callback: never" in sign_of("callbacks arrive", "default").found
    assert "number 1 never" in sign_of("secrets", "default").found


def test_play_money_without_debug_is_a_warning(settings, cryptopay_sandbox):
    settings.DEBUG = False

    assert sign_of("environment", "default", offline=False).level is Level.WARNING


def test_drift_is_explained_field_by_field(cryptopay_sandbox):
    invoice = create_invoice(**ORDER)
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)

    sign = sign_of("drift", "default", offline=False)

    assert sign.level is Level.WARNING
    assert f"invoice {invoice.pk}: status is new here and completed there, paid_amount is 0 here" in sign.found
    assert "transactions is 0 known here and 1 known there" in sign.found


def test_an_invoice_that_is_as_the_gateway_says_has_not_drifted(cryptopay_sandbox):
    create_invoice(**ORDER)

    assert sign_of("drift", "default", offline=False).found == "1 open invoices compared: no difference"


def test_handlers_that_were_given_up_are_seen():
    event = InvoiceEventFactory(next_attempt_at=None)
    HandlerDelivery.objects.create(event=event, handler="shop.handlers.ship", given_up_at=timezone.now())

    sign = sign_of("given-up handlers")

    assert (sign.level, sign.found) == (Level.WARNING, "1 deliveries: shop.handlers.ship")


def test_notices_that_do_not_leave_are_seen():
    NoticeSchedule.objects.create(kind="held", next_attempt_at=timezone.now(), attempts=3)

    sign = sign_of("notices")

    assert (sign.level, sign.found) == (Level.WARNING, "could not be sent: held (3 times)")
