"""Stores the rate limit that all processes share: one row for each call that an API key has in a minute.

Taken by `services/shared_rate_limit.py`.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .locking import LockingManager


class RateLimitSlotManager(LockingManager["RateLimitSlot"]):
    """Finds and locks the slots."""


class RateLimitSlot(models.Model):
    """A slot: the place of one call. It is free again a minute after the call has certainly arrived at the gateway.

    It is taken by compare-and-swap on `free_at`, by the clock of the database. See `services/shared_rate_limit.py`.
    """

    key = models.CharField(max_length=32, help_text=_("A fingerprint of the API key."))
    number = models.PositiveSmallIntegerField()
    free_at = models.DateTimeField()
    purpose = models.CharField(max_length=16, blank=True, help_text=_("The reason for the last call in this place."))

    objects = RateLimitSlotManager()

    class Meta:
        db_table = "cryptopay_django_callplace"
        verbose_name = _("place for a call")
        verbose_name_plural = _("places for calls")
        constraints = [models.UniqueConstraint(fields=["key", "number"], name="cryptopay_call_place")]

    def __str__(self) -> str:
        return f"place {self.number} of {self.key}, free at {self.free_at:%Y-%m-%d %H:%M:%S}"
