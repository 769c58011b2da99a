"""The history of invoices."""

from simple_history import register

from cryptopay_django.models import Invoice

register(Invoice, app=__package__)
