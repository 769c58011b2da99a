"""Limits how often each client may ask. Each rate has a default here; a host sets its own in
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"].
"""

from __future__ import annotations

import logging
from typing import Any

from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

logger = logging.getLogger("cryptopay_django")


class RatedThrottle(SimpleRateThrottle):
    """Counts by user, or by network address without a user. The rate `None` turns it off."""

    default_rate: str

    def get_rate(self) -> str | None:
        rates: Any = api_settings.DEFAULT_THROTTLE_RATES or {}
        rate: str | None = rates.get(self.scope, self.default_rate)
        return rate

    def allow_request(self, request: Request, view: Any) -> bool:
        """Allow the request while the cache is down. `services/rate_limit_by_use.py` still limits what it calls."""
        try:
            return bool(super().allow_request(request, view))
        except Exception:
            # Each backend raises its own exceptions if its server is down.
            logger.warning("the cache is not available, so requests are not counted", exc_info=True)
            return True

    def get_cache_key(self, request: Request, view: Any) -> str:
        user = request.user
        who = f"user-{user.pk}" if user and user.is_authenticated else self.get_ident(request)
        return self.cache_format % {"scope": self.scope, "ident": who}


class PublicThrottle(RatedThrottle):
    """Limits reads by customers: coins, and the progress of a payment."""

    scope = "cryptopay_public"
    default_rate = "120/min"


class CreationThrottle(RatedThrottle):
    """Limits the creation of invoices by customers. Each is a call to the gateway, which accepts 200 a minute."""

    scope = "cryptopay_create"
    default_rate = "10/min"


class DeskThrottle(RatedThrottle):
    """Limits reads by staff or their tools."""

    scope = "cryptopay_desk"
    default_rate = "300/min"


class MoneyThrottle(RatedThrottle):
    """Limits quotes, settlements, refunds and releases by staff."""

    scope = "cryptopay_money"
    default_rate = "30/min"
