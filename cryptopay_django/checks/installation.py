"""Checks the installed packages: contenttypes, django-fsm-2 and a task framework."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import django_fsm
from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from ..conf import app_settings
from ..services.dispatch.wake_or_enqueue import find_task

_FSM_PROVIDERS = ("django-fsm-2", "django-fsm", "django-fsm-rx")


def check_installation(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return E009 without contenttypes, and W010 if django_fsm comes from another distribution, or from two."""
    found: list[CheckMessage] = []
    if not apps.is_installed("django.contrib.contenttypes"):
        found.append(
            Error('"django.contrib.contenttypes" must be in INSTALLED_APPS: invoices point at orders with it',
                  id="cryptopay.E009")
        )  # fmt: skip
    installed = [name for name in _FSM_PROVIDERS if _installed_files(name)]
    if installed != [_FSM_PROVIDERS[0]]:
        provider = imported_fsm_provider()
        found.append(
            CheckWarning(
                f"django_fsm is imported from {provider}; installed: {', '.join(installed) or 'none known'}",
                hint="They install the same folder over each other. Uninstall them, then install django-fsm-2 alone.",
                id="cryptopay.W010",
            )
        )
    return found


def imported_fsm_provider() -> str:
    """Return the distribution and version that installed the imported django_fsm."""
    imported = Path(django_fsm.__file__)
    digest = hashlib.sha256(imported.read_bytes()).digest()
    recorded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    for name in _FSM_PROVIDERS:
        for file in _installed_files(name):
            if file.hash is not None and file.hash.value == recorded:
                return f"{name} {metadata.version(name)}"
    return f"an unknown source at {imported}"


def _installed_files(distribution: str) -> list[metadata.PackagePath]:
    """Return the records of `django_fsm/__init__.py` in a distribution, or nothing if it is not installed."""
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    return [file for file in files if file.parts == ("django_fsm", "__init__.py")]


def check_tasks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return E019 if callbacks are processed as tasks but cannot be enqueued, W026 for a backend without a worker."""
    try:
        if app_settings.PROCESSING == "task":
            return _backend_messages(find_task("process_callback_task").get_backend())
    except ImportError as error:
        return [
            Error(
                f'CRYPTOPAY_PROCESSING is "task", and no task framework is installed ({error})',
                hint='Django has one from 6.0 on; before that: pip install "cryptopay-django[tasks]".',
                id="cryptopay.E019",
            )
        ]
    except Exception as error:  # noqa: BLE001  what a backend raises is its own affair
        return [
            Error(
                f'CRYPTOPAY_PROCESSING is "task", and nothing can be enqueued: {error}',
                hint="CRYPTOPAY_TASK_BACKEND names an entry of TASKS, and CRYPTOPAY_TASK_QUEUE one of its QUEUES.",
                id="cryptopay.E019",
            )
        ]
    return []


def _backend_messages(backend: Any) -> list[CheckMessage]:
    """Return W026 for the two backends of the framework that are meant for development and for tests."""
    names = {kind.__name__ for kind in type(backend).__mro__ if "tasks.backends." in kind.__module__}
    problems = {
        "ImmediateBackend": "runs each task where it is enqueued: a callback is answered when it is processed, and "
        "the gateway waits ten seconds",
        "DummyBackend": "runs no task: callbacks are stored, and wait for a worker or process_overdue_task",
    }
    return [
        CheckWarning(
            f'CRYPTOPAY_PROCESSING is "task", and the backend "{app_settings.TASK_BACKEND}" of TASKS {problem}',
            hint="Take a backend with a worker, such as that of django-tasks-db; or leave CRYPTOPAY_PROCESSING at "
            '"request", which keeps to CRYPTOPAY_REQUEST_BUDGET.',
            id="cryptopay.W026",
        )
        for name, problem in problems.items()
        if name in names
    ]
