"""Connects the shop's receivers."""

from __future__ import annotations

import os

from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "benchmarks.site"
    label = "benchmark"

    def ready(self) -> None:
        from benchmarks.site import receivers
        from cryptopay_django.conf import limit_with
        from cryptopay_django.gateway.rate_limit import RateLimiter

        receivers.connect()
        if os.environ.get("BENCH_LIMITED") != "1":
            # The gateway's limit of 200 requests a minute would be all that is measured.
            unlimited = RateLimiter(requests=1_000_000)
            limit_with(lambda api_key, spare: unlimited)
