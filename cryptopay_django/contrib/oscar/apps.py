"""Configures the adapter as a Django app: its templates, tags and receivers. It has no models."""

from django.apps import AppConfig
from django.core import checks


class CryptopayOscarConfig(AppConfig):
    """Connects Cryptopay and django-oscar."""

    name = "cryptopay_django.contrib.oscar"
    label = "cryptopay_oscar"
    verbose_name = "Cryptopay for django-oscar"

    def ready(self) -> None:
        from .statuses import check_statuses  # noqa: PLC0415  it imports oscar's models

        checks.register(check_statuses, "cryptopay")
