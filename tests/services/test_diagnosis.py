"""The doctor's eyes: each thing that can be wrong is seen, named with what to do, and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from cryptopay_django.models import HandlerDelivery, Invoice, NoticeSchedule, Resolution, Schedule
from cryptopay_django.models.schedule import BROKE_OFF
from cryptopay_django.services import create_invoice, diagnose, refresh_invoice
from cryptopay_django.services.diagnosis import CheckResult, Level
from cryptopay_django.services.diagnosis.callback_selftest import BODY
from cryptopay_django.services.diagnosis.installation import judge_connections
from cryptopay_django.services.rate_limit_by_use import Use
from cryptopay_django.testing.factories import (
    CallbackFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    PaymentFactory,
    RefundFactory,
)
from tests.rate_limits import use_up
from tests.wire import ScriptedGateway

LONG_AGO = timedelta(hours=2)
ORDER = {"price_amount": "100", "price_currency": "EUR", "pay_currency": "BTC"}


@pytest.fixture(autouse=True)
def _database(db, settings):
    settings.DEBUG = True


@pytest.fixture
def kept_connections(monkeypatch):
    """What the doctor asks for on a server database, for tests that open no connection beside their own."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)


def result_of(subject: str, account: str = "", **options) -> CheckResult:
    results = diagnose(**{"offline": True, **options})
    return next(result for result in results if result.subject == subject and result.account == account)


def test_a_fresh_installation_is_well(cryptopay_sandbox, kept_connections):
    assert [result for result in diagnose() if result.level is not Level.OK] == []


@pytest.mark.parametrize(("age", "level"), [(0, Level.OK), (20, Level.WARNING), (90, Level.ERROR)])
def test_a_pending_callback_is_worse_the_longer_it_waits(age, level):
    CallbackFactory(received_at=timezone.now() - timedelta(minutes=age), error="the gateway did not answer")

    result = result_of("pending callbacks")

    assert result.level is level
    assert ("the gateway did not answer" in result.remedy) == (level is not Level.OK)


@pytest.mark.parametrize("outcome", ["orphan", "unreadable"])
def test_callbacks_that_lead_nowhere_are_counted(outcome):
    CallbackFactory(outcome=outcome, next_attempt_at=None)

    assert result_of(f"{outcome} callbacks").level is Level.WARNING


def test_a_receiver_that_fails_is_named_with_what_it_raised():
    event = InvoiceEventFactory(
        kind="invoice_completed",
        created_at=timezone.now() - LONG_AGO,
        attempts=3,
        last_error="Traceback\n  ...\nValueError: no such order\n",
    )

    result = result_of("pending events")

    assert result.level is Level.ERROR
    assert (
        f"invoice_completed failed 3 times for invoice {event.invoice_id}: ValueError: no such order" in result.remedy
    )


def test_a_resolution_that_nobody_knows_the_end_of_is_an_error():
    resolution = Resolution.objects.create(
        invoice=InvoiceFactory(), kind="refund", status="unknown", actor="stella", reason="asked for it"
    )
    Resolution.objects.filter(pk=resolution.pk).update(created_at=timezone.now() - LONG_AGO)

    assert result_of("undecided resolutions").level is Level.ERROR


def test_held_nameless_and_forgotten_invoices_are_told_of():
    InvoiceFactory(quarantine_reason="another price")
    InvoiceFactory(gateway_id=None)
    Invoice.objects.update(created_at=timezone.now() - timedelta(days=2))

    levels = [
        result_of(subject).level
        for subject in ("quarantined invoices", "invoices without an answer", "reconciliation")
    ]

    assert levels == [Level.WARNING, Level.ERROR, Level.WARNING]


def test_payments_that_no_callback_spoke_of_are_an_error():
    PaymentFactory(invoice=InvoiceFactory(paid_amount="0.002"))

    assert result_of("callbacks arrive", "default").level is Level.ERROR
    assert result_of("callbacks arrive", "second").level is Level.OK


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

    result = result_of("secrets", "default")

    assert (result.level, words in result.remedy) == (level, True)


def test_a_secret_is_known_again_when_another_is_put_before_it(settings):
    """What was number one before the rotation must not be taken for a use of the new number one."""
    account = settings.CRYPTOPAY_ACCOUNTS["default"]
    CallbackFactory(secret_index=1, received_at=timezone.now() - timedelta(days=90))
    CallbackFactory(secret_index=0, received_at=timezone.now() - timedelta(minutes=5))
    secrets = ["a-secret-that-is-brand-new-and-unused", account["CALLBACK_SECRETS"][0]]
    settings.CRYPTOPAY_ACCOUNTS = {"default": account | {"CALLBACK_SECRETS": secrets}}

    result = result_of("secrets", "default")

    assert "number 1 never, number 2 5 minutes ago" in result.found
    assert "Keep them all" in result.remedy


