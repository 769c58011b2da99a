"""Stores when the next notice of each kind may be sent. Its content is in the due events."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .locking import LockingManager


class NoticeKind(models.TextChoices):
    """The kinds of notices to teams, as in CRYPTOPAY_NOTICE_RECIPIENTS."""

    UNRESOLVED = "unresolved", _("unresolved")
    HELD = "held", _("held as high-risk")
    QUARANTINED = "quarantined", _("quarantined")
    HIGH_RISK = "high_risk", _("high risk")
    UNDELIVERED = "undelivered", _("delivery to the shop fails")
    APPROVAL = "approval", _("waits for a second person")
    UNKNOWN_RESOLUTION = "unknown_resolution", _("resolution undecided, or not as asked")


class NoticeSchedule(models.Model):
    """One row for each kind. The process that changes `next_attempt_at` sends the notice."""

    kind = models.CharField(primary_key=True, max_length=32, choices=NoticeKind.choices)
    next_attempt_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0, help_text=_("Failures since the last notice that was sent."))
    last_error = models.TextField(blank=True)

    objects = LockingManager["NoticeSchedule"]()

    class Meta:
        verbose_name = _("notice schedule")
        verbose_name_plural = _("notice schedules")

    def __str__(self) -> str:
        return f"notices of kind {self.kind}"
