"""Defines a payment on a channel, and when its status may change. What changes it, and why: `services/channels/`."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import RETURN_VALUE, transition

from ..fields import AmountField, CodeField, SparseIndex, StatusField
from .channel import Channel
from .locking import LockingManager
from .orders import order_filter
from .protected_columns import ProtectedModel, ProtectedQuerySet
from .risk import RiskLevel


class ChannelPaymentStatus(models.TextChoices):
    """The gateway's statuses of a payment on a channel, in its spelling."""

    PENDING = "pending", _("pending")
    ON_HOLD = "on_hold", _("on hold")
    COMPLETED = "completed", _("completed")
    REFUNDED = "refunded", _("refunded")
    CANCELLED = "cancelled", _("cancelled")


class ChannelPaymentContext(models.TextChoices):
    """The reason why the gateway holds a payment, in its spelling."""

    ILLICIT_RESOURCE = "illicit_resource", _("held as high-risk")
    CHANNEL_DISABLED = "channel_disabled", _("channel disabled")


OPEN_PAYMENT_STATUSES = (ChannelPaymentStatus.PENDING, ChannelPaymentStatus.ON_HOLD)
FINAL_PAYMENT_STATUSES = (
    ChannelPaymentStatus.COMPLETED,
    ChannelPaymentStatus.REFUNDED,
    ChannelPaymentStatus.CANCELLED,
)


class ChannelPaymentManager(LockingManager["ChannelPayment"]):
    """Payments on channels, and how to find them."""

    _queryset_class = ProtectedQuerySet

    def for_owner(self, owner: models.Model) -> models.QuerySet[ChannelPayment]:
        """Return the payments on all channels of an object of the shop, newest first."""
        found = order_filter(owner)
        return self.filter(
            channel__owner_content_type__in=found["order_content_type__in"],
            channel__owner_object_id=found["order_object_id"],
        ).order_by("-seen_at")


