"""The app of the shop."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Orders, and what is paid for them."""

    name = "shop"
    default_auto_field = "django.db.models.BigAutoField"
