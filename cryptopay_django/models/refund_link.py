"""Stores the links by which customers say where their coins are to go back, and what they said."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import CodeField
from .event import NAME_LENGTH
from .invoice import Invoice
from .locking import LockingManager


class RefundLink(models.Model):
    """A link for one answer of a customer. Nothing is sent because of it: staff see the address and decide.

    Its token is not stored, only a digest of it. Only services write this model.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="refund_links")
    token_digest = CodeField(max_length=64, editable=False, help_text=_("SHA-256 of the link's token."))
    actor = models.CharField(
        max_length=NAME_LENGTH, blank=True, help_text=_("Who made it; empty for the customer, on the payment page.")
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, help_text=_("When a newer link took its place."))
    used_at = models.DateTimeField(null=True, blank=True, help_text=_("When the customer named the address."))
    address = CodeField(max_length=256, blank=True, help_text=_("Without its tag."))
    destination_tag = models.CharField(max_length=64, blank=True)
    without_tag = models.BooleanField(default=False, help_text=_("The customer said that the address needs no tag."))
    network = models.CharField(max_length=32, blank=True)

    objects = LockingManager["RefundLink"]()

    class Meta:
        verbose_name = _("refund link")
        verbose_name_plural = _("refund links")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["token_digest"], name="cryptopay_refund_link_token")]

    def __str__(self) -> str:
        return f"refund link of invoice {self.invoice_id}"

    def is_open(self, now: datetime) -> bool:
        """Return whether it can still be answered."""
        return self.used_at is None and self.revoked_at is None and now < self.expires_at
