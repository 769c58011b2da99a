"""One channel in each state that a customer can meet, with the payments that it can have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from cryptopay_django.models import Channel, ChannelPayment
from cryptopay_django.testing.factories import ChannelFactory, ChannelPaymentFactory

ADDRESS = "2N44BYHaFmyYAaHfwYmKsPeqvErua4tmznT"


def channel(**values: Any) -> Channel:
    """Return a stored channel of BTC that is credited in EUR."""
    usual = {"name": "auth.User 17", "address": ADDRESS, "uri": f"bitcoin:{ADDRESS}", "description": "Your balance"}
    return ChannelFactory.create(**usual | values)


def receipt(of: Channel, *, age: timedelta = timedelta(minutes=3), **values: Any) -> ChannelPayment:
    """Return a stored payment; a completed one was credited with 495 EUR."""
    credited = {"received_amount": Decimal(495)} if values.get("status") == "completed" else {}
    risk = {"risk_level": "high", "risk_resource_name": "Mixer"}
    return ChannelPaymentFactory.create(channel=of, seen_at=timezone.now() - age, **risk | credited | values)


def with_history(**values: Any) -> Channel:
    """Return a channel with a payment in each state."""
    made = channel(**values)
    receipt(made, age=timedelta(days=9), status="completed")
    receipt(made, age=timedelta(days=7), status="cancelled")
    receipt(made, age=timedelta(days=5), status="refunded")
    receipt(made, age=timedelta(days=2), status="on_hold", status_context="illicit_resource")
    receipt(made, age=timedelta(days=1), status="completed", quarantine_reason="received_currency is USD")
    receipt(made)
    return made


def tagged(**values: Any) -> Channel:
    address = "rn7bmpBgwFTXtqsF8vPnXkJXrXcoUqtnmX"
    usual = {
        "pay_currency": "XRP",
        "network": "ripple",
        "address": address,
        "destination_tag": "2751702755",
        "uri": f"ripple:{address}?dt=2751702755",
    }
    return channel(**usual | values)


def token(**values: Any) -> Channel:
    address = "TXYZopYRdj2D9XRtbG411XZZ3kM5VkAeBf"
    return channel(**{"pay_currency": "USDT", "network": "tron", "address": address, "uri": address} | values)


# By the name of the state; what follows a dash is another face of the same one.
CHANNELS: dict[str, Callable[[], Channel]] = {
    "preparing": lambda: channel(gateway_id=None, address="", uri=""),
    "open": channel,
    "open-tag": tagged,
    "open-token": token,
    "open-history": with_history,
    "disabled": lambda: with_history(status="disabled"),
    "review": lambda: channel(quarantine_reason="address is 1Other at the gateway"),
    "unavailable": lambda: channel(environment="production"),
}
