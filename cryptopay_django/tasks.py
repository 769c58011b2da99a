"""The app's work as tasks of Django's task framework, for CRYPTOPAY_PROCESSING = "task".

Import this only where a framework is installed: `django.tasks` is part of Django 6.0, `django-tasks` brings it to
5.2. What is stored is the truth: a task that is lost, doubled, or run too late loses and doubles nothing.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

try:
    from django.tasks import task
except ImportError:  # before Django 6.0
    from django_tasks import task  # type: ignore[assignment,import-not-found,no-redef,unused-ignore]

from .conf import app_settings
from .models import Invoice
from .services import (
    deliver_events,
    process_overdue,
    process_stored,
    prune_records,
    reconcile_in_turn,
    send_notices,
)

_in_queue = task(backend=app_settings.TASK_BACKEND, queue_name=app_settings.TASK_QUEUE)


@_in_queue
def process_callback_task(callback_id: int) -> str:
    """Process a stored callback and deliver its events, then a little of what is overdue; return its outcome.

    Empty when it is done already, or in other hands. It is enqueued with every callback.
    """
    callback = process_stored(callback_id)
    return "" if callback is None else callback.outcome


@_in_queue
def deliver_events_task(invoice_id: str) -> int:
    """Deliver an invoice's pending events; return how many signals and calls it took. Enqueued when there are some."""
    invoice = Invoice.objects.primary().filter(pk=UUID(invoice_id)).first()
    return 0 if invoice is None else deliver_events(invoice)


@_in_queue
def process_overdue_task() -> int:
    """Do what is due and has no task; return how much it was. For every minute."""
    return process_overdue()


@_in_queue
def reconcile_task() -> str:
    """Ask the gateway about open invoices if CRYPTOPAY_RECONCILE_INTERVAL is over; return the result.

    For every minute.
    """
    found = reconcile_in_turn()
    return "" if found is None else f"{found.asked} asked, {found.drifted} drifted, {len(found.failed)} failed"


@_in_queue
def send_notices_task() -> int:
    """Notify the teams of what is waiting for them; return how many notices that were. For every minute."""
    return send_notices()


@_in_queue
def prune_task() -> str:
    """Remove records that are older than CRYPTOPAY_RETENTION_DAYS; return how many of what. For every night."""
    done = prune_records(before=timezone.now() - timedelta(days=app_settings.RETENTION_DAYS))
    return f"{done.callbacks} callbacks, {done.events} events"
