"""A channel topped up, under each way in which the service may answer what no source proves."""

from __future__ import annotations

import pytest

from cryptopay_django.models import Callback, ChannelPayment

from .test_variants import variant as variant  # noqa: PLC0414  a fixture
from .topping import Balance, channel_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_channel_is_topped_up_and_a_risky_payment_waits(cryptopay_sandbox, variant, connect):
    balance = Balance().connect(connect)
    channel = channel_of()
    cryptopay_sandbox.pay(channel, "0.01")
    cryptopay_sandbox.confirm(channel)
    cryptopay_sandbox.pay(channel, "0.02", risk="high")
    cryptopay_sandbox.confirm(channel)
    attempts = cryptopay_sandbox.deliver()
    assert {attempt.status for attempt in attempts} == {200}
    assert sorted(ChannelPayment.objects.values_list("status", flat=True)) == ["completed", "on_hold"]
    done = ChannelPayment.objects.get(status="completed")
    assert balance.heard.count("completed") == 1
    assert balance.credited == done.received_amount > 0
    assert not ChannelPayment.objects.exclude(quarantine_reason="").exists()
    assert set(Callback.objects.values_list("outcome", flat=True)) <= {"applied", "stale"}
