"""Payments whose callback never arrived: found by the ledger, by asking, and by each channel's own list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cryptopay_django.conf import client_for
from cryptopay_django.models import Channel, ChannelPayment, Schedule
from cryptopay_django.services import read_channel, reconcile_channels, reconcile_channels_in_turn, work_once
from cryptopay_django.services.channels.apply import TIERS, apply_listed_payment
from cryptopay_django.services.reconciliation import channel_ledger
from cryptopay_django.services.reconciliation import reconcile_channels as rounds
from cryptopay_django.testing.factories import ChannelFactory
from tests.services.topping import Balance, channel_of, customer, fall_due

pytestmark = pytest.mark.django_db(transaction=True)

LEDGER = r"GET /api/transactions.*"
LIST = r"GET /api/channels/[^/]+/payments(\?.*)?"
PAYMENT = r"GET /api/channels/[^/]+/payments/.+"
CHANNEL = r"GET /api/channels/[^/]+"


@pytest.fixture
def balance(connect):
    return Balance().connect(connect)


def long_ago():
    """Let no channel's own list be due for a week: what is found now, the ledger has shown."""
    Channel.objects.update(payments_due_at=timezone.now() + timedelta(days=7))


def paid(wire, channel, amount="0.01", *, confirm=True):
    wire.sandbox.pay(channel, amount)
    if confirm:
        wire.sandbox.confirm(channel)


def test_a_payment_whose_callbacks_were_all_lost_is_found_by_the_ledger(wire, balance):
    channel = channel_of()
    long_ago()
    paid(wire, channel)

    result = reconcile_channels()

    assert balance.heard == ["created", "completed"]
    assert (result.drifted, result.failed) == (1, {})
    assert (wire.count(LEDGER), wire.count(PAYMENT), wire.count(LIST)) == (1, 1, 0)


def test_many_quiet_channels_cost_one_call_a_round(wire):
    for name in range(30):
        channel_of(customer(f"customer {name}"))
    long_ago()
    asked = len(wire.asked)

    reconcile_channels()

    assert len(wire.asked) == asked + 1


def test_what_is_known_is_not_asked_about_again(wire, balance):
    channel = channel_of()
    paid(wire, channel)
    reconcile_channels()
    asked = wire.count(PAYMENT)

    reconcile_channels()

    assert wire.count(PAYMENT) == asked
    assert balance.heard == ["created", "completed"]


def test_a_status_that_has_moved_on_is_seen_in_the_ledger(wire, balance):
    channel = channel_of()
    paid(wire, channel, confirm=False)
    reconcile_channels()
    assert balance.heard == ["created"]
    long_ago()
    ChannelPayment.objects.update(poll_due_at=timezone.now() + timedelta(days=1))
    wire.sandbox.confirm(channel)

    reconcile_channels()

    assert balance.heard == ["created", "completed"]


def test_a_payment_of_another_system_in_the_ledger_is_left_alone(wire, balance):
    channel = channel_of()
    paid(wire, channel)
    Channel.objects.update(custom_id="another-system")
    long_ago()

    result = reconcile_channels()

    assert (result.asked, ChannelPayment.objects.count()) == (0, 0)


def test_a_long_ledger_is_read_on_in_the_next_round(wire, balance, monkeypatch):
    monkeypatch.setattr(channel_ledger, "_PAGES", 1)
    channel = channel_of()
    long_ago()
    for _ in range(60):
        paid(wire, channel, "0.001", confirm=False)

    reconcile_channels()
    long_ago()
    assert ChannelPayment.objects.count() == 50
    row = Schedule.objects.get(name__startswith="channel ledger default")
    assert row.cursor
    assert row.read_until is None
    reconcile_channels()

    assert ChannelPayment.objects.count() == 60
    row.refresh_from_db()
    assert (row.cursor, row.read_until is None) == ("", False)


