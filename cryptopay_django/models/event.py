"""Stores the timeline of invoices, channel payments and other callbacks. It is the outbox of their signals too."""

from __future__ import annotations

import uuid
from typing import TypeAlias

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import CodeField, SparseIndex
from .callback import Callback
from .channel_payment import ChannelPayment
from .invoice import Invoice
from .locking import LockingManager
from .payment import Payment

NAME_LENGTH = 255
"""How long the name of a person on record may be: as long as an e-mail address, and one more."""


Subject: TypeAlias = Invoice | ChannelPayment | Callback
"""What an event is about."""


def subject_of(row: Subject) -> uuid.UUID:
    """Return the key by which the events of a row are ordered, claimed and deduplicated."""
    return row.subject if isinstance(row, Callback) else row.pk


class EventKind(models.TextChoices):
    """The kinds of events. Those named like a signal are delivered as that signal."""

    INVOICE_CREATED = "invoice_created", _("created")
    PAYMENT_DETECTED = "payment_detected", _("payment detected")
    PAYMENT_CONFIRMED = "payment_confirmed", _("payment confirmed")
    INVOICE_COMPLETED = "invoice_completed", _("completed")
    INVOICE_SETTLED_SHORT = "invoice_settled_short", _("settled short")
    INVOICE_UNRESOLVED = "invoice_unresolved", _("unresolved")
    INVOICE_REFUNDED = "invoice_refunded", _("refunded")
    INVOICE_CANCELLED = "invoice_cancelled", _("cancelled")
    INVOICE_QUARANTINED = "invoice_quarantined", _("quarantined")
    REFUND_CREATED = "refund_created", _("refund begun")
    REFUND_SUCCEEDED = "refund_succeeded", _("refund succeeded")
    REFUND_FAILED = "refund_failed", _("refund failed")
    CHANNEL_PAYMENT_CREATED = "channel_payment_created", _("channel payment seen")
    CHANNEL_PAYMENT_COMPLETED = "channel_payment_completed", _("channel payment credited")
    CHANNEL_PAYMENT_ON_HOLD = "channel_payment_on_hold", _("channel payment on hold")
    CHANNEL_PAYMENT_REFUNDED = "channel_payment_refunded", _("channel payment sent back")
    CHANNEL_PAYMENT_CANCELLED = "channel_payment_cancelled", _("channel payment cancelled")
    CHANNEL_PAYMENT_QUARANTINED = "channel_payment_quarantined", _("channel payment quarantined")
    CHANNEL_PAYMENT_RELEASED = "channel_payment_released", _("channel payment released")
    CALLBACK_RECEIVED = "callback_received", _("callback of another type")
    INVOICE_EXPIRED = "invoice_expired", _("time is up, nothing was seen")
    CUSTOMER_MAILED = "customer_mailed", _("mail sent to the customer")
    REFUND_LINK_MADE = "refund_link_made", _("link for a refund address made")
    REFUND_ADDRESS_NAMED = "refund_address_named", _("customer named a refund address")
    STATUS_OVERRULED = "status_overruled", _("final status overruled")
    INVOICE_RELEASED = "invoice_released", _("released")
    RISK_HIGH = "risk_high", _("high risk")
    DELIVERY_FAILING = "delivery_failing", _("delivery to the shop fails")
    HANDLER_GIVEN_UP = "handler_given_up", _("handler given up")
    HOOK_FAILED = "hook_failed", _("a hook of the shop has failed")
    DELIVERY_REPEATED = "delivery_repeated", _("delivered again on request")
    RESOLUTION_PLANNED = "resolution_planned", _("resolution planned")
    APPROVAL_REQUESTED = "approval_requested", _("waits for a second person")
    RESOLUTION_APPROVED = "resolution_approved", _("resolution approved")
    RESOLUTION_WITHDRAWN = "resolution_withdrawn", _("resolution withdrawn")
    RESOLUTION_SENT = "resolution_sent", _("resolution sent")
    RESOLUTION_ACCEPTED = "resolution_accepted", _("resolution accepted by the gateway")
    RESOLUTION_SUCCEEDED = "resolution_succeeded", _("resolution succeeded")
    RESOLUTION_FAILED = "resolution_failed", _("resolution failed")
    RESOLUTION_UNKNOWN = "resolution_unknown", _("outcome of the resolution unknown")
    RESOLUTION_STUCK = "resolution_stuck", _("resolution still undecided")
    RESOLUTION_ENDED = "resolution_ended", _("resolution ended by a person")
    RESOLUTION_ALARM = "resolution_alarm", _("resolution not as asked")


