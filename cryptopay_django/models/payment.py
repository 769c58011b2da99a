"""Stores an on-chain transaction that pays an invoice."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ..fields import AmountField, CodeField, StatusField
from .invoice import Invoice
from .locking import LockingManager
from .protected_columns import ProtectedModel, ProtectedQuerySet


class PaymentStatus(models.TextChoices):
    """The state of a transaction. The gateway does not report a transaction that disappears again."""

    DETECTED = "detected", _("detected")
    CONFIRMED = "confirmed", _("confirmed")


class PaymentManager(LockingManager["Payment"]):
    """Finds payments."""

    _queryset_class = ProtectedQuerySet


class Payment(ProtectedModel):
    """An on-chain transaction. Its amount is known only if it explains the whole increase of `paid_amount`.

    Only services write it. It has no shop columns, so `save()` of an existing row changes nothing.
    """

    shop_columns = frozenset()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments", db_index=False)
    txid = CodeField(max_length=256, help_text=_("The transaction's id on its network."))
    status = StatusField(default=PaymentStatus.DETECTED, choices=PaymentStatus.choices)
    amount = AmountField(null=True, blank=True, help_text=_("In the invoice's pay currency; empty when not known."))
    risk_score = AmountField(null=True, blank=True, help_text=_("The gateway's score; empty until scored."))
    risk_level = models.CharField(max_length=32, blank=True)
    risk_resource_name = models.CharField(max_length=255, blank=True)
    risk_resource_category = models.CharField(max_length=255, blank=True)
    source_addresses = models.JSONField(default=list, blank=True)
    detected_at = models.DateTimeField(help_text=_("When we first saw it."))
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text=_("When we first saw its confirmation."))

    objects = PaymentManager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [models.UniqueConstraint(fields=["invoice", "txid"], name="cryptopay_payment_txid")]
        indexes = [
            models.Index(fields=["txid"], name="cryptopay_payment_search"),
            models.Index(fields=["confirmed_at"], name="cryptopay_payment_confirmed"),
        ]

    def __str__(self) -> str:
        return f"{self.txid} ({self.get_status_display()})"

    @transition(field=status, source=PaymentStatus.DETECTED, target=PaymentStatus.CONFIRMED)
    def confirm(self, *, at: datetime) -> None:
        """The network confirmed the transaction."""
        self.confirmed_at = at