def test_what_was_read_through_is_not_read_again_but_for_an_overlap(wire):
    channel_of()
    reconcile_channels()

    reconcile_channels()

    last = next(asked for asked in reversed(wire.asked) if "transactions" in asked)
    read_until = Schedule.objects.get(name__startswith="channel ledger").read_until
    assert f"{read_until - channel_ledger.OVERLAP:%Y-%m-%dT%H}" in last


def test_a_channels_own_list_finds_what_the_ledger_does_not_show(wire, balance):
    channel = channel_of()
    wire.change(LEDGER, list.clear)
    paid(wire, channel)

    reconcile_channels()

    assert balance.heard == ["created", "completed"]
    assert (wire.count(LIST), wire.count(PAYMENT)) == (1, 0), "the list says all"
    assert Channel.objects.get().payments_read_at is not None
    payment = ChannelPayment.objects.get()
    assert (payment.received_amount > 0, payment.fee_amount > 0, payment.poll_due_at) == (True, True, None)


def test_many_payments_that_wait_on_one_channel_are_answered_by_its_list(wire, balance):
    channel = channel_of()
    for _ in range(6):
        paid(wire, channel, "0.001", confirm=False)
    reconcile_channels()
    wire.change(LEDGER, list.clear)
    fall_due()
    long_ago()
    asked = wire.count(PAYMENT)

    reconcile_channels()
    assert wire.count(PAYMENT) == asked
    assert not ChannelPayment.objects.filter(poll_due_at__lte=timezone.now()).exists(), "each is put off"
    wire.sandbox.confirm(channel)
    fall_due()
    long_ago()
    result = reconcile_channels()

    assert (wire.count(PAYMENT) - asked, result.drifted, result.failed) == (0, 6, {})
    assert balance.heard.count("completed") == 6


def test_a_payment_that_the_ledger_shows_as_it_is_here_is_not_asked_about(wire, balance):
    channel = channel_of()
    paid(wire, channel, confirm=False)
    reconcile_channels()
    asked = wire.count(PAYMENT)
    fall_due()
    long_ago()

    reconcile_channels()

    assert wire.count(PAYMENT) == asked
    assert ChannelPayment.objects.get().poll_due_at > timezone.now()
    wire.change(LEDGER, lambda rows: [row.update(status=None) for row in rows])
    fall_due()
    long_ago()
    reconcile_channels()
    assert wire.count(PAYMENT) == asked + 1, "a ledger that does not say the status answers nothing"


@pytest.mark.parametrize(
    "said",
    [
        {"paid_currency": "ETH"},
        {"paid_amount": "0.02"},
        {"received_amount": "0.0"},
        {"status": "frozen"},
    ],
    ids=lambda said: next(iter(said)),
)
def test_what_a_list_says_otherwise_is_asked_about_before_it_holds_a_payment(wire, balance, said):
    channel = channel_of()
    paid(wire, channel, confirm=False)
    reconcile_channels()
    wire.change(LEDGER, list.clear)
    wire.sandbox.confirm(channel)
    wire.change(LIST, lambda rows: rows[0].update(said))
    asked = wire.count(PAYMENT)
    Channel.objects.update(payments_due_at=timezone.now())

    reconcile_channels()

    assert wire.count(PAYMENT) == asked + 1
    payment = ChannelPayment.objects.get()
    assert (payment.status, payment.quarantine_reason, payment.contradicted) == ("completed", "", {})


def test_a_list_that_was_asked_for_before_a_row_changed_does_not_move_it(wire, balance):
    channel = channel_of()
    paid(wire, channel, confirm=False)
    before = timezone.now()
    reconcile_channels()
    wire.sandbox.confirm(channel)
    (entry,) = client_for("default").list_channel_payments(channel.gateway_id)

    assert apply_listed_payment(channel, entry, asked_at=before) is None
    assert ChannelPayment.objects.get().status == "pending"
    taken = apply_listed_payment(channel, entry, asked_at=timezone.now())
    assert taken is not None
    assert taken.payment.status == "completed"
    assert apply_listed_payment(channel, entry, asked_at=timezone.now()) is None, "it is no news"


