"""Tables beside the orders of a shop whose database is another one than that of the app."""

from __future__ import annotations

from django.db import models


class SeenEvent(models.Model):
    """An event whose effect is committed."""

    uuid = models.UUIDField(primary_key=True)

    def __str__(self) -> str:
        return str(self.uuid)


class Credit(models.Model):
    """An effect. No constraint: a second one must be seen."""

    event_uuid = models.UUIDField()

    def __str__(self) -> str:
        return str(self.event_uuid)
