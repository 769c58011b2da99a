"""A clock, a gateway and a shop whose books have begun."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from cryptopay_django.models import Schedule
from cryptopay_django.services import begin_books
from cryptopay_django.testing.inprocess import InProcessSandbox
from tests.services.desk import Wire

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Shop:
    """The gateway and the clock of a test, which go together."""

    def __init__(self, wire: Wire, clock: Any) -> None:
        self.wire, self.sandbox, self.clock = wire, wire.sandbox, clock
        wire.after_each("GET /api/.*", lambda: Schedule.objects.filter(name__icontains="ledger").delete())

    def until(self, *moment: int, deliver: bool = True) -> None:
        """Let it be this moment, in UTC; callbacks are delivered then."""
        delta = datetime(*moment, tzinfo=UTC) - timezone.now()  # type: ignore[arg-type,misc]
        self.sandbox.advance(seconds=delta.total_seconds())
        self.clock.move_to(self.sandbox.now)
        if deliver:
            self.sandbox.deliver()


@pytest.fixture
def shop(transactional_db: Any, settings: Any) -> Iterator[Shop]:
    """A shop on New Year's Day, with 1000 EUR and 0.5 BTC at the gateway, whose books begin that day."""
    with time_machine.travel(BEGIN - timedelta(days=1), tick=False) as clock:
        wire = Wire(InProcessSandbox())
        settings.CRYPTOPAY_HTTP_ADAPTER = wire.adapter_for
        settings.TIME_ZONE = "UTC"
        shop = Shop(wire, clock)
        shop.sandbox.deposit("EUR", "1000")
        shop.sandbox.deposit("BTC", "0.5")
        shop.until(2026, 1, 1, 0, 1)
        begin_books("default", at=BEGIN)
        yield shop
