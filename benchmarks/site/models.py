"""What the roads write beside the app's own tables."""

from __future__ import annotations

from django.db import models


class RawBody(models.Model):
    """What the floor keeps of a request."""

    body = models.BinaryField()

    def __str__(self) -> str:
        return f"body {self.pk}"


class Effect(models.Model):
    """The row that each road's receiver writes."""

    kind = models.CharField(max_length=64)
    reference = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
