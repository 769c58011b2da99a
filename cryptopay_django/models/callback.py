"""Stores every callback that was answered 200: its raw bytes and its outcome."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import SparseIndex
from .channel_payment import ChannelPayment
from .invoice import Invoice
from .locking import LockingManager

if TYPE_CHECKING:
    from ..gateway.schemas import CallbackMessage

_NAMESPACE = uuid.UUID("0b7a4d56-6a0e-4f0b-9f6e-5d7d2b1c8a42")


class CallbackOutcome(models.TextChoices):
    """The outcome of a callback. `pending` and `orphan` can change; the others only if the same body arrives again.

    `applied`: merged into an invoice or a channel payment. A callback of a type that has no model here is `applied` if
    its event `callback_received` is written.
    """

    PENDING = "pending", _("pending")
    APPLIED = "applied", _("applied")
    STALE = "stale", _("stale")
    IGNORED = "ignored", _("ignored")
    ORPHAN = "orphan", _("orphan")
    UNREADABLE = "unreadable", _("unreadable")


class Callback(models.Model):
    """A signed callback as it arrived. A pending one is retried, from `next_attempt_at` on, until it is decided.

    If the gateway's data does not confirm a callback in ten attempts, the callback is `stale`.
    """

    account = models.CharField(max_length=32)
    body = models.BinaryField(help_text=_("The raw bytes that were signed."))
    digest = models.CharField(max_length=64, help_text=_("SHA-256 of the body, in hex."))
    secret_index = models.PositiveSmallIntegerField(
        help_text=_("Index of the secret in CALLBACK_SECRETS that matched; 0 is the newest.")
    )
    secret_mark = models.CharField(
        max_length=16,
        blank=True,
        editable=False,
        help_text=_("A fingerprint of this secret. It does not change when secrets are added."),
    )
    outcome = models.CharField(max_length=16, choices=CallbackOutcome.choices, default=CallbackOutcome.PENDING)
    error = models.TextField(blank=True, help_text=_("Why it is unreadable, stale or still pending."))
    notes = models.TextField(
        blank=True,
        default="",
        help_text=_("Invalid optional data that was ignored, one line each."),
    )
    event = models.CharField(max_length=64, blank=True, help_text=_("The gateway's type and event, once read."))
    invoice = models.ForeignKey(Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="callbacks")
    channel_payment = models.ForeignKey(
        ChannelPayment, null=True, blank=True, on_delete=models.PROTECT, related_name="callbacks", db_index=False
    )
    gateway_id = models.UUIDField(
        null=True, blank=True, help_text=_("The unknown invoice or channel that an orphan speaks of.")
    )
    attempts = models.PositiveIntegerField(default=0)
    received_at = models.DateTimeField()
    repeats = models.PositiveIntegerField(
        default=0, help_text=_("How often the same body arrived again without changes.")
    )
    last_received_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it last arrived again; empty if it arrived once.")
    )
    taken_version = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("The version of the row that it was taken into, for which it has no more news."),
    )
    processed_at = models.DateTimeField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When a pending callback is due; empty once it is processed."),
    )

    is_counted_only = False
    """Not a column. True if only a repeat of a stored body was counted: the caller does not process the callback."""

    objects = LockingManager["Callback"]()

    class Meta:
        verbose_name = _("callback")
        verbose_name_plural = _("callbacks")
        indexes = [
            models.Index(fields=["outcome", "received_at"], name="cryptopay_callback_outcome"),
            SparseIndex(
                fields=["next_attempt_at", "id"],
                where=models.Q(next_attempt_at__isnull=False),
                name="cryptopay_callback_due",
            ),
            models.Index(fields=["digest"], name="cryptopay_callback_digest"),
            models.Index(fields=["account", "secret_mark", "received_at"], name="cryptopay_callback_secret"),
            SparseIndex(
                fields=["channel_payment"],
                where=models.Q(channel_payment__isnull=False),
                name="cryptopay_callback_channel",
            ),
            SparseIndex(
                fields=["gateway_id"], where=models.Q(gateway_id__isnull=False), name="cryptopay_callback_gateway_id"
            ),
            # For the list of another account, which may have been quiet for long.
            SparseIndex(
                fields=["account", "id"],
                where=~models.Q(account="default"),
                name="cryptopay_callback_account",
                partial_only=True,
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk} {self.event} ({self.get_outcome_display()})".replace("  ", " ")

    def refresh_from_db(self, using: str | None = None, *args: Any, **kwargs: Any) -> None:
        """Reload, also a deferred body, from the database that the row came from: a replica may not have it yet."""
        super().refresh_from_db(using or self._state.db, *args, **kwargs)

    @property
    def subject(self) -> uuid.UUID:
        """The subject of its event `callback_received`: the same for each row that has these bytes."""
        return uuid.uuid5(_NAMESPACE, f"{self.account} {self.digest}")

    @property
    def message(self) -> CallbackMessage:
        """What it says, read anew from its bytes; raises WireError where these cannot be read."""
        from ..gateway.schemas import parse_callback  # noqa: PLC0415  a model is defined without the wire

        return parse_callback(bytes(self.body))
