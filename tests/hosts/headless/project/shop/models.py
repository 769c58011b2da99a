"""Orders and parcels. What is sold stands in `PRICES`."""

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.utils.crypto import get_random_string

PRICES = {"mug": Decimal("16.50"), "teapot": Decimal("48.00")}
"""In EUR."""


def new_reference() -> str:
    """Return a name that people can read out and nobody can guess."""
    return get_random_string(8, "23456789ABCDEFGHJKMNPQRSTUVWXYZ")


class Order(models.Model):
    """Something a customer buys. `cryptopay_handlers` alone changes status and amounts once it is placed."""

    class Status(models.TextChoices):
        OPEN = "open"
        ATTENTION = "attention"
        PAID = "paid"
        CANCELLED = "cancelled"

    reference = models.CharField(max_length=8, unique=True, default=new_reference, editable=False)
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders")
    product = models.CharField(max_length=20, choices=[(name, name) for name in PRICES])
    quantity = models.PositiveSmallIntegerField(default=1)
    amount = models.DecimalField("amount in EUR", max_digits=10, decimal_places=2)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    paid_amount = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    refunded_amount = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"order {self.reference}"


class Parcel(models.Model):
    """What the warehouse is to send."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="parcels")

    def __str__(self) -> str:
        return f"parcel of {self.order}"
