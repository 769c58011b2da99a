"""An invoice's timeline and the outbox of its signals, in one table."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import CodeField, SparseIndex
from .invoice import Invoice
from .locking import LockingManager
from .payment import Payment

NAME_LENGTH = 255
"""How long the name of a person on record may be: as long as an e-mail address, and one more."""


class EventKind(models.TextChoices):
    """The kinds of events of an invoice. Those named like a signal are delivered as that signal."""

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
    STATUS_OVERRULED = "status_overruled", _("final status overruled")
    INVOICE_RELEASED = "invoice_released", _("released")
    RISK_HIGH = "risk_high", _("high risk")
    DELIVERY_FAILING = "delivery_failing", _("delivery to the shop fails")
    HANDLER_GIVEN_UP = "handler_given_up", _("handler given up")
    HOOK_FAILED = "hook_failed", _("a hook of the shop has failed")
    DELIVERY_REPEATED = "delivery_repeated", _("delivered again on request")
    RESOLUTION_PLANNED = "resolution_planned", _("resolution planned")
    RESOLUTION_APPROVED = "resolution_approved", _("resolution approved")
    RESOLUTION_WITHDRAWN = "resolution_withdrawn", _("resolution withdrawn")
    RESOLUTION_SENT = "resolution_sent", _("resolution sent")
    RESOLUTION_ACCEPTED = "resolution_accepted", _("resolution accepted by the service")
    RESOLUTION_SUCCEEDED = "resolution_succeeded", _("resolution succeeded")
    RESOLUTION_FAILED = "resolution_failed", _("resolution failed")
    RESOLUTION_UNKNOWN = "resolution_unknown", _("outcome of the resolution unknown")
    RESOLUTION_STUCK = "resolution_stuck", _("resolution still undecided")
    RESOLUTION_ENDED = "resolution_ended", _("resolution ended by a person")
    RESOLUTION_ALARM = "resolution_alarm", _("resolution not as asked")


class InvoiceEvent(models.Model):
    """One thing that happened. It is pending delivery while `next_attempt_at` is set."""

    uuid = models.UUIDField(
        default=uuid.uuid4, unique=True, editable=False, help_text=_("Deduplicates external effects.")
    )
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="events")
    payment = models.ForeignKey(Payment, null=True, blank=True, on_delete=models.PROTECT, related_name="events")
    refund = models.ForeignKey(
        "Refund", null=True, blank=True, on_delete=models.PROTECT, related_name="events", db_index=False
    )
    kind = models.CharField(max_length=32, choices=EventKind.choices)
    once = CodeField(
        max_length=300,
        null=True,
        blank=True,
        help_text=_("What must not happen twice to an invoice; empty for what may."),
    )
    actor = models.CharField(max_length=NAME_LENGTH, blank=True, help_text=_("Who did it; empty for the gateway."))
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text=_("Failed deliveries so far."))
    begun_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("When an attempt began that has not ended.")
    )
    repetitions = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("How many times it was delivered again on request.")
    )
    last_error = models.TextField(blank=True, help_text=_("The traceback of the last failed delivery."))
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_index=True)
    notice_due_at = models.DateTimeField(
        null=True,
        blank=True,
        db_index=True,
        editable=False,
        help_text=_("Set while a notice of it is due."),
    )

    objects = LockingManager["InvoiceEvent"]()

    class Meta:
        verbose_name = _("invoice event")
        verbose_name_plural = _("invoice events")
        constraints = [models.UniqueConstraint(fields=["invoice", "once"], name="cryptopay_event_once")]
        indexes = [
            SparseIndex(
                fields=["kind", "created_at"],
                where=models.Q(kind__in=[EventKind.INVOICE_UNRESOLVED, EventKind.INVOICE_SETTLED_SHORT]),
                name="cryptopay_event_desk",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of invoice {self.invoice_id}"

    @property
    def is_repetition(self) -> bool:
        """Return whether it was delivered before, and a person has asked to deliver it again."""
        return self.repetitions > 0
