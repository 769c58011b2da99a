"""Checks that each required event has a receiver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from ..services.events.unheard import unheard_kinds


def check_receivers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return W030 for a required event without a receiver and without a handler."""
    try:
        kinds = sorted(unheard_kinds())
    except ImproperlyConfigured:
        return []  # E002 says so
    return [
        CheckWarning(
            f"no receiver and no handler is connected to {kind}: its events stay pending, and no order is paid",
            hint="Put the receivers into a module cryptopay_handlers of an installed app, or import theirs in "
            "AppConfig.ready(); if the shop does not need the event, remove it from CRYPTOPAY_REQUIRED_EVENTS.",
            id="cryptopay.W030",
        )
        for kind in kinds
    ]
