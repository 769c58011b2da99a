"""Two durable handlers for every kind of event that write down their effect, and can each be told to break."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cryptopay_django import handlers
from cryptopay_django.models import InvoiceEvent, Subject
from cryptopay_django.services.events.outbox import SIGNALS

from .models import HandledEffect
from .receivers import BrokenShopError

broken: set[str] = set()
"""The names of those that break now."""


def keep_books(about: Subject, event: InvoiceEvent) -> None:
    """Write the effect, and only then break: what was written must be taken back."""
    _act("keep_books", event)


def ship(about: Subject, event: InvoiceEvent) -> None:
    """Do the same, by itself."""
    _act("ship", event)


HANDLERS = (keep_books, ship)


@contextmanager
def registered(*kinds: str) -> Iterator[None]:
    """Register both for these kinds, or for all."""
    for kind in kinds or SIGNALS:
        for handler in HANDLERS:
            handlers.register(kind, handler)
    try:
        yield
    finally:
        broken.clear()
        for handler in HANDLERS:
            handlers.unregister(handler)


def _act(name: str, event: InvoiceEvent) -> None:
    HandledEffect.objects.create(handler=name, event_uuid=event.uuid, kind=event.kind, invoice_id=event.subject)
    if name in broken:
        raise BrokenShopError


def done_by(name: str) -> list[str]:
    """Return the kinds of events that a handler has done something about, in order."""
    return list(HandledEffect.objects.filter(handler=name).order_by("pk").values_list("kind", flat=True))
