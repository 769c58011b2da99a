"""Who goes on with what is stored: this request, a worker that is woken, or a task. CRYPTOPAY_PROCESSING decides.

What is stored is due by itself; nothing here can lose it. A worker or a task is only told sooner.
"""

from __future__ import annotations

import logging
from functools import partial
from importlib import import_module
from typing import Any

from django.db import router, transaction

from ..conf import app_settings
from ..models import Callback, Invoice
from .delivery import deliver_events
from .waking import wake_workers

logger = logging.getLogger("cryptopay_django")

_TASKS = "cryptopay_django.tasks"


def hand_over_callback(callback: Callback) -> None:
    """Tell a worker or a task of a stored callback, once it is committed. Never raises."""
    if app_settings.PROCESSING == "task":
        _enqueue_once_committed("process_callback_task", callback.pk)
    else:
        wake_workers()


def hand_over_events(invoice: Invoice) -> None:
    """Deliver an invoice's pending events at once, or tell a worker or a task that there are some."""
    mode = app_settings.PROCESSING
    if mode == "request":
        deliver_events(invoice)
    elif mode == "task":
        _enqueue_once_committed("deliver_events_task", str(invoice.pk))
    else:
        wake_workers()


def find_task(name: str) -> Any:
    """Return a task for the backend and queue in the settings.

    Raises what the framework raises: ImportError where none is installed, and errors of its own for a backend or a
    queue that is not there.
    """
    task = getattr(import_module(_TASKS), name)
    return task.using(backend=app_settings.TASK_BACKEND, queue_name=app_settings.TASK_QUEUE)


def _enqueue_once_committed(name: str, subject: int | str) -> None:
    transaction.on_commit(partial(_enqueue, name, subject), using=router.db_for_write(Callback))


def _enqueue(name: str, subject: int | str) -> None:
    try:
        find_task(name).enqueue(subject)
    except Exception:
        # A queue that is down: its work is stored, and process_overdue_task finds it.
        logger.exception("%s(%s) could not be enqueued; it is stored, and done later", name, subject)
