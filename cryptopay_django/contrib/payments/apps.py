"""Configures the app. Its `cryptopay_handlers` are imported when Django starts."""

from django.apps import AppConfig
from django.core import checks

from ...exceptions import needs

with needs("payments", install="django-payments"):
    import payments  # noqa: F401  for a plain message before anything else fails


class CryptopayPaymentsConfig(AppConfig):
    """Named apart from django-payments, whose label is `payments`."""

    name = "cryptopay_django.contrib.payments"
    label = "cryptopay_payments"
    verbose_name = "Cryptopay for django-payments"

    def ready(self) -> None:
        from .checks import check_variants  # noqa: PLC0415  it imports the host

        checks.register(check_variants, "cryptopay")