def test_a_worker_that_stopped_is_told_of(settings):
    long_ago = timezone.now() - LONG_AGO
    Schedule.objects.create(name="reconciliation", due_at=long_ago, ended_at=long_ago, found="3 asked")

    assert result_of("worker").level is Level.WARNING
    settings.CRYPTOPAY_RECONCILE_INTERVAL = 0
    assert "worker" not in {result.subject for result in diagnose(offline=True)}


def test_rounds_that_raise_are_told_of(settings):
    settings.CRYPTOPAY_RECONCILE_INTERVAL = 300
    Schedule.objects.create(
        name="reconciliation", due_at=timezone.now() + timedelta(minutes=5), ended_at=timezone.now(), found=BROKE_OFF
    )

    assert result_of("worker").level is Level.WARNING
    assert "it broke off" in result_of("worker").found


@pytest.mark.parametrize(
    ("processing", "found"), [("worker", "no worker has run with this database yet"), ("request", None)]
)
def test_a_worker_that_never_ran_is_missed_where_one_must_run(settings, processing, found):
    settings.CRYPTOPAY_PROCESSING = processing

    assert [result.found for result in diagnose(offline=True) if result.subject == "worker"] == (
        [found] if found else []
    )


@pytest.mark.parametrize(("days", "level"), [(0, Level.OK), (2, Level.WARNING), (8, Level.ERROR)])
def test_a_refund_without_a_transaction_for_days_is_found(days, level):
    RefundFactory(created_at=timezone.now() - timedelta(days=days))

    assert result_of("pending refunds").level is level


def test_credentials_that_are_refused_are_an_error_that_shows_none_of_them(settings, cryptopay_sandbox):
    account = settings.CRYPTOPAY_ACCOUNTS["default"]
    cryptopay_sandbox.account("default")
    settings.CRYPTOPAY_ACCOUNTS = {"default": account | {"API_SECRET": "a-secret-that-is-not-right"}}

    results = list(diagnose())

    result = next(result for result in results if result.subject == "credentials")
    assert (result.level, result.id) == (Level.ERROR, "credentials.refused")
    secrets = ["a-secret-that-is-not-right", account["API_KEY"], *account["CALLBACK_SECRETS"]]
    assert not any(secret in repr(results) for secret in secrets)


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

    result = result_of("clock", "default", offline=False)

    assert (result.level, words in result.found) == (level, True), result.found


def test_a_refusal_for_the_clock_is_told_from_one_for_the_key(cryptopay_sandbox):
    shift(cryptopay_sandbox, 900)

    results = {result.id: result for result in diagnose() if result.account == "default"}

    assert results["credentials.clock"].level is Level.ERROR
    assert "900 seconds ahead" in results["clock"].found


def test_a_key_without_permission_is_told_from_one_that_is_wrong(cryptopay_sandbox):
    cryptopay_sandbox.account("default").account.denied = frozenset({"coins"})

    assert result_of("credentials", "default", offline=False).kind == "permission"


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

    assert "last callback: never" in result_of("callbacks arrive", "default").found
    assert "number 1 never" in result_of("secrets", "default").found


def test_play_money_without_debug_is_a_warning(settings, cryptopay_sandbox):
    settings.DEBUG = False

    assert result_of("environment", "default", offline=False).level is Level.WARNING


def test_drift_is_explained_field_by_field(cryptopay_sandbox):
    invoice = create_invoice(**ORDER)
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)

    result = result_of("drift", "default", offline=False)

    assert result.level is Level.WARNING
    assert f"invoice {invoice.pk}: status is new here and completed there, paid_amount is 0 here" in result.found
    assert "transactions is 0 known here and 1 known there" in result.found


def test_an_invoice_that_is_as_the_gateway_says_has_not_drifted(cryptopay_sandbox):
    create_invoice(**ORDER)

    assert result_of("drift", "default", offline=False).found == "1 open invoices compared: no difference"


