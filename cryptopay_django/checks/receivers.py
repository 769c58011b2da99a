"""Checks that each event that a shop must not miss has a receiver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from ..services.events.unheard import unheard_kinds


@register("cryptopay")
def check_receivers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W030 for a required event to which neither a receiver nor a handler is connected."""
    try:
        kinds = sorted(unheard_kinds())
    except ImproperlyConfigured:
        return []  # E002 says so
    return [
        CheckWarning(
            f"neither a receiver nor a handler is connected to {kind}: its events stay pending, and no order is paid",
            hint="Put the receivers into a module cryptopay_handlers of an installed app, or import theirs in "
            "AppConfig.ready(); a shop that does not want the event takes it out of CRYPTOPAY_REQUIRED_EVENTS.",
            id="cryptopay.W030",
        )
        for kind in kinds
    ]
