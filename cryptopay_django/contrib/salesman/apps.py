"""Configures the app. Its `cryptopay_handlers` are imported when Django starts."""

from django.apps import AppConfig


class CryptopaySalesmanConfig(AppConfig):
    """Named apart from the apps of django-salesman."""

    name = "cryptopay_django.contrib.salesman"
    label = "cryptopay_salesman"
    verbose_name = "Cryptopay for django-salesman"
