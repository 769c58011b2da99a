"""An owner's channel, what the shop hears of its payments, and how a test brings a callback in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cryptopay_django import signals
from cryptopay_django.models import Callback, Channel, ChannelPayment
from cryptopay_django.services import create_channel
from cryptopay_django.testing.factories import callback_body, callback_headers, channel_payment_wire

SIGNALS = {
    name: getattr(signals, f"channel_payment_{name}")
    for name in ("created", "completed", "on_hold", "refunded", "cancelled")
}


class Balance:
    """A shop that keeps a balance: what it has heard, in order, and what it has credited for it."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.credited = Decimal(0)
        self.uuids: set[Any] = set()

    def connect(self, connect: Any) -> Balance:
        for name, signal in SIGNALS.items():
            connect(signal, self._receiver(name))
        return self

    def _receiver(self, name: str) -> Any:
        def receive(sender: Any, payment: ChannelPayment, channel: Channel, event: Any, **_: Any) -> None:
            assert sender is ChannelPayment
            assert payment.channel_id == channel.pk
            self.heard.append(name)
            self.uuids.add(event.uuid)
            if name == "completed":
                self.credited += payment.received_amount

        return receive


def customer(name: str = "anna") -> Any:
    """Return an owner: any object of the shop. No user, for the example shop's receiver credits those."""
    return Group.objects.get_or_create(name=name)[0]


def channel_of(owner: Any = None, **request: Any) -> Channel:
    asked = {"pay_currency": "BTC", "receiver_currency": "EUR", **request}
    return create_channel(owner or customer(), **asked)


def post(payment: ChannelPayment | dict[str, Any], event: str | None = None, **changes: Any) -> Callback:
    """Post a signed callback about a payment, as the gateway does; return its row."""
    data = {**payment, **changes} if isinstance(payment, dict) else channel_payment_wire(payment, **changes)
    named = event or ("created" if data["status"] == "pending" else data["status"])
    body = callback_body(data, named, type="ChannelPayment")
    answer = Client().post(
        reverse("cryptopay_django:callback"),
        data=body,
        content_type="application/json",
        headers=callback_headers(body),
    )
    assert answer.status_code == 200
    return Callback.objects.latest("pk")


def fall_due() -> None:
    """Let the time come for all that waits: callbacks, open payments, lists."""
    now = timezone.now()
    Callback.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=now)
    ChannelPayment.objects.filter(poll_due_at__isnull=False).update(poll_due_at=now)
    Channel.objects.filter(payments_due_at__isnull=False).update(payments_due_at=now)
