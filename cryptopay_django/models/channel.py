"""Defines a channel, a lasting address for the payments of one owner, and when its status may change.

What changes it, and why: `services/channels/`. Its payments: `channel_payment.py`.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any, ClassVar

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ..conf import get_account
from ..fields import CodeField, SparseIndex, StatusField
from .locking import LockingManager
from .orders import KEY_LENGTH, OrderLink, order_filter, order_key, order_types
from .protected_columns import ProtectedModel, ProtectedQuerySet


class ChannelStatus(models.TextChoices):
    """The gateway's statuses of a channel, in its spelling."""

    ENABLED = "enabled", _("enabled")
    DISABLED = "disabled", _("disabled")


class ChannelManager(LockingManager["Channel"]):
    """Channels, and how to find them."""

    _queryset_class = ProtectedQuerySet

    def for_owner(self, owner: models.Model) -> models.QuerySet[Channel]:
        """Return the channels of an object of the shop, newest first; raise ValueError if it has no key."""
        found = order_filter(owner)
        return self.filter(
            owner_content_type__in=found["order_content_type__in"], owner_object_id=found["order_object_id"]
        ).order_by("-created_at")


class Channel(ProtectedModel):
    """An address that stays the same, with one coin, one network and one currency that its payments are credited in.

    `save()` writes `shop_columns`; everything else is written by services.
    """

    shop_columns = frozenset({
        "owner_content_type", "owner_object_id", "customer_id", "name", "description", "updated_at",
    })  # fmt: skip

    id = models.UUIDField(
        primary_key=True,
        default=uuid.uuid4,
        editable=False,
        help_text=_("Cannot be guessed; safe in a customer's URL."),
    )
    account = models.CharField(max_length=32, default="default", help_text=_("Key in CRYPTOPAY_ACCOUNTS."))
    environment = models.CharField(
        max_length=255,
        editable=False,
        help_text=_('The gateway that has it: "sandbox", "production", or the host of another BASE_URL.'),
    )
    gateway_id = models.UUIDField(null=True, blank=True, help_text=_("Empty until the gateway has answered."))
    custom_id = CodeField(
        max_length=128, editable=False, help_text=_("Our UUID, at the gateway. All payments of the channel carry it.")
    )

    owner_content_type = models.ForeignKey(
        ContentType, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    owner_object_id = CodeField(max_length=KEY_LENGTH, blank=True)
    owner = OrderLink("owner_content_type", "owner_object_id")
    slot = CodeField(
        max_length=64,
        null=True,
        blank=True,
        editable=False,
        help_text=_(
            "Stands for owner, coin, network, currency, account and environment. Empty for a channel that "
            "create_channel does not return any more."
        ),
    )

    status = StatusField(default=ChannelStatus.ENABLED, choices=ChannelStatus.choices)
    quarantine_reason = models.TextField(
        blank=True, help_text=_("Why it is held for a person. While it is set, the address is not shown.")
    )
    contradicted = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text=_("What the gateway says otherwise than this row, by column."),
    )

    pay_currency = models.CharField(max_length=32, help_text=_("The coin that is paid in."))
    network = models.CharField(max_length=32)
    receiver_currency = models.CharField(max_length=32, help_text=_("The currency that payments are credited in."))
    address = CodeField(max_length=256, blank=True)
    destination_tag = models.CharField(
        max_length=64, blank=True, help_text=_("Tag or memo of the address. A payment without it is lost.")
    )
    uri = models.TextField(blank=True, help_text=_("The text of the QR code."))
    hosted_page_url = models.TextField(blank=True)

    customer_id = models.CharField(max_length=128, blank=True)
    name = models.CharField(max_length=255)
    description = models.TextField(blank=True)

    version = models.PositiveIntegerField(default=0, editable=False, help_text=_("Grows with every change."))
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    polled_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was last polled."))
    paid_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("When its last payment was first seen.")
    )
    payments_read_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("All payments that the gateway had of it at that time are here."),
    )
    payments_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the gateway's list of its payments is read next; empty until the gateway has it."),
    )

    objects: ClassVar[ChannelManager] = ChannelManager()

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints = [
            models.UniqueConstraint(fields=["slot"], name="cryptopay_channel_slot"),
            models.UniqueConstraint(
                fields=["account", "gateway_id", "environment"], name="cryptopay_channel_gateway_id"
            ),
            models.UniqueConstraint(
                fields=["account", "custom_id", "environment"], name="cryptopay_channel_custom_id"
            ),
        ]
        indexes = [
            models.Index(fields=["owner_content_type", "owner_object_id"], name="cryptopay_channel_owner"),
            models.Index(fields=["created_at"], name="cryptopay_channel_created"),
            models.Index(fields=["address"], name="cryptopay_channel_address"),
            models.Index(fields=["payments_due_at"], name="cryptopay_channel_to_read"),
            SparseIndex(
                fields=["created_at", "id"],
                where=~Q(quarantine_reason=""),
                name="cryptopay_channel_held",
                partial_only=True,
            ),
        ]
        permissions = [
            ("switch_channel", _("Can enable and disable a channel")),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.pay_currency} → {self.receiver_currency}, {self.get_status_display()})"

    @property
    def is_open(self) -> bool:
        """Return whether a customer may be shown its address: it is enabled, known to the gateway and not quarantined.

        Not that of another environment, or of an account that is not in the settings: nobody credits what arrives.
        """
        if self.status != ChannelStatus.ENABLED or not self.address or self.quarantine_reason:
            return False
        try:
            return get_account(self.account).environment == self.environment
        except ImproperlyConfigured:
            return False

    def is_as_old_as(self, row: dict[str, Any]) -> bool:
        """Return whether nothing was merged, and the gateway not asked, since this object was read."""
        return all(getattr(self, name) == row[name] for name in ("version", "polled_at", "payments_due_at"))

    @transition(field=status, source=ChannelStatus.values, target=ChannelStatus.ENABLED)
    def enable(self, *, slot: str | None) -> None:
        """The gateway credits what arrives. `slot` is None if the owner has another enabled channel of this kind."""
        self.slot = slot

    @transition(field=status, source=ChannelStatus.values, target=ChannelStatus.DISABLED)
    def disable(self) -> None:
        """The gateway holds what still arrives. `slot` becomes None: the owner can have another channel created."""
        self.slot = None


def slot_of(owner: models.Model, channel: Channel) -> str:
    """Return what a channel's `slot` is for an owner: the same for each of the models that the owner is found as."""
    first, *_rest = order_filter(owner)["order_content_type__in"]
    return _slot(first.pk, order_key(owner), channel)


def own_slot(channel: Channel) -> str | None:
    """Return what the `slot` of a channel is while it is its owner's; None for one without an owner."""
    kind = channel.owner_content_type
    model = None if kind is None else kind.model_class()
    if model is None:
        return None
    return _slot(order_types(model)[0].pk, channel.owner_object_id, channel)


def _slot(content_type_id: int, key: str, channel: Channel) -> str:
    parts = (
        str(content_type_id), key, channel.pay_currency, channel.network, channel.receiver_currency, channel.account,
        channel.environment,
    )  # fmt: skip
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()
