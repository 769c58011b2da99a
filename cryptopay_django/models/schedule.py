"""Schedules periodic work, and keeps its last result. Several processes could do it, and one does.

Two kinds: regular work (`services/reconciliation/schedule.py`), and calls that are allowed so often
(`services/call_budget.py`).
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .locking import LockingManager

RECONCILIATION = "reconciliation"


class Schedule(models.Model):
    """One row a piece of work. The process that moves `due_at` on has the turn."""

    name = models.CharField(primary_key=True, max_length=64)
    due_at = models.DateTimeField(help_text=_("When it is anybody's turn again."))
    begun_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text=_("When the last turn ended."))
    found = models.TextField(blank=True, help_text=_("The result of the last turn, in a line."))

    objects = LockingManager["Schedule"]()

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")

    def __str__(self) -> str:
        return f"{self.name}, due at {self.due_at:%Y-%m-%d %H:%M:%S}"
