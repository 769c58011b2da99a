"""The payment model that django-payments asks for, and what the shop does when a payment is confirmed."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db import models
from django.dispatch import receiver
from django.urls import reverse
from payments import PaymentStatus, PurchasedItem
from payments.models import BasePayment
from payments.signals import status_changed


class Payment(BasePayment):
    def get_failure_url(self) -> str:
        return reverse("order", args=[self.pk, "failure"])

    def get_success_url(self) -> str:
        return reverse("order", args=[self.pk, "success"])

    def get_purchased_items(self) -> Iterator[PurchasedItem]:
        yield PurchasedItem(name="Mug", sku="MUG", quantity=1, price=Decimal(self.total), currency=self.currency)


class Shipment(models.Model):
    """A parcel that was sent. Nothing keeps it from being sent twice: that is for the adapter."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="shipments")


@receiver(status_changed)
def ship(sender: type[Payment], instance: Payment, **kwargs: Any) -> None:
    if instance.status == PaymentStatus.CONFIRMED:
        Shipment.objects.create(payment=instance)
