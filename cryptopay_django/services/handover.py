"""Decides who processes what is stored: this request, a worker or a task. CRYPTOPAY_PROCESSING says which.

What is stored is due by itself; nothing here can lose it. A worker or a task is only woken sooner.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..conf import app_settings
from ..models import Callback, Invoice, InvoiceEvent
from .delivery import deliver_events, deliver_written
from .dispatch import dispatch_callback, dispatch_events
from .nesting import leave_to_outer


def hand_over_callback(callback: Callback) -> None:
    """Have a stored callback processed by a worker or a task, once it is committed. Never raises."""
    dispatch_callback(callback)


def hand_over_events(invoice: Invoice, written: Sequence[InvoiceEvent] = ()) -> None:
    """Deliver an invoice's pending events at once, or have a worker or a task do it.

    `written`: those that this process has written and committed just now. Inside a delivery all is left to that one.
    """
    if leave_to_outer(invoice.pk):
        return
    if app_settings.PROCESSING != "request":
        dispatch_events(invoice.pk)
    elif any(event.next_attempt_at is not None for event in written):
        deliver_written(invoice, written)
    else:
        deliver_events(invoice)
