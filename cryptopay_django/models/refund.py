"""Stores a refund of an invoice as the gateway lists it, no matter who started it."""

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
from .resolution import Resolution


class RefundStatus(models.TextChoices):
    """The state of a refund. The gateway reports none, so we derive it from the gateway's data.

    One that is on hold, or that the gateway calls failed, can still be sent: it is pending until its end is known.
    """

    PENDING = "pending", _("pending")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")


class RefundCause(models.TextChoices):
    """The party that started a refund, as far as the gateway's data shows it."""

    PERSON = "person", _("a person here")
    ACCOUNT = "account", _("the account at the gateway")
    EMAIL = "email", _("the customer, by e-mail")
    MONITORING = "monitoring", _("the monitoring team")
    UNKNOWN = "unknown", _("unknown")


class RefundManager(LockingManager["Refund"]):
    """Finds refunds."""

    _queryset_class = ProtectedQuerySet


class Refund(ProtectedModel):
    """Coins that are sent back to the customer or to the merchant's own coin account.

    Only services write it. It has no shop columns, so `save()` of an existing row changes nothing.
    """

    shop_columns = frozenset()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="refunds")
    gateway_id = models.UUIDField(help_text=_("The gateway's id of the refund, or of the withdrawal that is one."))
    withdrawal_status = models.CharField(
        max_length=32,
        blank=True,
        help_text=_("The gateway's status of the withdrawal that returns a completed payment; else empty."),
    )
    custom_id = CodeField(max_length=128, blank=True)
    status = StatusField(default=RefundStatus.PENDING, choices=RefundStatus.choices)
    cause = models.CharField(max_length=16, choices=RefundCause.choices, default=RefundCause.UNKNOWN)
    resolution = models.ForeignKey(
        Resolution,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="refunds",
        help_text=_("The resolution that requested it; empty if no one here did."),
    )

    amount = AmountField(help_text=_("In the coin, before the fees that are taken out of it."))
    currency = models.CharField(max_length=32)
    value_amount = AmountField(
        null=True,
        blank=True,
        help_text=_("What it returns of the price, at the rate of the order; empty if not known."),
    )
    present_value_amount = AmountField(
        null=True,
        blank=True,
        help_text=_("What the returned coins were worth in the price currency when they were sent back, if known."),
    )
    received_amount = AmountField(null=True, blank=True, help_text=_("The coins that arrive, if known."))
    network_fee_amount = AmountField(null=True, blank=True, help_text=_("The network's fee, in the coin."))
    charged_amount = AmountField(
        null=True, blank=True, help_text=_("What a withdrawal takes from the account, in the charged currency.")
    )
    charged_currency = models.CharField(max_length=32, blank=True)
    fee_amount = AmountField(null=True, blank=True, help_text=_("The gateway's fee, in the fee currency."))
    fee_currency = models.CharField(max_length=32, blank=True)

    address = CodeField(max_length=256, blank=True, help_text=_("Empty for the merchant's own coin account."))
    destination_tag = models.CharField(max_length=64, blank=True)
    network = models.CharField(max_length=32, blank=True)
    txid = CodeField(max_length=256, blank=True, help_text=_("The transaction's id on its network, once it is sent."))

    gateway_created_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it was created, by the gateway's clock.")
    )
    created_at = models.DateTimeField(help_text=_("When we first saw it."))
    updated_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True, blank=True, help_text=_("When we first saw its success."))
    failed_at = models.DateTimeField(null=True, blank=True, help_text=_("When we first saw its failure."))

    objects = RefundManager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            # The id is first, so that a lookup by it uses the same index.
            models.UniqueConstraint(fields=["gateway_id", "invoice"], name="cryptopay_refund_gateway_id")
        ]
        indexes = [
            models.Index(fields=["created_at"], name="cryptopay_refund_created"),
            models.Index(fields=["status", "created_at"], name="cryptopay_refund_status"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency} ({self.get_status_display()})"

    @property
    def is_withdrawal(self) -> bool:
        """Return whether it is a withdrawal that returns a completed payment."""
        return bool(self.withdrawal_status)

    @property
    def actor(self) -> str:
        """The member of staff who requested it; empty if none did."""
        return self.resolution.actor if self.resolution else ""

    @property
    def reason(self) -> str:
        """The reason that this person gave; empty if no one did."""
        return self.resolution.reason if self.resolution else ""

    @transition(field=status, source=[RefundStatus.PENDING, RefundStatus.FAILED], target=RefundStatus.SUCCEEDED)
    def succeed(self, *, at: datetime) -> None:
        """The coins were sent, or are in the merchant's own account."""
        self.succeeded_at = at

    @transition(field=status, source=RefundStatus.PENDING, target=RefundStatus.FAILED)
    def fail(self, *, at: datetime) -> None:
        """The gateway has cancelled the refund, or does not list it any more although it did, and has sent nothing."""
        self.failed_at = at
