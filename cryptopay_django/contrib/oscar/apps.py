"""Configures the adapter as a Django app: its templates, tags and receivers. It has no models."""

from django.apps import AppConfig
from django.core import checks

from ...exceptions import needs

with needs("oscar", install="django-oscar"):
    import oscar  # noqa: F401  for a plain message before anything else fails


class CryptopayOscarConfig(AppConfig):
    """Connects Cryptopay and django-oscar."""

    name = "cryptopay_django.contrib.oscar"
    label = "cryptopay_oscar"
    verbose_name = "Cryptopay for django-oscar"

    def ready(self) -> None:
        from .checks import check_pages, check_statuses  # noqa: PLC0415  it imports oscar's models

        for check in (check_pages, check_statuses):
            checks.register(check, "cryptopay")
