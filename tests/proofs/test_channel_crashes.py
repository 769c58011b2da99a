"""A process killed at any point of the roads of channels loses no payment and credits none twice. As `test_crashes.py`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from cryptopay_django.models import Callback, Channel, ChannelPayment
from cryptopay_django.sandbox import channel_controls
from cryptopay_django.sandbox.server import SandboxServer
from cryptopay_django.services import create_channel, disable_channel, reconcile_channels, refresh_channel
from cryptopay_django.testing.factories import (
    ChannelFactory,
    ChannelPaymentFactory,
    callback_body,
    channel_payment_wire,
)
from tests.effects.models import Effect
from tests.effects.receivers import Shop
from tests.proofs.crash import run_until
from tests.proofs.test_crashes import kill_at_every_point, send, work_off
from tests.served import give_new_key, served_sandbox
from tests.wire import ScriptedGateway

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]

TOLD = ["channel_payment_created", "channel_payment_completed"]


@pytest.fixture(autouse=True)
def shop() -> Iterator[Shop]:
    with Shop().open() as shop:
        yield shop


@pytest.fixture
def gateway(settings) -> ScriptedGateway:
    scripted = ScriptedGateway(lambda *_: (200, {"data": scripted.truth}))
    settings.CRYPTOPAY_HTTP_ADAPTER = lambda account: scripted
    return scripted


@pytest.fixture
def served(settings) -> Iterator[SandboxServer]:
    with served_sandbox(settings) as server:
        yield server


def assert_credited_once(gateway_id: uuid.UUID) -> None:
    payment = ChannelPayment.objects.get(gateway_id=gateway_id)
    events = payment.events.order_by("pk")
    assert (payment.status, payment.received_amount, payment.quarantine_reason) == ("completed", 495, "")
    assert [event.kind for event in events] == TOLD
    assert all(event.delivered_at is not None for event in events)
    effects = Effect.objects.filter(invoice_id=payment.pk).order_by("pk")
    assert list(effects.values_list("event_uuid", flat=True)) == [event.uuid for event in events]
    assert not Callback.objects.filter(channel_payment=payment).exclude(outcome__in=["applied", "stale"]).exists()


def test_the_road_of_a_callback(gateway) -> None:
    channel = ChannelFactory()

    def play(point: int) -> bool:
        gateway.truth = channel_payment_wire(ChannelPaymentFactory.build(channel=channel), status="completed")
        body = callback_body(gateway.truth, "completed", type="ChannelPayment")
        was_killed = run_until(point, lambda: send(body))
        if not Callback.objects.filter(body=body).exists():
            assert was_killed, "a callback that was answered is stored"
            assert send(body) == 200
        work_off()
        assert_credited_once(uuid.UUID(gateway.truth["id"]))
        return was_killed

    assert kill_at_every_point(play) > 30


def test_the_creation_of_a_channel(served, settings) -> None:
    def play(point: int) -> bool:
        give_new_key(served, settings)
        owner = User.objects.create(username=f"customer {point}")

        def create() -> Channel:
            return create_channel(owner, pay_currency="BTC", receiver_currency="EUR")

        was_killed = run_until(point, create)
        channel = create()
        made = [theirs for theirs in served.sandbox.state.channels.values() if theirs.custom_id == channel.custom_id]
        assert [theirs.id for theirs in made] == [str(channel.gateway_id)]
        assert Channel.objects.for_owner(owner).count() == 1
        return was_killed

    assert kill_at_every_point(play) > 12
    assert len(served.sandbox.state.channels) == Channel.objects.count()


def test_a_round_that_finds_what_no_callback_brought(served, settings) -> None:
    channel = create_channel(User.objects.create(username="anna"), pay_currency="BTC", receiver_currency="EUR")

    def play(point: int) -> bool:
        give_new_key(served, settings)
        before = ChannelPayment.objects.count()
        channel_controls.pay(served.sandbox, str(channel.gateway_id), "0.01")
        channel_controls.confirm(served.sandbox, str(channel.gateway_id))
        was_killed = run_until(point, reconcile_channels)
        reconcile_channels()
        work_off()
        assert ChannelPayment.objects.count() == before + 1
        return was_killed

    assert kill_at_every_point(play) > 25
    for payment in ChannelPayment.objects.all():
        assert payment.status == "completed"
        assert list(Effect.objects.filter(invoice_id=payment.pk).order_by("pk").values_list("kind", flat=True)) == TOLD


def test_a_switch(served, settings) -> None:
    channel = create_channel(User.objects.create(username="anna"), pay_currency="BTC", receiver_currency="EUR")

    def play(point: int) -> bool:
        give_new_key(served, settings)
        was_killed = run_until(point, lambda: disable_channel(channel))
        there = served.sandbox.state.channels[str(channel.gateway_id)]
        row = refresh_channel(channel)
        assert row.status == there.status
        assert (row.slot is None) == (row.status == "disabled")
        return was_killed

    assert kill_at_every_point(play) > 5
