"""Wakes a worker or enqueues a task for stored work: CRYPTOPAY_PROCESSING decides. Loses nothing if that fails."""

from __future__ import annotations

import logging
from functools import partial
from importlib import import_module
from inspect import isfunction
from typing import Any
from uuid import UUID

from django.db import router, transaction

from ...conf import app_settings
from ...models import Callback
from .postgres_notify import wake_workers

logger = logging.getLogger("cryptopay_django")

_TASKS = "cryptopay_django.tasks"


def dispatch_callback(callback: Callback) -> None:
    """Have a stored callback processed by a worker or a task, once it is committed. Never raises."""
    _dispatch("process_callback_task", callback.pk)


def dispatch_events(subject: UUID) -> None:
    """Have a subject's pending events delivered by a worker or a task, once they are committed. Never raises."""
    _dispatch("deliver_events_task", str(subject))


def find_task(name: str) -> Any:
    """Return a task for the backend and queue in the settings.

    Raises what the framework raises: ImportError where none is installed, and errors of its own for a backend or a
    queue that is not there.
    """
    tasks = import_module(_TASKS)
    task = getattr(tasks, name)
    if isfunction(task):
        task = tasks.make_task(task)
    return task.using(backend=app_settings.TASK_BACKEND, queue_name=app_settings.TASK_QUEUE)


def _dispatch(name: str, key: int | str) -> None:
    if app_settings.PROCESSING == "task":
        transaction.on_commit(partial(_enqueue, name, key), using=router.db_for_write(Callback))
    else:
        wake_workers()


def _enqueue(name: str, key: int | str) -> None:
    try:
        find_task(name).enqueue(key)
    except Exception:
        # A queue that is down: its work is stored, and process_overdue_task finds it.
        logger.exception("%s(%s) could not be enqueued; the work is stored and will be done later", name, key)
