"""Stores the delivery of an event to a durable handler, or of a mail to the customer: one row for each.

`services/events/` delivers and retries them.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import CodeField, SparseIndex
from .event import InvoiceEvent
from .locking import LockingManager


class HandlerDelivery(models.Model):
    """The delivery of one event to one handler.

    It is pending while `next_attempt_at` is set, given up once `given_up_at` is.
    """

    event = models.ForeignKey(InvoiceEvent, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    handler = CodeField(max_length=255, help_text=_("The dotted path of the function."))
    delivered_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True, help_text=_("When automatic retries stopped."))
    attempts = models.PositiveIntegerField(default=0, help_text=_("Failed calls so far."))
    begun_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("When the current attempt began; empty if none is running.")
    )
    repetitions = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("How many times it was delivered again on request.")
    )
    last_error = models.TextField(blank=True, help_text=_("The traceback of the last failed call."))
    next_attempt_at = models.DateTimeField(null=True, blank=True)

    objects = LockingManager["HandlerDelivery"]()

    class Meta:
        verbose_name = _("delivery to a handler")
        verbose_name_plural = _("deliveries to handlers")
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="cryptopay_delivery_once")]
        indexes = [
            SparseIndex(
                fields=["next_attempt_at", "id"],
                where=models.Q(next_attempt_at__isnull=False),
                name="cryptopay_delivery_due",
            ),
            SparseIndex(
                fields=["given_up_at"], where=models.Q(given_up_at__isnull=False), name="cryptopay_delivery_dead"
            ),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} for {self.handler}"
