"""One return of money of an invoice, whoever started it, as the gateway lists it."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ..fields import AmountField, CodeField, StatusField
from .invoice import Invoice
from .locking import LockingManager
from .protected import ProtectedModel, ProtectedQuerySet
from .resolution import Resolution


class RefundStatus(models.TextChoices):
    """How far it got. The gateway gives a refund no status: what it shows of it is one."""

    PENDING = "pending", _("pending")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")


class RefundCause(models.TextChoices):
    """Who started it, as far as the facts show."""

    PERSON = "person", _("a person here")
    ACCOUNT = "account", _("the account at the service")
    EMAIL = "email", _("the customer, by e-mail")
    MONITORING = "monitoring", _("the monitoring team")
    UNKNOWN = "unknown", _("unknown")


class RefundManager(LockingManager["Refund"]):
    """Refunds."""

    _queryset_class = ProtectedQuerySet


class Refund(ProtectedModel):
    """Coins that go back to the customer or to the merchant's own coin account.

    Written by services only: a shop has no column in it, so `save()` of an existing row changes nothing.
    """

    shop_columns = frozenset()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="refunds")
    gateway_id = models.UUIDField(help_text=_("The service's id of the refund."))
    custom_id = CodeField(max_length=128, blank=True)
    status = StatusField(default=RefundStatus.PENDING, choices=RefundStatus.choices)
    cause = models.CharField(max_length=16, choices=RefundCause.choices, default=RefundCause.UNKNOWN)
    resolution = models.ForeignKey(
        Resolution,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="refunds",
        help_text=_("The decision that it carries out; empty where nobody here has asked for it."),
    )

    amount = AmountField(help_text=_("In the coin, the fee included."))
    currency = models.CharField(max_length=32)
    value_amount = AmountField(
        null=True,
        blank=True,
        help_text=_("Its value in the price currency, at the rate of the order; empty when not known."),
    )
    fee_amount = AmountField(null=True, blank=True, help_text=_("The gateway's fee, in the fee currency."))
    fee_currency = models.CharField(max_length=32, blank=True)

    address = CodeField(max_length=256, blank=True, help_text=_("Empty for the merchant's own coin account."))
    destination_tag = models.CharField(max_length=64, blank=True)
    network = models.CharField(max_length=32, blank=True)
    txid = CodeField(max_length=256, blank=True, help_text=_("The transaction's id on its network, once it is sent."))

    gateway_created_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it was made, by the service's clock.")
    )
    created_at = models.DateTimeField(help_text=_("When we learned of it."))
    updated_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True, blank=True, help_text=_("When we learned of its success."))
    failed_at = models.DateTimeField(null=True, blank=True, help_text=_("When we learned of its failure."))

    objects = RefundManager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [models.UniqueConstraint(fields=["invoice", "gateway_id"], name="cryptopay_refund_gateway_id")]
        indexes = [
            models.Index(fields=["created_at"], name="cryptopay_refund_created"),
            models.Index(fields=["status", "created_at"], name="cryptopay_refund_status"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency} ({self.status})"

    @property
    def actor(self) -> str:
        """Who asked for it here; empty where nobody did."""
        return self.resolution.actor if self.resolution else ""

    @property
    def reason(self) -> str:
        """Why, in that person's words; empty where nobody here asked for it."""
        return self.resolution.reason if self.resolution else ""

    @transition(field=status, source=[RefundStatus.PENDING, RefundStatus.FAILED], target=RefundStatus.SUCCEEDED)
    def succeed(self, *, at: datetime) -> None:
        """The coins were sent, or are in the merchant's own account."""
        self.succeeded_at = at

    @transition(field=status, source=RefundStatus.PENDING, target=RefundStatus.FAILED)
    def fail(self, *, at: datetime) -> None:
        """The gateway does not list it any more, and has sent nothing."""
        self.failed_at = at
