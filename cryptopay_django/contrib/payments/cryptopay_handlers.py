"""Books every event that can change what a payment of django-payments is worth."""

from .books import payments

payments.follow()
