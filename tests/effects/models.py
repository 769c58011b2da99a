"""One row for each effect that was committed. No constraint: a second one must be seen, not refused."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    """What is paid for. Its key may be used again, after the tables were emptied; what it really is, may not."""

    key = models.PositiveIntegerField(primary_key=True)
    real = models.UUIDField()

    class Meta:
        app_label = "effects"

    def __str__(self) -> str:
        return f"{self.key} {self.real}"


class Effect(models.Model):
    """What a receiver has done about one event; for which order, for which of the gateway's invoices, if it looked."""

    event_uuid = models.UUIDField()
    kind = models.CharField(max_length=32)
    invoice_id = models.UUIDField()
    gateway_id = models.UUIDField(null=True)
    real_order = models.UUIDField(null=True)
    was_true = models.BooleanField(default=True)

    class Meta:
        app_label = "effects"

    def __str__(self) -> str:
        return f"{self.kind} {self.event_uuid}"


class HandledEffect(models.Model):
    """What a durable handler has done about one event."""

    handler = models.CharField(max_length=32)
    event_uuid = models.UUIDField()
    kind = models.CharField(max_length=32)
    invoice_id = models.UUIDField()

    class Meta:
        app_label = "effects"

    def __str__(self) -> str:
        return f"{self.handler} {self.kind} {self.event_uuid}"
