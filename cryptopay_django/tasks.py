"""Defines tasks of Django's task framework, for CRYPTOPAY_PROCESSING = "task".

The framework is `django.tasks` of Django 6.0, or the package `django-tasks`. The database table is the queue: a lost,
repeated or late task loses and repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

from django.utils import timezone

from .conf import app_settings
from .mails import send_customer_mails
from .services import (
    process_overdue,
    process_stored,
    prune_records,
    reconcile_channels_in_turn,
    reconcile_in_turn,
    send_notices,
)
from .services.events.deliver import deliver_subject


def make_task(function: Callable[..., Any]) -> Any:
    """Return the task of a function. Raise ImportError without a framework, and its errors for its settings."""
    try:
        framework = import_module("django.tasks")
    except ImportError:  # before Django 6.0
        framework = import_module("django_tasks")
    return framework.task(backend=app_settings.TASK_BACKEND, queue_name=app_settings.TASK_QUEUE)(function)


def _in_queue(function: Callable[..., Any]) -> Any:
    # Celery, Dramatiq and Huey import the module `tasks` of every app: where the project has no framework, or none of
    # its queues is for us, their workers must start all the same.
    try:
        return make_task(function)
    except Exception:  # noqa: BLE001  the framework raises errors of its own; check E019 reports them
        return function


@_in_queue
def process_callback_task(callback_id: int) -> str:
    """Process a stored callback and deliver its events, then some overdue work; return the callback's outcome.

    The outcome is empty if another process has done it or is doing it. Every callback enqueues this task.
    """
    callback = process_stored(callback_id)
    return "" if callback is None else callback.outcome


@_in_queue
def deliver_events_task(subject: str) -> int:
    """Deliver the pending events of an invoice, or of what else has some; return how many signals and calls it took.

    Enqueued when there are some, with what they are about: `event.subject`.
    """
    return deliver_subject(UUID(subject))


@_in_queue
def process_overdue_task() -> int:
    """Process due work without a task; return the number of items. Schedule it every minute."""
    return process_overdue()


@_in_queue
def reconcile_task() -> str:
    """Ask the gateway about open invoices and channels if CRYPTOPAY_RECONCILE_INTERVAL is over; return the result.

    For every minute.
    """
    found = reconcile_in_turn()
    channels = reconcile_channels_in_turn()
    if found is not None and channels is not None:
        found.add(channels)
    found = found or channels
    return "" if found is None else f"{found.asked} asked, {found.drifted} drifted, {len(found.failed)} failed"


@_in_queue
def send_notices_task() -> int:
    """Notify the teams of what is waiting for them; return how many notices that were. For every minute."""
    return send_notices()


@_in_queue
def send_mails_task() -> int:
    """Send the mails to customers that are due; return how many left. For every minute, or more often."""
    return send_customer_mails()


@_in_queue
def prune_task() -> str:
    """Remove records that are older than CRYPTOPAY_RETENTION_DAYS; return how many of what. For every night."""
    done = prune_records(before=timezone.now() - timedelta(days=app_settings.RETENTION_DAYS))
    return f"{done.callbacks} callbacks, {done.events} events"
