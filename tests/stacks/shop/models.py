"""Orders, and one row for each time that one was credited. No constraint: a second one must be seen, not refused."""

from __future__ import annotations

import uuid

from django.db import models


class Order(models.Model):
    """What is paid for."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    status = models.CharField(max_length=32, default="open")

    def __str__(self) -> str:
        return f"{self.key} {self.status}"


class Credit(models.Model):
    """What was given for a payment, with the event that said so."""

    order_key = models.UUIDField()
    event_uuid = models.UUIDField()

    def __str__(self) -> str:
        return f"{self.order_key} {self.event_uuid}"


class SeenEvent(models.Model):
    """An event that was fulfilled, beside the orders: what a shop with two databases needs."""

    uuid = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.uuid)