def test_handlers_that_were_given_up_are_seen():
    event = InvoiceEventFactory(next_attempt_at=None)
    HandlerDelivery.objects.create(event=event, handler="shop.handlers.ship", given_up_at=timezone.now())

    result = result_of("given-up handlers")

    assert (result.level, result.found) == (Level.WARNING, "1 deliveries: shop.handlers.ship")


def test_notices_that_do_not_leave_are_seen():
    NoticeSchedule.objects.create(kind="held", next_attempt_at=timezone.now(), attempts=3)

    result = result_of("notices")

    assert (result.level, result.found) == (Level.WARNING, "could not be sent: held (3 times)")


def listed_coin(currency, network, precision=8, **changes):
    entry = {"network": network, "precision": precision, "invoices": {"enabled": True}, **changes}
    return {"currency": currency, "networks": [entry]}


def result_of_coins(settings, *coins, **options) -> CheckResult:
    """What the doctor says of the coins of an account that lists these."""
    gateway = ScriptedGateway(lambda method, path, body: (200, {"data": list(coins)}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: gateway
    return result_of("coins", "default", offline=False, **options)


def test_coins_that_are_known_are_well(settings):
    result = result_of_coins(settings, listed_coin("BTC", "bitcoin"), listed_coin("USDC", "tron", 6))

    assert (result.level, result.found) == (Level.OK, "2 coins and networks take invoices")


def test_coins_that_are_not_known_here_are_named(settings):
    result = result_of_coins(settings, listed_coin("NEW", "newnet"), listed_coin("BTC", "newnet"))

    assert result.level is Level.OK
    assert "NEW/newnet is not known to this version, and offered by what the gateway says of it" in result.found
    assert "BTC/newnet is not known" in result.found


def test_another_precision_than_is_known_here_is_named(settings):
    assert (
        "ETH/ethereum has 18 decimal places, not 8"
        in result_of_coins(settings, listed_coin("ETH", "ethereum", 18)).found
    )


TAGGED = listed_coin("NEW", "newnet", destination_tag={"required": True, "name": "Memo"})


@pytest.mark.parametrize(
    ("coin", "says"),
    [
        (TAGGED, "NEW/newnet is not offered: its addresses have a Memo"),
        (listed_coin("NEW", "newnet", 19), "NEW/newnet is not offered: it has 19 decimal places"),
        ({"networks": []}, "an entry cannot be read: data[0].currency: is missing"),
    ],
)
def test_a_coin_that_cannot_be_offered_is_a_warning_with_its_reason(settings, coin, says):
    result = result_of_coins(settings, coin)

    assert (result.level, result.id) == (Level.WARNING, "coins.not-offered")
    assert says in result.found
    assert "CRYPTOPAY_EXTRA_COINS" in result.remedy


@pytest.mark.parametrize(
    ("wanted", "level"), [(["BTC"], Level.OK), (["NEW"], Level.WARNING), (["NEW/newnet"], Level.WARNING)]
)
def test_a_coin_that_the_shop_does_not_want_is_no_loss(settings, wanted, level):
    settings.CRYPTOPAY_OFFERED_COINS = wanted

    assert result_of_coins(settings, TAGGED).level is level


def test_what_takes_no_invoices_is_not_spoken_of(settings):
    result = result_of_coins(settings, listed_coin("NEW", "newnet", invoices={"enabled": False}))

    assert result.found == "0 coins and networks take invoices"


def test_the_doctor_compares_yesterdays_ledger(cryptopay_sandbox):
    assert "0 of our rows compared, 0 not ours, no difference" in result_of("ledger", "default", offline=False).found
    invoice = create_invoice(**ORDER)
    cryptopay_sandbox.pay(invoice)
    cryptopay_sandbox.confirm(invoice)
    refresh_invoice(invoice)
    yesterday = timezone.now() - timedelta(days=1)
    for row in cryptopay_sandbox.account().state.rows.values():
        row.created_at = yesterday
    Invoice.objects.update(created_at=yesterday, settled_amount="1")

    result = result_of("ledger", "default", offline=False)

    assert result.level is Level.WARNING
    assert str(invoice.gateway_id) in result.found
    assert f"cryptopay_reconcile --ledger {yesterday:%Y-%m-%d}" in result.remedy


def test_a_ledger_that_the_doctor_may_not_read_whole_is_said_and_no_warning(cryptopay_sandbox):
    use_up(Use.LEDGER)

    result = result_of("ledger", "default", offline=False)

    assert (result.level, "not read to its end: GatewayRateLimitError" in result.found) == (Level.OK, True)
    assert "cryptopay_reconcile --ledger" in result.remedy
