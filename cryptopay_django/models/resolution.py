"""Stores a money operation on an invoice. The row is committed before the request is sent."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ..fields import SparseIndex, StatusField, StatusModel
from .event import NAME_LENGTH
from .invoice import Invoice
from .locking import LockingManager


class ResolutionKind(models.TextChoices):
    """The requested operation."""

    SETTLE = "settle", _("settle")
    REFUND = "refund", _("refund")


class ResolutionStatus(models.TextChoices):
    """The state of a resolution. `unknown` means no readable answer: only the gateway's data shows the result."""

    PLANNED = "planned", _("planned")
    SENT = "sent", _("sent")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown")


def awaiting_approval() -> models.Q:
    """Return the filter for resolutions that a second person must confirm before they are sent."""
    return models.Q(active=True, status=ResolutionStatus.PLANNED, needs_approval=True, approver="")


class Resolution(StatusModel):
    """A settlement or a refund. A database constraint allows only one active resolution for an invoice."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="resolutions", db_index=False)
    kind = models.CharField(max_length=16, choices=ResolutionKind.choices)
    status = StatusField(default=ResolutionStatus.PLANNED, choices=ResolutionStatus.choices)
    active = models.BooleanField(
        null=True,
        default=True,
        editable=False,
        help_text=_("Empty once it has ended, so that an invoice can have several ended ones."),
    )
    actor = models.CharField(max_length=NAME_LENGTH)
    actor_user_id = models.CharField(
        max_length=NAME_LENGTH,
        blank=True,
        editable=False,
        help_text=_("The primary key of the user; empty if only a name was given."),
    )
    reason = models.TextField()
    needs_approval = models.BooleanField(default=False, help_text=_("Whether a second person must confirm it."))
    approver = models.CharField(max_length=NAME_LENGTH, blank=True, help_text=_("The second person; never the first."))
    approver_user_id = models.CharField(
        max_length=NAME_LENGTH,
        blank=True,
        editable=False,
        help_text=_("The primary key of the user; empty if only a name was given."),
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    parameters = models.JSONField(
        default=dict, blank=True, help_text=_("The request, with the amounts that the person saw.")
    )
    known_refund_ids = models.JSONField(
        default=list,
        blank=True,
        help_text=_("The gateway's refunds that existed before. Later ones may be ours."),
    )
    result = models.JSONField(
        default=dict, blank=True, help_text=_("The gateway's answer, or the result that was found later.")
    )
    error = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text=_("How often the app has tried to read the result."))
    next_attempt_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When the app reads the result next; empty if this is not needed."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = LockingManager["Resolution"]()

    class Meta:
        verbose_name = _("resolution")
        verbose_name_plural = _("resolutions")
        constraints = [
            models.UniqueConstraint(fields=["invoice", "active"], name="cryptopay_resolution_one_active"),
            models.CheckConstraint(
                condition=models.Q(active=True) | models.Q(active__isnull=True),
                name="cryptopay_resolution_active",
            ),
        ]
        indexes = [
            SparseIndex(fields=["active", "status"], where=models.Q(active=True), name="cryptopay_resolution_open"),
            SparseIndex(
                fields=["next_attempt_at", "id"],
                where=models.Q(next_attempt_at__isnull=False),
                name="cryptopay_resolution_due",
            ),
            models.Index(fields=["created_at"], name="cryptopay_resolution_created"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.invoice_id} ({self.get_status_display()})"

    @property
    def awaits_approval(self) -> bool:
        """Return whether a second person must confirm it before it is sent."""
        return self.status == ResolutionStatus.PLANNED and self.needs_approval and not self.approver

    @property
    def returns_money(self) -> bool:
        """Return whether it requests the gateway's refund: of everything, or of the overage after a settlement.

        False for the refund of a completed invoice: that is a withdrawal (`services/resolution/refund_quote.py`).
        """
        return bool(self.parameters.get("call") == "create_refund")

    @property
    def is_followed_after_end(self) -> bool:
        """Return whether a person ended it without proof.

        The gateway may still carry it out, so the app keeps reading.
        """
        return self.status == ResolutionStatus.FAILED and self.next_attempt_at is not None

    def approve(self, approver: str, *, user_id: str = "", at: datetime) -> None:
        """A second person confirmed it. It stays planned until it is sent."""
        self.approver = approver
        self.approver_user_id = user_id
        self.approved_at = at

    @transition(field=status, source=ResolutionStatus.PLANNED, target=ResolutionStatus.SENT)
    def send(self, *, at: datetime) -> None:
        """It is about to be sent. This is committed before the request."""
        self.sent_at = at

    @transition(
        field=status,
        source=[ResolutionStatus.SENT, ResolutionStatus.UNKNOWN],
        target=ResolutionStatus.SUCCEEDED,
    )
    def succeed(self, *, at: datetime) -> None:
        """The gateway carried it out."""
        self._end(at)

    @transition(
        field=status,
        source=[ResolutionStatus.PLANNED, ResolutionStatus.SENT, ResolutionStatus.UNKNOWN],
        target=ResolutionStatus.FAILED,
    )
    def fail(self, *, error: str, at: datetime) -> None:
        """The gateway did not carry it out, or it was never sent.

        Or a person ended it because the gateway shows nothing.
        """
        self.error = error
        self._end(at)

    @transition(field=status, source=ResolutionStatus.FAILED, target=ResolutionStatus.UNKNOWN)
    def resume(self) -> None:
        """The gateway shows it after a person ended it. It is active again until its result is known."""
        self.active = True
        self.finished_at = None

    @transition(field=status, source=ResolutionStatus.SENT, target=ResolutionStatus.UNKNOWN)
    def lose_track(self, *, error: str) -> None:
        """There was no readable answer, so it may or may not have happened.

        It stays active, so no other one can start.
        """
        self.error = error

    def _end(self, at: datetime) -> None:
        self.active = None
        self.next_attempt_at = None
        self.finished_at = at


class Approval(Resolution):
    """A resolution that waits for a second person: an entry of its own in the admin. It has no table."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = _("decision that waits for a second person")
        verbose_name_plural = _("waiting for a second person")
