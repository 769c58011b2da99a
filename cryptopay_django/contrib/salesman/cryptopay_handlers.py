"""Books every event that can change what is on record for an order of django-salesman."""

from .books import orders

orders.follow()
