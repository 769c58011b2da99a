"""Fixtures of the services' tests."""

from __future__ import annotations

import pytest

from cryptopay_django import handlers, signals

from .desk import Wire


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-m` choose by what is tested here and how: `.ci/run`."""
    item.add_marker("services")


@pytest.fixture
def wire(cryptopay_sandbox, settings):
    """The sandbox of every account, behind a wire that can fail."""
    wire = Wire(cryptopay_sandbox)
    settings.CRYPTOPAY_HTTP_ADAPTER = wire.adapter_for
    return wire


@pytest.fixture
def connect():
    """Connect receivers for one test."""
    connected = []

    def to(signal, receiver):
        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))

    yield to
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture
def handle():
    """Register durable handlers for one test: functions at the top level of the test's module."""
    registered = []

    def by(kind, handler):
        handlers.register(kind, handler)
        registered.append(handler)

    yield by
    for handler in registered:
        handlers.unregister(handler)


@pytest.fixture
def refunds_heard(connect):
    """What a shop hears of refunds."""
    heard = []

    def receiver(signal, invoice, event, refund=None, **_):
        heard.append((event.kind, refund, event.detail))

    for name in ("invoice_refunded", "refund_created", "refund_succeeded", "refund_failed"):
        connect(getattr(signals, name), receiver)
    return heard
