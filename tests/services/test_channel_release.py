"""A payment that is held here: what a person sees, and what a release does."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.utils import timezone

from cryptopay_django.exceptions import InvoiceChangedError, NotPermittedError, ReleaseError
from cryptopay_django.models import Callback, Channel, ChannelPayment
from cryptopay_django.services import (
    deliver_events,
    diagnose,
    disable_channel,
    erase_customer,
    process_overdue,
    prune_records,
    reconcile_channels,
    refresh_channel_payment,
    release_channel_payment,
    send_notices,
)
from tests.services.topping import Balance, channel_of, fall_due

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENT = r"GET /api/channels/[^/]+/payments/.+"


@pytest.fixture
def balance(connect):
    return Balance().connect(connect)


@pytest.fixture
def held(wire, balance):
    """A payment of which the gateway says that it was credited in another currency."""
    channel = channel_of(customer_id="c-17")
    wire.change(PAYMENT, lambda data: data.update(received_currency="USD"))
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()
    return ChannelPayment.objects.get()


def test_a_held_payment_is_not_credited_until_a_person_releases_it(held, balance):
    assert (held.status, held.credited_amount, balance.heard) == ("completed", 0, ["created"])
    assert held.contradicted == {"received_currency": "USD"}

    released = release_channel_payment(held, actor="anna", reason="the account was switched to USD")

    assert released.credited_amount == held.received_amount
    assert balance.heard == ["created", "completed"]
    event = released.events.get(kind="channel_payment_released")
    assert (event.actor, event.detail["reason"]) == ("anna", "the account was switched to USD")


def test_what_was_accepted_is_not_held_again(held, wire, balance):
    release_channel_payment(held, actor="anna", reason="right")
    for callback in wire.sandbox.callbacks(str(held.gateway_id)):
        wire.sandbox.resend(callback)
    wire.sandbox.deliver()
    fall_due()
    process_overdue()

    assert ChannelPayment.objects.get().quarantine_reason == ""
    assert balance.heard == ["created", "completed"]


def test_a_release_takes_over_another_amount(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()
    payment = ChannelPayment.objects.get()
    credited = payment.received_amount
    wire.change(PAYMENT, lambda data: data.update(received_amount="1.5"))
    ChannelPayment.objects.update(poll_due_at=timezone.now())
    reconcile_channels()
    payment.refresh_from_db()
    assert (payment.received_amount, payment.contradicted) == (credited, {"received_amount": "1.5"})

    released = release_channel_payment(payment, actor="anna", reason="a correction of the gateway")

    assert released.received_amount == Decimal("1.5")
    assert balance.heard.count("completed") == 1


def test_a_release_needs_an_actor_a_reason_and_what_the_person_saw(held):
    for actor, reason in (("", "right"), ("anna", " ")):
        with pytest.raises(ReleaseError):
            release_channel_payment(held, actor=actor, reason=reason)
    with pytest.raises(InvoiceChangedError):
        release_channel_payment(held, actor="anna", reason="right", expected_version=held.version - 1)
    released = release_channel_payment(held, actor="anna", reason="right")
    with pytest.raises(ReleaseError, match="not held"):
        release_channel_payment(released, actor="anna", reason="right")


def test_a_release_needs_the_users_permission(held):
    user = get_user_model().objects.create(username="staff", is_staff=True)
    with pytest.raises(NotPermittedError):
        release_channel_payment(held, actor=user, reason="right")
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_channelpayment", "release_channelpayment"])
    )

    assert release_channel_payment(held, actor=user, reason="right").quarantine_reason == ""


def test_the_teams_are_notified_of_a_held_payment(held, mailoutbox, settings):
    settings.CRYPTOPAY_NOTICE_RECIPIENTS = {"quarantined": ["desk@shop.example"]}

    send_notices()

    (mail,) = mailoutbox
    assert str(held.pk) in mail.body


def test_the_doctor_names_payments_that_are_held_or_late(held, wire):
    late = channel_of(receiver_currency="USD")
    wire.sandbox.pay(late, "0.01")
    wire.sandbox.deliver()
    ChannelPayment.objects.filter(status="pending").update(seen_at=timezone.now() - timedelta(days=2))

    results = {result.id: result for result in diagnose(offline=True)}

    assert results["quarantined-channel-payments"].level == "warning"
    assert results["late-channel-payments"].level == "warning"
    assert results["channel-payments-on-hold"].level == "ok"
    assert results["channel-reconciliation"].level == "warning"


def test_callbacks_of_a_payment_are_pruned_once_it_is_over(held, wire):
    before = timezone.now() + timedelta(days=1)
    assert prune_records(before=before).callbacks == 0, "it is held"
    release_channel_payment(held, actor="anna", reason="right")
    deliver_events()

    assert prune_records(before=before).callbacks == 2
    assert ChannelPayment.objects.get().events.filter(kind="channel_payment_completed").exists()


def test_a_customers_channel_is_erased_once_nothing_can_come_any_more(held, wire):
    channel = held.channel
    assert "enabled" in erase_customer(customer_id="c-17").left[channel.pk]
    disable_channel(channel)
    assert "held" in erase_customer(customer_id="c-17").left[channel.pk]
    release_channel_payment(held, actor="anna", reason="right")

    assert erase_customer(customer_id="c-17").erased == 1

    row = Channel.objects.get()
    assert (row.customer_id, row.name, Callback.objects.count()) == ("", "", 0)
    assert ChannelPayment.objects.get().received_amount > 0


def look_again(wire, payment, **said):
    """Let the gateway say otherwise of a payment, and ask it."""
    wire.changes.clear()
    wire.change(PAYMENT, lambda data: data.update(said))
    return refresh_channel_payment(ChannelPayment.objects.get(pk=payment.pk))


@pytest.fixture
def credited(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()
    assert balance.heard == ["created", "completed"]
    return ChannelPayment.objects.get()


def test_a_release_takes_over_the_gateways_last_word(credited, wire):
    look_again(wire, credited, received_amount="1000.0")
    held = look_again(wire, credited)
    assert held.quarantine_reason

    released = release_channel_payment(held, actor="anna", reason="the gateway says as before")

    assert released.credited_amount == credited.received_amount


def test_a_payment_that_is_completed_again_with_another_amount_is_held(credited, wire, balance):
    back = look_again(wire, credited, status="on_hold", status_context="illicit_resource", received_amount="0.0")
    release_channel_payment(back, actor="anna", reason="the balance is locked by hand")

    again = look_again(wire, credited, received_amount="1.5")

    assert (again.status, again.received_amount, again.credited_amount) == ("completed", Decimal("1.5"), 0)
    assert f"with 1.5 EUR, and was completed with {credited.received_amount:f} EUR" in again.quarantine_reason
    assert balance.heard == ["created", "completed", "on_hold"]


def test_a_payment_that_is_completed_again_with_the_same_amount_is_not_held(credited, wire, balance):
    back = look_again(wire, credited, status="on_hold", status_context="illicit_resource", received_amount="0.0")
    release_channel_payment(back, actor="anna", reason="the balance is locked by hand")

    again = look_again(wire, credited)

    assert again.credited_amount == credited.received_amount
    assert balance.heard == ["created", "completed", "on_hold"]


def test_a_hold_that_was_notified_before_the_credit_is_notified_again_by_the_release(wire, balance):
    channel = channel_of()
    wire.sandbox.pay(channel, "0.01", risk="high")
    wire.sandbox.confirm(channel)
    wire.sandbox.deliver()
    payment = ChannelPayment.objects.get()
    wire.sandbox.decide(payment, "complete")
    wire.sandbox.deliver()
    back = look_again(wire, payment, status="on_hold", status_context="illicit_resource", received_amount="0.0")
    assert balance.heard == ["created", "on_hold", "completed"]

    release_channel_payment(back, actor="anna", reason="so it is")

    assert balance.heard == ["created", "on_hold", "completed", "on_hold"]


def test_a_payment_that_is_completed_again_after_the_credit_was_taken_back_is_held(credited, wire, balance):
    for status in ("refunded", "on_hold"):
        back = look_again(wire, credited, status=status, received_amount="0.0")
        release_channel_payment(back, actor="anna", reason="so it is")
    assert look_again(wire, credited, status="pending", received_amount="0.0").quarantine_reason == ""

    again = look_again(wire, credited)

    assert (again.status, again.credited_amount) == ("completed", 0)
    assert "completed again after channel_payment_refunded" in again.quarantine_reason
    assert balance.heard == ["created", "completed", "refunded", "on_hold"]
