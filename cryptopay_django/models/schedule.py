"""Stores when periodic work is due, and the result of its last run. Of several processes, only one does the work.

The rows are used for regular work (`services/reconciliation/schedule.py`), for lists that are read in parts
(`services/reconciliation/channel_ledger.py`), and for rate limits (`services/rate_limit_by_use.py`).
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .locking import LockingManager

RECONCILIATION = "reconciliation"
CHANNEL_RECONCILIATION = "channel reconciliation"
CHANNEL_LEDGER = "channel ledger"

BROKE_OFF = "it broke off"
"""What `found` says of work that raised."""


class Schedule(models.Model):
    """One row for each kind of work. The process that changes `due_at` does the work."""

    name = models.CharField(primary_key=True, max_length=64)
    due_at = models.DateTimeField(help_text=_("When the work is due again."))
    begun_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text=_("When the last run ended."))
    # `read_until` and `cursor` are only for lists that are read in parts, one part in each run.
    read_until = models.DateTimeField(
        null=True, blank=True, help_text=_("Of a list that is read by and by: all that is older was read.")
    )
    cursor = models.CharField(
        max_length=64,
        blank=True,
        help_text=_("Of such a list: the last item of the page where the next turn goes on."),
    )
    found = models.TextField(blank=True, help_text=_("The result of the last run, in one line."))

    objects = LockingManager["Schedule"]()

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")

    def __str__(self) -> str:
        return f"{self.name}, due at {self.due_at:%Y-%m-%d %H:%M:%S}"
