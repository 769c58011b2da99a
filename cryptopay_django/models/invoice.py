"""Defines an invoice and its transitions. `services/snapshots/merge.py` decides when to use them."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django_fsm import RETURN_VALUE, transition

from ..fields import AmountField, CodeField, SparseIndex, StatusField
from .locking import LockingManager
from .orders import KEY_LENGTH, OrderLink, order_filter
from .protected_columns import ProtectedModel, ProtectedQuerySet
from .risk import RiskLevel


class InvoiceStatus(models.TextChoices):
    """The gateway's statuses, in its spelling."""

    NEW = "new", _("new")
    UNRESOLVED = "unresolved", _("unresolved")
    COMPLETED = "completed", _("completed")
    REFUNDED = "refunded", _("refunded")
    CANCELLED = "cancelled", _("cancelled")


class StatusContext(models.TextChoices):
    """The reason why an invoice is unresolved, in the gateway's spelling."""

    UNDERPAID = "underpaid", _("underpaid")
    OVERPAID = "overpaid", _("overpaid")
    PAID_LATE = "paid_late", _("paid late")
    ILLICIT_RESOURCE = "illicit_resource", _("held as high-risk")


OPEN_STATUSES = (InvoiceStatus.NEW, InvoiceStatus.UNRESOLVED)
FINAL_STATUSES = (InvoiceStatus.COMPLETED, InvoiceStatus.REFUNDED, InvoiceStatus.CANCELLED)


class InvoiceManager(LockingManager["Invoice"]):
    """Finds invoices."""

    _queryset_class = ProtectedQuerySet

    def for_order(self, order: models.Model) -> models.QuerySet[Invoice]:
        """Return the invoices of an order, newest first; raise ValueError if the order has no primary key."""
        return self.filter(**order_filter(order)).order_by("-created_at")


