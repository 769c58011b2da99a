"""Finds which kinds of events have neither a receiver nor a durable handler in this process."""

from __future__ import annotations

import logging

from django.db.models import QuerySet

from ... import handlers
from ...conf import app_settings
from ...models import InvoiceEvent
from .outbox import SIGNALS, sender_of

logger = logging.getLogger("cryptopay_django")

_reported: set[str] = set()


def is_heard(kind: str) -> bool:
    """Tell whether a receiver or a handler is connected here to events of this kind."""
    return SIGNALS[kind].has_listeners(sender_of(kind)) or bool(handlers.paths_for(kind))


def unheard_kinds() -> frozenset[str]:
    """Return the kinds of CRYPTOPAY_REQUIRED_EVENTS that nothing here receives: they stay pending."""
    return frozenset(kind for kind in app_settings.REQUIRED_EVENTS if kind in SIGNALS and not is_heard(kind))


def unheard_events() -> QuerySet[InvoiceEvent]:
    """Return the events that stay pending because nothing here receives them."""
    return InvoiceEvent.objects.primary().filter(kind__in=unheard_kinds(), next_attempt_at__isnull=False)


def report_unheard(kind: str) -> None:
    """Log, once in a process, that events of this kind wait for a receiver."""
    if kind not in _reported:
        _reported.add(kind)
        logger.warning(
            "no receiver and no handler is connected to %s in this process: its events stay pending. Import the "
            "module of the receivers in AppConfig.ready(), or take the kind out of CRYPTOPAY_REQUIRED_EVENTS",
            kind,
        )
