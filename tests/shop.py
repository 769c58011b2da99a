"""The example shop in the suite: without its warehouse, so that events have no call of a handler but a test's own."""

from __future__ import annotations

from importlib import import_module

from cryptopay_django import handlers
from example_project.shop.apps import ShopConfig


class ShopWithoutWarehouse(ShopConfig):
    """Forgets the handler that ships. The tests of the example register it again."""

    def ready(self) -> None:
        """Connect the receivers only."""
        super().ready()
        handlers.unregister(import_module("example_project.shop.cryptopay_handlers").ship_order)
