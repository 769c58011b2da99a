"""The site's own app: in every process of it the shop listens."""

from __future__ import annotations

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """Connects the shop of `tests.effects` for as long as the process lives."""

    name = "tests.servers"

    def ready(self) -> None:
        from tests.effects.receivers import Shop  # noqa: PLC0415  models are not ready before

        self.shop = Shop().open()
        self.shop.__enter__()