class Invoice(ProtectedModel):
    """A request for a payment. Only a release can change the ordered amount, its currencies, account and custom_id.

    `save()` writes only `shop_columns`. Services write everything else.
    """

    shop_columns = frozenset({
        "order_content_type", "order_object_id", "customer_id", "name", "description", "metadata",
        "success_redirect_url", "unsuccess_redirect_url", "payer_email", "language", "updated_at",
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
    custom_id = CodeField(max_length=128, help_text=_("Unique in the account: the idempotency key of creation."))

    order_content_type = models.ForeignKey(
        ContentType, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    order_object_id = CodeField(max_length=KEY_LENGTH, blank=True)
    order = OrderLink("order_content_type", "order_object_id")
    attempt = models.PositiveIntegerField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("Number of the invoice among those of the order. Prevents a second one."),
    )

    status = StatusField(default=InvoiceStatus.NEW, choices=InvoiceStatus.choices)
    status_context = models.CharField(
        max_length=32, blank=True, help_text=_("Why it is unresolved, in the gateway's spelling.")
    )
    quarantine_reason = models.TextField(
        blank=True, help_text=_("Why it is quarantined. While this is set, nothing is fulfilled.")
    )
    contradicted = models.JSONField(
        default=dict,
        blank=True,
        editable=False,
        help_text=_("The gateway's values that differ from this row, by column. A release accepts them."),
    )

    risk_level = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("The highest known risk level of its payments."),
    )

    price_amount = AmountField(help_text=_("The ordered amount, in the price currency."))
    price_currency = models.CharField(max_length=32)
    settled_amount = AmountField(
        null=True, blank=True, help_text=_("The amount that the gateway finally credited, in the price currency.")
    )
    pay_amount = AmountField(
        null=True, blank=True, help_text=_("The amount that the customer has to pay, in the coin.")
    )
    pay_currency = models.CharField(max_length=32)
    paid_amount = AmountField(default=Decimal(0), help_text=_("The amount that has arrived so far, in the coin."))
    fee_amount = AmountField(null=True, blank=True, help_text=_("The gateway's fee, in the fee currency."))
    fee_currency = models.CharField(max_length=32, blank=True)
    exchange_rate = AmountField(
        null=True,
        blank=True,
        help_text=_("Price of one coin in the price currency, fixed at creation; empty without exchange."),
    )

    network = models.CharField(max_length=32, blank=True)
    address = CodeField(max_length=256, blank=True)
    destination_tag = models.CharField(
        max_length=64, blank=True, help_text=_("Tag or memo of the address. A payment without it is lost.")
    )
    uri = models.TextField(blank=True, help_text=_("The text of the QR code."))
    hosted_page_url = models.TextField(blank=True)

    customer_id = models.CharField(max_length=128, blank=True)
    name = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True, help_text=_("Text values by name, sent to the gateway."))
    success_redirect_url = models.TextField(blank=True)
    unsuccess_redirect_url = models.TextField(blank=True)
    payer_email = models.EmailField(blank=True)
    language = models.CharField(
        max_length=16,
        blank=True,
        default="",
        db_default="",
        help_text=_("The customer's language, for mails; empty for the site's."),
    )

    version = models.PositiveIntegerField(default=0, editable=False, help_text=_("Grows with every change."))
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text=_("When the fixed rate expires."))
    finished_at = models.DateTimeField(null=True, blank=True, help_text=_("When a final status was stored."))
    polled_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was last polled."))
    refunds_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the gateway's list of its refunds is read next; empty if this is not needed."),
    )

    objects: ClassVar[InvoiceManager] = InvoiceManager()

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints = [
            # The environment is last, so that staff can search all environments with the same index.
            models.UniqueConstraint(
                fields=["account", "gateway_id", "environment"], name="cryptopay_invoice_gateway_id"
            ),
            models.UniqueConstraint(
                fields=["account", "custom_id", "environment"], name="cryptopay_invoice_custom_id"
            ),
            # Also used for lookups by order.
            models.UniqueConstraint(
                fields=["order_content_type", "order_object_id", "attempt"], name="cryptopay_invoice_attempt"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "polled_at"], name="cryptopay_invoice_to_poll"),
            models.Index(fields=["created_at"], name="cryptopay_invoice_created"),
            models.Index(fields=["finished_at"], name="cryptopay_invoice_finished"),
            models.Index(fields=["status", "created_at"], name="cryptopay_invoice_status"),
            models.Index(fields=["pay_currency", "created_at"], name="cryptopay_invoice_coin"),
            models.Index(fields=["address"], name="cryptopay_invoice_address"),
            SparseIndex(
                fields=["created_at", "id"],
                where=~Q(quarantine_reason=""),
                name="cryptopay_invoice_held",
                partial_only=True,
            ),
            SparseIndex(
                fields=["status_context", "created_at"],
                where=Q(status=InvoiceStatus.UNRESOLVED),
                name="cryptopay_invoice_context",
            ),
            # Partial: a shop with one account does not need this index.
            SparseIndex(
                fields=["account", "created_at"], where=~Q(account="default"), name="cryptopay_invoice_account"
            ),
            SparseIndex(
                fields=["refunds_due_at"], where=Q(refunds_due_at__isnull=False), name="cryptopay_invoice_refunds"
            ),
            SparseIndex(
                fields=["risk_level", "created_at"],
                where=Q(risk_level__in=[RiskLevel.MEDIUM, RiskLevel.HIGH]),
                name="cryptopay_invoice_risk",
            ),
        ]
        permissions = [
            ("settle_invoice", _("Can settle an unresolved invoice")),
            ("refund_invoice", _("Can refund an invoice to the merchant's coin account")),
            ("refund_invoice_to_address", _("Can refund an invoice to an address")),
            ("release_invoice", _("Can release an invoice from quarantine or accept a shortfall")),
            ("deliver_events_again", _("Can deliver events of an invoice again")),
            ("view_ledger", _("Can see the balances and the ledger of the accounts")),
            ("close_books", _("Can close a period of the books of an account")),
        ]

    def __str__(self) -> str:
        price = f"{self.price_amount:f} {self.price_currency}"
        return f"{self.custom_id} ({price} in {self.pay_currency}, {self.get_status_display()})"

    def is_as_old_as(self, row: dict[str, Any]) -> bool:
        """Return whether the row was neither changed nor polled since this object was read."""
        return all(getattr(self, name) == row[name] for name in ("version", "polled_at", "refunds_due_at"))

    @property
    def is_final(self) -> bool:
        """Return whether its status is final."""
        return self.status in FINAL_STATUSES

    def is_expired(self, now: datetime) -> bool:
        """Return whether the rate has expired and the gateway has the invoice as new. A part may have arrived.

        For display only: the gateway has no such status.
        """
        return self.status == InvoiceStatus.NEW and self.expires_at is not None and now >= self.expires_at

    @transition(field=status, source=OPEN_STATUSES, target=InvoiceStatus.UNRESOLVED)
    def mark_unresolved(self, context: str) -> None:
        """The gateway keeps the money until someone decides. Also used if only `status_context` changes."""
        self.status_context = context

    @transition(field=status, source=OPEN_STATUSES, target=InvoiceStatus.COMPLETED)
    def complete(self, *, settled_amount: Decimal, at: datetime) -> None:
        """The gateway credited `settled_amount`, in the price currency."""
        self.settled_amount = settled_amount
        self._finish(at)

    @transition(field=status, source=OPEN_STATUSES, target=InvoiceStatus.REFUNDED)
    def refund(self, *, at: datetime) -> None:
        """The whole payment was refunded to the customer or to the merchant's coin account."""
        self._finish(at)

    @transition(field=status, source=OPEN_STATUSES, target=InvoiceStatus.CANCELLED)
    def cancel(self, *, at: datetime) -> None:
        """The invoice was never paid, or its payment was never confirmed."""
        self._finish(at)

    @transition(
        field=status,
        source=(InvoiceStatus.UNRESOLVED, *FINAL_STATUSES),
        target=RETURN_VALUE(*InvoiceStatus.values),
    )
    def overrule(self, status: str, *, context: str, settled_amount: Decimal | None, at: datetime) -> str:
        """The gateway's answer takes back its status.

        If the new status is not final, `finished_at` keeps its value.
        """
        self.settled_amount = settled_amount
        if status in FINAL_STATUSES:
            self._finish(at)
        self.status_context = context if status == InvoiceStatus.UNRESOLVED else ""
        return status

    def _finish(self, at: datetime) -> None:
        self.status_context = ""
        self.finished_at = at


def quarantined_invoices() -> Q:
    """Return the filter for quarantined invoices."""
    return ~Q(quarantine_reason="")


def open_invoices() -> Q:
    """Return the filter for invoices whose status can still change."""
    return Q(status__in=OPEN_STATUSES)
