"""Payments on a channel, from the callback to the credited balance: stories against the sandbox."""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from cryptopay_django.models import Callback, Channel, ChannelPayment, Invoice
from cryptopay_django.services import deliver_again, deliver_events, disable_channel, process_overdue
from cryptopay_django.services.callbacks.process import process_and_deliver
from cryptopay_django.services.channels.apply import put_off
from cryptopay_django.testing.factories import (
    CallbackFactory,
    ChannelFactory,
    ChannelPaymentFactory,
    callback_body,
    channel_payment_wire,
)
from tests.services.topping import Balance, channel_of, customer, fall_due, post

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENT = r"GET /api/channels/.*/payments/.*"


@pytest.fixture
def balance(connect):
    return Balance().connect(connect)


def payments():
    return list(ChannelPayment.objects.order_by("seen_at"))


def outcomes():
    return list(Callback.objects.order_by("pk").values_list("outcome", flat=True))


def test_two_top_ups_are_seen_and_credited_each_once(wire, balance):
    channel = channel_of()

    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.deliver()
    assert balance.heard == ["created"]
    assert payments()[0].credited_amount == 0
    wire.sandbox.pay(channel, "0.002")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    first, second = payments()
    assert (first.status, second.status) == ("completed", "completed")
    assert sorted(balance.heard) == ["completed", "completed", "created", "created"]
    assert balance.credited == first.received_amount + second.received_amount > 0
    assert first.credited_amount == first.received_amount
    assert (first.paid_amount, first.paid_currency, first.received_currency) == (Decimal("0.01"), "BTC", "EUR")
    assert first.fee_currency == "EUR"
    assert first.exchange_rate
    assert first.poll_due_at is None
    assert list(ChannelPayment.objects.for_owner(customer())) == [second, first]
    assert set(outcomes()) <= {"applied", "stale"}
    assert Channel.objects.get().paid_at is not None


def test_what_is_credited_is_what_the_gateway_says_to_the_last_digit(wire, balance):
    channel = channel_of(receiver_currency="BTC")
    wire.sandbox.pay(channel, "0.00123457")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    (payment,) = payments()
    there = wire.sandbox.channel(channel).payments[0]
    assert payment.received_amount + payment.fee_amount == Decimal("0.00123457")
    assert payment.exchange_rate is None
    assert str(there.id) == str(payment.gateway_id)
    assert balance.credited == payment.received_amount


