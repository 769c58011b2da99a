"""The delivery of an event to a durable handler: one row for each event and handler."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..fields import CodeField, SparseIndex
from .event import InvoiceEvent
from .locking import LockingManager


class HandlerDelivery(models.Model):
    """One handler's share of one event: pending while `next_attempt_at` is set, dead once `given_up_at` is."""

    event = models.ForeignKey(InvoiceEvent, on_delete=models.CASCADE, related_name="deliveries")
    handler = CodeField(max_length=255, help_text=_("The dotted path of the function."))
    delivered_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Since when it is not tried any more by itself.")
    )
    attempts = models.PositiveIntegerField(default=0, help_text=_("Failed calls so far."))
    begun_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text=_("When an attempt began that has not ended.")
    )
    repetitions = models.PositiveIntegerField(
        default=0, editable=False, help_text=_("How many times it was delivered again on request.")
    )
    last_error = models.TextField(blank=True, help_text=_("The traceback of the last failed call."))
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = LockingManager["HandlerDelivery"]()

    class Meta:
        verbose_name = _("delivery to a handler")
        verbose_name_plural = _("deliveries to handlers")
        constraints = [models.UniqueConstraint(fields=["event", "handler"], name="cryptopay_delivery_once")]
        indexes = [
            SparseIndex(
                fields=["given_up_at"], where=models.Q(given_up_at__isnull=False), name="cryptopay_delivery_dead"
            )
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} for {self.handler}"