def test_quiet_channels_are_read_less_and_less_often(wire):
    channel = channel_of()
    now = timezone.now()
    pauses = []
    for days in (0, 1, 8, 90):
        Channel.objects.update(created_at=now - timedelta(days=days), payments_due_at=now)
        reconcile_channels()
        channel = Channel.objects.get()
        pauses.append(channel.payments_due_at - now)

    assert timedelta(minutes=14) < pauses[0] < timedelta(minutes=16)
    assert timedelta(hours=5) < pauses[1] < timedelta(hours=7)
    assert timedelta(hours=47) < pauses[2] < timedelta(hours=49)
    assert timedelta(days=6) < pauses[3] <= timedelta(days=7, minutes=1)


def test_a_payment_makes_its_channel_be_read_often_again(wire, balance):
    channel = channel_of()
    Channel.objects.update(created_at=timezone.now() - timedelta(days=90))
    paid(wire, channel)

    reconcile_channels()

    assert Channel.objects.get().payments_due_at < timezone.now() + timedelta(minutes=16)


def test_open_payments_are_asked_about_until_they_are_final_the_older_the_less_often(wire, balance):
    channel = channel_of()
    paid(wire, channel, confirm=False)
    reconcile_channels()
    payment = ChannelPayment.objects.get()
    assert payment.poll_due_at <= timezone.now() + TIERS[0][1]
    wire.change(LEDGER, list.clear)
    for age, pause in ((timedelta(hours=2), TIERS[1][1]), (timedelta(days=20), timedelta(days=1))):
        ChannelPayment.objects.update(seen_at=timezone.now() - age, poll_due_at=timezone.now())
        long_ago()
        reconcile_channels()
        left = ChannelPayment.objects.get().poll_due_at - timezone.now()
        assert pause - timedelta(minutes=1) < left <= pause
    wire.sandbox.confirm(channel)
    fall_due()
    long_ago()

    reconcile_channels()

    assert balance.heard == ["created", "completed"]
    assert ChannelPayment.objects.get().poll_due_at is None


def test_a_payment_that_fails_keeps_no_other_from_its_turn(wire, balance):
    channel = channel_of()
    paid(wire, channel, "0.01")
    paid(wire, channel, "0.02")
    long_ago()
    first = wire.sandbox.channel(channel).payments[0].id
    wire.fail(rf"GET .*{first}", "unreadable")
    wire.change(LIST, list.clear)

    result = reconcile_channels()

    assert list(result.failed) == [first]
    assert ChannelPayment.objects.count() == 1
    wire.heal()
    fall_due()
    reconcile_channels()
    assert ChannelPayment.objects.count() == 2
    assert balance.heard.count("completed") == 2


def test_a_gateway_that_is_down_ends_the_round_soon(wire):
    for name in range(30):
        channel_of(customer(f"customer {name}"))
    wire.fail(r"GET .*", "unreachable")
    asked = len(wire.asked)

    result = reconcile_channels()

    assert len(result.failed) == 5
    assert len(wire.asked) > asked


def test_a_round_asks_about_a_bounded_number_of_payments(wire, balance, monkeypatch):
    channel = channel_of()
    for _ in range(10):
        paid(wire, channel, "0.001")
    monkeypatch.setattr(rounds, "_POLLS", 4)

    result = reconcile_channels()

    assert (result.asked, ChannelPayment.objects.count()) == (4, 4)
    for _ in range(2):
        fall_due()
        reconcile_channels()
    assert ChannelPayment.objects.count() == 10
    assert balance.heard.count("completed") == 10


def test_a_channel_whose_creation_had_no_answer_is_found(wire):
    wire.fail(r"POST /api/channels|GET /api/channels/custom_id/.*", "timeout", after_effect=True)
    with pytest.raises(Exception, match="no clear answer"):
        channel_of()
    wire.heal()
    Channel.objects.update(created_at=timezone.now() - timedelta(minutes=2))

    reconcile_channels()

    assert Channel.objects.get().address


