"""Configures the app. Its `cryptopay_handlers` are imported when Django starts."""

from django.apps import AppConfig
from django.core import checks

from ...exceptions import needs

with needs("salesman", install="django-salesman"):
    import salesman  # noqa: F401  for a plain message before anything else fails


class CryptopaySalesmanConfig(AppConfig):
    """Named apart from the apps of django-salesman."""

    name = "cryptopay_django.contrib.salesman"
    label = "cryptopay_salesman"
    verbose_name = "Cryptopay for django-salesman"

    def ready(self) -> None:
        from .checks import check_methods  # noqa: PLC0415  it imports the host

        checks.register(check_methods, "cryptopay")