def test_a_payment_too_small_to_be_credited_is_held_and_not_completed_for_nothing(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.00000001")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    (payment,) = payments()
    assert (payment.status, payment.received_amount) == ("completed", 0)
    assert "nothing was credited" in payment.quarantine_reason
    assert balance.heard == ["created"]


def test_a_payment_of_nothing_is_held_whatever_was_credited_for_it(wire, balance):
    channel = channel_of()
    wire.change(PAYMENT, lambda data: data.update(paid_amount="0.0"))
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    (payment,) = payments()
    assert (payment.status, payment.credited_amount) == ("completed", 0)
    assert payment.quarantine_reason == "it is completed, and nothing was paid"
    assert balance.heard == ["created"]


@pytest.mark.parametrize(("decision", "heard"), [("complete", "completed"), ("refund", "refunded")])
def test_a_high_risk_payment_is_held_by_the_gateway_until_its_team_decides(wire, balance, decision, heard):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01", risk="high")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    (payment,) = payments()
    assert (payment.status, payment.status_context, payment.risk_level) == ("on_hold", "illicit_resource", "high")
    assert (balance.heard, balance.credited) == (["created", "on_hold"], 0)
    assert payment.events.filter(kind="risk_high").exists()

    wire.sandbox.decide(payment, decision)
    wire.sandbox.deliver()

    (payment,) = payments()
    assert payment.status_context == ""
    assert balance.heard == ["created", "on_hold", heard]
    assert balance.credited == payment.credited_amount
    assert (balance.credited > 0) == (heard == "completed")


def test_coins_that_come_to_a_disabled_channel_are_held_and_not_lost(wire, balance):
    channel = disable_channel(channel_of())
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    (payment,) = payments()
    assert (payment.status, payment.status_context) == ("on_hold", "channel_disabled")
    assert balance.heard == ["created", "on_hold"]


def test_a_hold_shows_that_the_channel_was_disabled_elsewhere(wire, balance):
    channel = channel_of()
    wire.sandbox.change_channel(channel, "disabled")
    Channel.objects.update(payments_due_at=timezone.now() + timedelta(days=7))
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    assert Channel.objects.get().payments_due_at <= timezone.now()


def test_a_transaction_that_is_never_confirmed_is_cancelled(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01", double_spend=True)
    wire.sandbox.deliver()
    wire.sandbox.advance(days=15, deliver=True)

    assert [payment.status for payment in payments()] == ["cancelled"]
    assert (balance.heard, balance.credited) == (["created", "cancelled"], 0)


def test_a_callback_that_comes_again_is_counted_and_changes_nothing(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()
    asked = wire.count(PAYMENT)

    for callback in wire.sandbox.callbacks(wire.sandbox.channel(channel).payments[0].id):
        wire.sandbox.resend(callback)
    wire.sandbox.deliver()
    fall_due()
    process_overdue()

    assert sorted(balance.heard) == ["completed", "created"]
    assert wire.count(PAYMENT) == asked
    assert sum(Callback.objects.values_list("repeats", flat=True)) >= 1


def test_callbacks_that_arrive_in_reverse_credit_once(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    payment = ChannelPaymentFactory.build(
        channel=channel, gateway_id=uuid.UUID(wire.sandbox.channel(channel).payments[0].id)
    )
    wire.sandbox.confirm(channel)

    post(payment, status="completed")
    post(payment, status="pending")

    assert balance.heard == ["created", "completed"]
    assert outcomes() == ["applied", "stale"]


def test_a_callback_alone_completes_nothing(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.deliver()
    (payment,) = payments()

    callback = post(payment, status="completed")

    assert payments()[0].status == "pending"
    assert (balance.heard, callback.outcome) == (["created"], "pending")
    assert "the gateway, when asked, says pending" in callback.error
    for _ in range(10):
        fall_due()
        process_overdue()
    callback.refresh_from_db()
    assert (callback.outcome, balance.credited) == ("stale", 0)


def test_a_callback_that_says_too_much_still_brings_what_the_gateway_says(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    there = wire.sandbox.channel(channel).payments[0]

    post(ChannelPaymentFactory.build(channel=channel, gateway_id=uuid.UUID(there.id)), status="completed")

    assert (balance.heard, payments()[0].status) == (["created"], "pending")


def test_a_worker_delivers_at_once_what_a_callback_that_says_too_much_has_brought(wire, balance, settings):
    settings.CRYPTOPAY_PROCESSING = "worker"
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    there = wire.sandbox.channel(channel).payments[0]
    callback = post(ChannelPaymentFactory.build(channel=channel, gateway_id=uuid.UUID(there.id)), status="completed")
    assert balance.heard == []

    process_and_deliver(callback)

    assert (balance.heard, callback.outcome) == (["created"], "pending")


def test_callbacks_that_come_at_once_make_one_payment_and_each_event_once(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    there = wire.sandbox.channel(channel).payments[0]
    payment = ChannelPaymentFactory.build(channel=channel, gateway_id=uuid.UUID(there.id))
    bodies = [
        {"status": "completed"},
        {"status": "pending"},
        {"status": "completed", "customer_id": "c"},
        {"status": "on_hold"},
    ]
    together = threading.Barrier(len(bodies))

    def send(changes):
        try:
            together.wait()
            post(payment, **changes)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[changes]) for changes in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(3):
        fall_due()
        process_overdue()

    assert [row.status for row in payments()] == ["completed"]
    assert sorted(balance.heard) == ["completed", "created"]
    assert set(outcomes()) <= {"applied", "stale"}
    assert len(outcomes()) == 4


def test_a_callback_of_a_payment_that_the_gateway_does_not_know_makes_no_row(wire, balance):
    channel = channel_of()
    invented = ChannelPaymentFactory.build(channel=channel)

    callback = post(invented, status="completed")

    assert (callback.outcome, payments(), balance.heard) == ("pending", [], [])
    for _ in range(10):
        fall_due()
        process_overdue()
    callback.refresh_from_db()
    assert (callback.outcome, payments()) == ("stale", [])
    assert "does not know this payment" in callback.error


def test_the_setting_that_trusts_callbacks_does_not_credit_by_them(wire, balance, settings):
    settings.CRYPTOPAY_CONFIRM_WITH_API = False
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.deliver()
    post(payments()[0], status="completed")

    assert balance.credited == 0


def test_while_the_gateway_does_not_answer_a_callback_waits(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.fail(PAYMENT, "unreachable")
    wire.sandbox.deliver()

    assert (payments(), set(outcomes())) == ([], {"pending"})
    wire.heal()
    fall_due()
    process_overdue()
    assert sorted(balance.heard) == ["completed", "created"]


def test_a_payment_of_another_systems_channel_is_an_orphan(wire, balance):
    channel_of()
    foreign = ChannelPaymentFactory.build(channel=ChannelFactory.build())

    callback = post(foreign, status="completed")

    assert (callback.outcome, callback.gateway_id) == ("orphan", foreign.channel.gateway_id)
    assert (payments(), balance.heard) == ([], [])
    assert Invoice.objects.count() == 0


def test_an_orphan_falls_due_when_the_channel_is_ours(wire, balance):
    """The gateway has made the channel, coins come at once, and the answer to the creation is lost."""
    wire.fail(r"POST /api/channels|GET /api/channels/custom_id/.*", "timeout", after_effect=True)
    with pytest.raises(Exception, match="no clear answer"):
        channel_of()
    there = next(iter(wire.sandbox.account().state.channels.values()))
    foreign = {**channel_payment_wire(ChannelPaymentFactory.build(channel=ChannelFactory.build()))}
    wire.sandbox.pay(wire.sandbox.channel(there.id).id, "0.01")
    wire.sandbox.confirm(there.id)
    callback = post({**foreign, "id": there.payments[0].id, "channel_id": there.id, "custom_id": None})
    assert callback.outcome == "orphan"

    wire.heal()
    channel_of()
    fall_due()
    process_overdue()

    assert balance.heard == ["created", "completed"]


def test_a_channel_without_an_answer_is_found_by_the_callback_that_names_it(wire, balance):
    wire.fail(r"POST /api/channels|GET /api/channels/custom_id/.*", "timeout", after_effect=True)
    with pytest.raises(Exception, match="no clear answer"):
        channel_of()
    wire.heal()
    there = next(iter(wire.sandbox.account().state.channels.values()))
    wire.sandbox.pay(there.id, "0.01")
    wire.sandbox.deliver()

    assert balance.heard == ["created"]
    assert str(Channel.objects.get().gateway_id) == there.id


def test_a_custom_id_that_somebody_else_uses_claims_no_payment(wire, balance):
    """A foreign payment with our channel's custom_id, and another channel's id."""
    channel = channel_of()
    foreign = ChannelPaymentFactory.build(channel=ChannelFactory.build(custom_id=channel.custom_id))

    callback = post(foreign, status="completed")

    assert (callback.outcome, payments()) == ("orphan", [])


def test_many_payments_share_the_channels_custom_id(wire, balance):
    channel = channel_of()
    for amount in ("0.01", "0.02", "0.03"):
        wire.sandbox.pay(channel, amount)
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    assert {payment.paid_amount for payment in payments()} == {Decimal("0.01"), Decimal("0.02"), Decimal("0.03")}
    assert balance.heard.count("completed") == 3


def test_a_callback_that_cannot_be_read_makes_us_ask(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    there = wire.sandbox.channel(channel).payments[0]
    odd = channel_payment_wire(ChannelPaymentFactory.build(channel=channel, gateway_id=uuid.UUID(there.id)))

    callback = post(odd, paid_amount="much")

    assert callback.outcome == "unreadable"
    assert balance.heard == ["created", "completed"]


def test_a_callback_that_cannot_be_read_ends_where_the_gateway_knows_nothing_of_it(wire, balance):
    channel = channel_of()
    ours = ChannelPaymentFactory.build(channel=channel)
    theirs = ChannelPaymentFactory.build(channel=ChannelFactory.build())

    found = [post(channel_payment_wire(payment), paid_amount="much") for payment in (ours, theirs)]

    assert [callback.outcome for callback in found] == ["unreadable"] * 2
    assert (payments(), balance.heard) == ([], [])


@pytest.mark.parametrize(("answer", "outcome"), [("fact", "unreadable"), ("page", "pending")])
def test_a_callback_and_an_answer_that_cannot_be_read(wire, balance, answer, outcome):
    """Without a fact there is nothing to wait for; a page that is no answer at all is asked for again."""
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    there = wire.sandbox.channel(channel).payments[0]
    odd = channel_payment_wire(ChannelPaymentFactory.build(channel=channel, gateway_id=uuid.UUID(there.id)))
    if answer == "fact":
        wire.change(PAYMENT, lambda data: data.update(received_amount="much"))
    else:
        wire.fail(PAYMENT, "unreadable")

    callback = post(odd, paid_amount="much")

    assert (callback.outcome, payments(), balance.heard) == (outcome, [], [])


def test_an_answer_that_cannot_be_read_holds_the_payment(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.deliver()
    wire.change(PAYMENT, lambda data: data.update(received_amount="much"))
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()

    (payment,) = payments()
    assert "cannot be read" in payment.quarantine_reason
    assert (payment.status, balance.credited) == ("pending", 0)


def test_a_payment_is_delivered_again_on_request_with_the_same_uuid(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()
    (payment,) = payments()

    deliver_again(payment, actor="anna", reason="lost", kinds=["channel_payment_completed"])
    deliver_events()

    assert balance.heard.count("completed") == 2
    assert len(balance.uuids) == 2


def test_a_callback_that_is_stored_by_a_worker_is_processed_like_any_other(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    there = wire.sandbox.channel(channel).payments[0]
    data = channel_payment_wire(ChannelPaymentFactory.build(channel=channel, gateway_id=uuid.UUID(there.id)))
    CallbackFactory(body=callback_body(data, "created", type="ChannelPayment"))

    process_overdue()

    assert balance.heard == ["created"]


def test_a_payment_that_has_ended_is_not_put_off():
    payment = ChannelPaymentFactory(status="refunded", poll_due_at=None)

    put_off(payment)

    payment.refresh_from_db()
    assert payment.poll_due_at is None