def test_a_channel_that_the_gateway_does_not_have_costs_a_call_a_round_and_no_error(wire):
    ChannelFactory(gateway_id=None, address="")
    Channel.objects.update(created_at=timezone.now() - timedelta(minutes=2))

    result = reconcile_channels()

    assert (result.unknown, result.failed) == (1, {})
    assert Channel.objects.get().polled_at is not None


def test_channels_of_another_environment_are_not_asked_about(wire):
    ChannelFactory(environment="production", payments_due_at=timezone.now())

    reconcile_channels()

    assert wire.asked == []


def test_rounds_have_turns_of_their_own(wire, balance, settings):
    channel = channel_of()
    paid(wire, channel)

    work_once()
    assert balance.heard == ["created", "completed"]
    assert reconcile_channels_in_turn() is None, "it is too early"
    settings.CRYPTOPAY_RECONCILE_INTERVAL = 0
    Schedule.objects.update(due_at=timezone.now())
    assert reconcile_channels_in_turn() is None


def test_what_failed_in_the_ledger_is_found_by_the_channels_own_list(wire, balance):
    channel = channel_of()
    long_ago()
    paid(wire, channel)
    wire.fail(PAYMENT, "unreadable")
    reconcile_channels()
    assert Channel.objects.get().payments_due_at < timezone.now() + timedelta(minutes=16)
    wire.heal()
    wire.change(LEDGER, list.clear)
    fall_due()

    reconcile_channels()

    assert balance.heard == ["created", "completed"]


def test_a_place_in_the_ledger_that_the_gateway_does_not_know_any_more_stops_no_reading(wire, balance):
    channel = channel_of()
    long_ago()
    paid(wire, channel)
    reconcile_channels()
    row = Schedule.objects.filter(name__startswith="cryptopay_channel_ledger") or Schedule.objects.filter(
        read_until__isnull=False
    )
    row.update(cursor="no-id-at-all", begun_at=timezone.now())
    paid(wire, channel, "0.02")

    failed = reconcile_channels()
    result = reconcile_channels()

    assert list(failed.failed) == ["default"]
    assert result.failed == {}
    assert balance.heard == ["created", "completed"] * 2


def test_a_list_with_a_context_of_its_own_costs_no_call_a_payment(wire, balance):
    channel = channel_of()
    paid(wire, channel)
    reconcile_channels()
    wire.change(LIST, lambda rows: rows[0].update(status_context="confirmed"))
    wire.change(LEDGER, lambda rows: rows[0].update(status_context="confirmed"))
    asked = wire.count(PAYMENT)
    Channel.objects.update(payments_due_at=timezone.now())

    reconcile_channels()

    assert wire.count(LIST) == 2
    assert wire.count(PAYMENT) == asked


@pytest.mark.parametrize(
    ("name", "value"),
    [("received_amount", "1.5"), ("paid_amount", "9.5"), ("received_currency", "USD"), ("txid", "e" * 64)],
)
def test_a_list_that_says_something_else_of_a_credited_payment_has_it_asked_about(wire, balance, name, value):
    channel = channel_of()
    paid(wire, channel)
    reconcile_channels()
    assert balance.heard == ["created", "completed"]
    wire.change(LIST, lambda data: [entry.update({name: value}) for entry in data])
    asked = wire.count(PAYMENT)

    read_channel(channel)
    assert (wire.count(PAYMENT), ChannelPayment.objects.get().quarantine_reason) == (asked + 1, "")

    wire.change(PAYMENT, lambda data: data.update({name: value}))
    read_channel(channel)
    assert value in ChannelPayment.objects.get().quarantine_reason
    asked = wire.count(PAYMENT)

    read_channel(channel)
    assert wire.count(PAYMENT) == asked, "what a person looks at already is no news"
