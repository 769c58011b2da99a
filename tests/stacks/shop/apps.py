"""The shop's app: its receivers hear of payments in every process."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class StackShopConfig(AppConfig):
    """Connects the receivers."""

    name = "tests.stacks.shop"
    label = "stackshop"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import the receivers."""
        import_module("tests.stacks.shop.receivers")
