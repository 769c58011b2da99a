"""What the shop sells, and what it sends when salesman says that an order is to be processed."""

from decimal import Decimal
from typing import Any

from django.db import models
from django.dispatch import receiver
from django.http import HttpRequest
from salesman.core.utils import get_salesman_model
from salesman.orders.signals import status_changed


class Product(models.Model):
    name = models.CharField(max_length=50)
    price = models.DecimalField(max_digits=9, decimal_places=2)

    def __str__(self) -> str:
        return self.name

    @property
    def code(self) -> str:
        return f"product-{self.pk}"

    def get_price(self, request: HttpRequest) -> Decimal:
        return self.price


class Shipment(models.Model):
    """A parcel that was sent. Nothing keeps it from being sent twice: that is for the adapter."""

    order_ref = models.CharField(max_length=128)


@receiver(status_changed)
def ship(sender: type[models.Model], order: Any, new_status: str, **kwargs: Any) -> None:
    if isinstance(order, get_salesman_model("Order")) and new_status == order.Status.PROCESSING:
        Shipment.objects.create(order_ref=order.ref)
