"""Connects the shop's receivers."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "benchmarks.site"
    label = "benchmark"

    def ready(self) -> None:
        from django.conf import settings

        from benchmarks.site import receivers
        from cryptopay_django.gateway import limiter

        receivers.connect()
        # The gateway's limit of 200 requests a minute would be all that is measured.
        key = settings.CRYPTOPAY_ACCOUNTS["default"]["API_KEY"]
        limiter._limiters[key] = limiter.RateLimiter(requests=1_000_000)