class ChannelPayment(ProtectedModel):
    """One transaction to a channel's address. What the gateway has credited for it is `credited_amount`.

    Written by services only: a shop has no column in it, so `save()` of an existing row changes nothing.
    """

    shop_columns = frozenset()

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="payments", db_index=False)
    account = models.CharField(max_length=32, editable=False, help_text=_("That of the channel."))
    environment = models.CharField(max_length=255, editable=False, help_text=_("That of the channel."))
    gateway_id = models.UUIDField(help_text=_("The gateway's id of the payment."))
    txid = CodeField(max_length=256, help_text=_("The transaction's id on its network."))

    status = StatusField(default=ChannelPaymentStatus.PENDING, choices=ChannelPaymentStatus.choices)
    status_context = models.CharField(
        max_length=32, blank=True, help_text=_("Why it is on hold, in the gateway's spelling.")
    )
    quarantine_reason = models.TextField(
        blank=True, help_text=_("Why it is held for a person here. While it is set, nothing is credited.")
    )
    contradicted = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text=_("The gateway's values that differ from this row, by column. A release accepts them."),
    )

    paid_amount = AmountField(help_text=_("What has arrived, in the coin."))
    paid_currency = models.CharField(max_length=32)
    received_amount = AmountField(
        default=Decimal(0), help_text=_("What the gateway has credited; zero until it is completed.")
    )
    received_currency = models.CharField(max_length=32)
    fee_amount = AmountField(null=True, blank=True, help_text=_("The gateway's fee, in the fee currency."))
    fee_currency = models.CharField(max_length=32, blank=True)
    exchange_rate = AmountField(
        null=True, blank=True, help_text=_("Credited currency for one coin, at receipt; empty without exchange.")
    )

    refund_address = CodeField(max_length=256, blank=True, help_text=_("Where the coins were sent back to."))
    coin_withdrawal_id = CodeField(
        max_length=128, blank=True, help_text=_("The gateway's id of the withdrawal that sent them back.")
    )

    risk_score = AmountField(null=True, blank=True, help_text=_("The gateway's score; empty until scored."))
    risk_level = models.CharField(max_length=32, blank=True)
    risk_resource_name = models.CharField(max_length=255, blank=True)
    risk_resource_category = models.CharField(max_length=255, blank=True)

    version = models.PositiveIntegerField(default=0, editable=False, help_text=_("Grows with every change."))
    gateway_created_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When it was created, by the gateway's clock.")
    )
    seen_at = models.DateTimeField(help_text=_("When we first saw it."))
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True, help_text=_("When a final status was stored."))
    polled_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was last polled."))
    poll_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the gateway is asked about it next; empty once it is final."),
    )

    objects: ClassVar[ChannelPaymentManager] = ChannelPaymentManager()

    class Meta:
        verbose_name = _("channel payment")
        verbose_name_plural = _("channel payments")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "gateway_id", "environment"], name="cryptopay_channel_payment_gateway_id"
            ),
        ]
        indexes = [
            models.Index(fields=["channel", "seen_at"], name="cryptopay_channel_payment_seen"),
            models.Index(fields=["status", "seen_at"], name="cryptopay_channel_payment_stat"),
            models.Index(fields=["txid"], name="cryptopay_channel_payment_txid"),
            SparseIndex(
                fields=["poll_due_at"], where=Q(poll_due_at__isnull=False), name="cryptopay_channel_payment_poll"
            ),
            SparseIndex(fields=["seen_at"], where=~Q(quarantine_reason=""), name="cryptopay_channel_payment_held"),
            SparseIndex(
                fields=["risk_level", "seen_at"],
                where=Q(risk_level__in=[RiskLevel.MEDIUM, RiskLevel.HIGH]),
                name="cryptopay_channel_payment_risk",
            ),
        ]
        permissions = [
            ("release_channelpayment", _("Can release a channel payment that is held here")),
        ]

    def __str__(self) -> str:
        return f"{self.paid_amount:f} {self.paid_currency} ({self.get_status_display()})"

    @property
    def is_final(self) -> bool:
        """Return whether the gateway is done with it."""
        return self.status in FINAL_PAYMENT_STATUSES

    @property
    def credited_amount(self) -> Decimal:
        """Return what a shop may credit, in `received_currency`: nothing unless completed and not quarantined."""
        is_credited = self.status == ChannelPaymentStatus.COMPLETED and not self.quarantine_reason
        return self.received_amount if is_credited else Decimal(0)

    @transition(field=status, source=OPEN_PAYMENT_STATUSES, target=ChannelPaymentStatus.ON_HOLD)
    def hold(self, context: str) -> None:
        """The gateway holds the coins. Also used if only `status_context` changes."""
        self.status_context = context

    @transition(field=status, source=OPEN_PAYMENT_STATUSES, target=ChannelPaymentStatus.COMPLETED)
    def complete(self, *, received_amount: Decimal, at: datetime) -> None:
        """The gateway has credited `received_amount`, in the received currency."""
        self.received_amount = received_amount
        self._finish(at)

    @transition(field=status, source=OPEN_PAYMENT_STATUSES, target=ChannelPaymentStatus.REFUNDED)
    def refund(self, *, at: datetime) -> None:
        """The coins were sent back."""
        self._finish(at)

    @transition(field=status, source=OPEN_PAYMENT_STATUSES, target=ChannelPaymentStatus.CANCELLED)
    def cancel(self, *, at: datetime) -> None:
        """The network has not confirmed the transaction in time."""
        self._finish(at)

    @transition(
        field=status,
        source=(ChannelPaymentStatus.ON_HOLD, *FINAL_PAYMENT_STATUSES),
        target=RETURN_VALUE(*ChannelPaymentStatus.values),
    )
    def overrule(self, status: str, *, context: str, received_amount: Decimal, at: datetime) -> str:
        """The gateway's answer takes back its status.

        If the new status is not final, `finished_at` keeps its value.
        """
        self.received_amount = received_amount
        if status in FINAL_PAYMENT_STATUSES:
            self._finish(at)
        self.status_context = context if status == ChannelPaymentStatus.ON_HOLD else ""
        return status

    def _finish(self, at: datetime) -> None:
        self.status_context = ""
        self.finished_at = at


def quarantined_payments() -> Q:
    """Return the filter for channel payments that are quarantined: they wait for a person here."""
    return ~Q(quarantine_reason="")


def open_payments() -> Q:
    """Return the filter for channel payments whose gateway status can still change."""
    return Q(status__in=OPEN_PAYMENT_STATUSES)
