"""One row for each effect that was committed. No constraint: a second one must be seen, not refused."""

from __future__ import annotations

from django.db import models


class Effect(models.Model):
    """What a receiver has done about one event."""

    event_uuid = models.UUIDField()
    kind = models.CharField(max_length=32)
    invoice_id = models.UUIDField()

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