class InvoiceEvent(models.Model):
    """An event of an invoice, a channel payment or a callback. It is pending while `next_attempt_at` is set."""

    uuid = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text=_("Deduplicates external effects.")
    )
    subject = models.UUIDField(
        editable=False,
        help_text=_("What it is about: events of one subject are delivered in order, and once."),
    )
    invoice = models.ForeignKey(Invoice, null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    channel_payment = models.ForeignKey(
        ChannelPayment, null=True, blank=True, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    callback = models.ForeignKey(
        Callback,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="events",
        db_index=False,
        help_text=_("The callback of another type that it reports; empty once that is pruned."),
    )
    payment = models.ForeignKey(
        Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    refund = models.ForeignKey(
        "Refund", null=True, blank=True, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    kind = models.CharField(max_length=32, choices=EventKind.choices)
    once = CodeField(
        max_length=300,
        null=True,
        blank=True,
        help_text=_("What must not happen twice to its subject; empty for what may."),
    )
    actor = models.CharField(max_length=NAME_LENGTH, blank=True, help_text=_("Who did it; empty for the gateway."))
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text=_("Failed deliveries so far."))
    begun_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("When the current attempt began; empty if none is running.")
    )
    repetitions = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("How many times it was delivered again on request.")
    )
    last_error = models.TextField(blank=True, help_text=_("The traceback of the last failed delivery."))
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    notice_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("Set while a notice about it is due."),
    )

    objects = LockingManager["InvoiceEvent"]()

    class Meta:
        verbose_name = _("invoice event")
        verbose_name_plural = _("invoice events")
        constraints = [models.UniqueConstraint(fields=["subject", "once"], name="cryptopay_event_once")]
        indexes = [
            SparseIndex(
                fields=["next_attempt_at", "id"],
                where=models.Q(next_attempt_at__isnull=False),
                name="cryptopay_event_due",
            ),
            SparseIndex(
                fields=["notice_due_at", "id"],
                where=models.Q(notice_due_at__isnull=False),
                name="cryptopay_event_notice",
            ),
            SparseIndex(
                fields=["kind", "created_at"],
                where=models.Q(kind__in=[EventKind.INVOICE_UNRESOLVED, EventKind.INVOICE_SETTLED_SHORT]),
                name="cryptopay_event_desk",
            ),
            SparseIndex(
                fields=["channel_payment"],
                where=models.Q(channel_payment__isnull=False),
                name="cryptopay_event_channel",
            ),
            SparseIndex(fields=["callback"], where=models.Q(callback__isnull=False), name="cryptopay_event_callback"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.named}"

    @property
    def named(self) -> str:
        """Return what it is about, in words: "invoice <key>", "channel payment <key>", or "callback <key>"."""
        if self.invoice_id is not None:
            return f"invoice {self.invoice_id}"
        if self.channel_payment_id is not None:
            return f"channel payment {self.channel_payment_id}"
        return f"callback {self.callback_id or self.subject}"

    @property
    def about(self) -> Subject:
        """Return the row that it is about; raises LookupError for a callback that is pruned."""
        row = self.invoice or self.channel_payment or self.callback
        if row is None:
            raise LookupError(f"the callback of event {self.uuid} is pruned")
        return row

    @property
    def is_repetition(self) -> bool:
        """Return whether this is a repeated delivery, requested by a person."""
        return self.repetitions > 0
