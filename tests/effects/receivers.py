"""A receiver for every signal that writes down its effect, and can be told to break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptopay_django.models import InvoiceEvent
from cryptopay_django.services.events.outbox import SIGNALS

from .models import Effect


class BrokenShopError(RuntimeError):
    """The shop is on fire."""


class Shop:
    """Connects itself to every signal while it is open."""

    def __init__(self) -> None:
        self.is_broken = False

    def receive(self, event: InvoiceEvent, **_: Any) -> None:
        """Write the effect, and only then break: what was written must be taken back."""
        seen = self.look_at(event)
        Effect.objects.create(event_uuid=event.uuid, kind=event.kind, invoice_id=event.subject, **seen)
        if self.is_broken:
            raise BrokenShopError

    def look_at(self, event: InvoiceEvent) -> dict[str, Any]:
        """Return what else is written of an effect: nothing here."""
        return {}

    @contextmanager
    def open(self) -> Iterator[Shop]:
        """Receive signals."""
        for signal in SIGNALS.values():
            signal.connect(self.receive, weak=False)
        try:
            yield self
        finally:
            for signal in SIGNALS.values():
                signal.disconnect(self.receive)
