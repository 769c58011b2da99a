"""The inbox: every callback that was answered 200, byte for byte, and what became of it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .invoice import Invoice
from .locking import LockingManager


class CallbackOutcome(models.TextChoices):
    """The outcome of a callback. All but `pending` and `orphan` are final."""

    PENDING = "pending", _("pending")
    APPLIED = "applied", _("applied")
    STALE = "stale", _("stale")
    IGNORED = "ignored", _("ignored")
    ORPHAN = "orphan", _("orphan")
    UNREADABLE = "unreadable", _("unreadable")


class Callback(models.Model):
    """One signed callback as it arrived. Pending ones are retried for ever, from `next_attempt_at` on."""

    account = models.CharField(max_length=32)
    body = models.BinaryField(help_text=_("The raw bytes that were signed."))
    digest = models.CharField(max_length=64, help_text=_("SHA-256 of the body, in hex."))
    secret_index = models.PositiveSmallIntegerField(
        help_text=_("Which of the account's CALLBACK_SECRETS matched; 0 is the newest.")
    )
    secret_mark = models.CharField(
        max_length=16,
        blank=True,
        editable=False,
        help_text=_("A name of that secret which stays the same when others are put before it."),
    )
    outcome = models.CharField(max_length=16, choices=CallbackOutcome.choices, default=CallbackOutcome.PENDING)
    error = models.TextField(blank=True, help_text=_("Why it is unreadable, stale or still pending."))
    notes = models.TextField(
        blank=True,
        default="",
        help_text=_("What was odd in it and left out, a line each. It was taken in without that."),
    )
    event = models.CharField(max_length=64, blank=True, help_text=_("The gateway's type and event, once read."))
    invoice = models.ForeignKey(Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="callbacks")
    gateway_id = models.UUIDField(
        null=True, blank=True, db_index=True, help_text=_("The unknown invoice that an orphan speaks of.")
    )
    attempts = models.PositiveIntegerField(default=0)
    received_at = models.DateTimeField()
    repeats = models.PositiveIntegerField(
        default=0, help_text=_("How often the same body was received again without anything new.")
    )
    last_received_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it was last received again; empty when it was received once.")
    )
    invoice_version = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("The version of the invoice that it was taken into, for which it has no more news."),
    )
    processed_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(
        null=True,
        blank=True,
        db_index=True,
        help_text=_("When a pending callback is due; empty when it is done."),
    )

    is_counted_only = False
    """On an object: its body was here already, and it is not for the caller to process."""

    objects = LockingManager["Callback"]()

    class Meta:
        verbose_name = _("callback")
        verbose_name_plural = _("callbacks")
        indexes = [
            models.Index(fields=["outcome", "received_at"], name="cryptopay_callback_outcome"),
            models.Index(fields=["digest"], name="cryptopay_callback_digest"),
            models.Index(fields=["account", "secret_mark", "received_at"], name="cryptopay_callback_secret"),
        ]

    def __str__(self) -> str:
        return f"callback {self.pk} {self.event} ({self.outcome})".replace("  ", " ")
