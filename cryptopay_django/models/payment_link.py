"""Stores payment links: staff make one, and the invoice is made when a customer opens it and chooses a coin."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..fields import AmountField, CodeField
from .event import NAME_LENGTH
from .locking import LockingManager
from .orders import KEY_LENGTH

DESCRIPTION_LENGTH, REFERENCE_LENGTH = 255, 128


class PaymentLinkKind(models.TextChoices):
    """What a link is made for. It selects the words for the customer."""

    LINK = "link", _("payment link")
    DONATION = "donation", _("donation")
    COUNTER = "counter", _("counter")


class PaymentLink(models.Model):
    """A page on which anybody who has its URL can pay. Only services write this model.

    The token is stored as it is, so that staff can copy the link and show its QR code again. Who knows it can pay, and
    see how far the payment of a link for one use is; the id of an invoice allows the same.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token = CodeField(max_length=32, editable=False, help_text=_("Part of its URL."))
    kind = models.CharField(max_length=16, choices=PaymentLinkKind.choices, default=PaymentLinkKind.LINK)
    account = models.CharField(max_length=32, default="default", help_text=_("Key in CRYPTOPAY_ACCOUNTS."))
    environment = models.CharField(
        max_length=255, editable=False, help_text=_("The gateway of the account when the link was made.")
    )
    price_currency = models.CharField(max_length=32)
    price_amount = AmountField(null=True, blank=True, help_text=_("Empty: the customer chooses."))
    least_amount = AmountField(null=True, blank=True, help_text=_("The least that the customer can choose."))
    most_amount = AmountField(null=True, blank=True, help_text=_("The most that the customer can choose."))
    description = models.CharField(
        max_length=DESCRIPTION_LENGTH, blank=True, help_text=_("What the customer reads. The gateway gets it too.")
    )
    reference = models.CharField(
        max_length=REFERENCE_LENGTH,
        blank=True,
        help_text=_("For staff, such as an order number. The customer does not see it."),
    )
    is_reusable = models.BooleanField(
        default=False, help_text=_("Each payment is one of its own. Otherwise the link is paid once.")
    )
    actor = models.CharField(max_length=NAME_LENGTH, help_text=_("Who made it."))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True, help_text=_("Empty: it does not expire."))
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=NAME_LENGTH, blank=True)
    opened_count = models.PositiveIntegerField(
        default=0, help_text=_("How often its page was opened, also by messengers that show a preview.")
    )
    opened_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was opened last."))

    objects = LockingManager["PaymentLink"]()

    class Meta:
        verbose_name = _("payment link")
        verbose_name_plural = _("payment links")
        default_permissions = ("add", "change", "view")
        constraints = [models.UniqueConstraint(fields=["token"], name="cryptopay_link_token")]
        indexes = [
            models.Index(fields=["created_at"], name="cryptopay_link_created"),
            models.Index(fields=["reference"], name="cryptopay_link_reference"),
        ]

    def __str__(self) -> str:
        return self.description or self.reference or f"payment link {str(self.pk)[:8]}"

    @property
    def has_choice(self) -> bool:
        """Return whether the customer chooses the amount."""
        return self.price_amount is None

    def is_expired(self, now: datetime) -> bool:
        """Return whether its time is over."""
        return self.expires_at is not None and now >= self.expires_at

    def allows(self, amount: Decimal) -> bool:
        """Return whether the customer may pay this amount."""
        if self.price_amount is not None:
            return amount == self.price_amount
        is_enough = self.least_amount is None or amount >= self.least_amount
        return is_enough and (self.most_amount is None or amount <= self.most_amount)


class PaymentLinkUse(models.Model):
    """One payment by a link: the `order` of its invoices. A link for one use has one, a reusable link has many.

    `price_amount` is what the customer has chosen last. What was ordered by an invoice is on the invoice.
    """

    # A text, as an invoice stores the key of its order: so one query finds the invoices of all uses of a link.
    id = CodeField(max_length=KEY_LENGTH, primary_key=True, editable=False)
    link = models.ForeignKey(PaymentLink, on_delete=models.PROTECT, related_name="uses", db_index=False)
    single = models.BooleanField(
        null=True,
        editable=False,
        help_text=_("True if the link is paid once; empty otherwise. Prevents a second one."),
    )
    price_amount = AmountField()
    created_at = models.DateTimeField()

    objects = LockingManager["PaymentLinkUse"]()

    class Meta:
        verbose_name = _("payment by a link")
        verbose_name_plural = _("payments by links")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["link", "single"], name="cryptopay_link_used_once"),
            models.CheckConstraint(condition=Q(single=True) | Q(single__isnull=True), name="cryptopay_link_single"),
        ]
        indexes = [models.Index(fields=["link", "created_at"], name="cryptopay_link_uses")]

    def __str__(self) -> str:
        return str(self.link)
