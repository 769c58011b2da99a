"""Configures the app. Its `cryptopay_handlers` are imported when Django starts."""

from django.apps import AppConfig


class CryptopayPaymentsConfig(AppConfig):
    """Named apart from django-payments, whose label is `payments`."""

    name = "cryptopay_django.contrib.payments"
    label = "cryptopay_payments"
    verbose_name = "Cryptopay for django-payments"
