"""Checks the installed packages: contenttypes, the state machine's distribution, and a task framework."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import django_fsm
from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning

from ..conf import app_settings
from ..services.dispatch.wake_or_enqueue import find_task

_FSM_PROVIDERS = ("django-fsm-2", "django-fsm")


@register("cryptopay")
def check_installation(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E009 without contenttypes; W010 when django_fsm is not, or not only, what we depend on."""
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
                f"django_fsm is imported from {provider}; installed: {', '.join(installed) or 'neither distribution'}",
                hint="Both distributions install the same folder over each other. Uninstall both, then install "
                "django-fsm-2 alone.",
                id="cryptopay.W010",
            )
        )
    return found


def imported_fsm_provider() -> str:
    """Name the distribution, with its version, whose record has the very file that is imported as django_fsm."""
    imported = Path(django_fsm.__file__)
    digest = hashlib.sha256(imported.read_bytes()).digest()
    recorded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    for name in _FSM_PROVIDERS:
        for file in _installed_files(name):
            if file.hash is not None and file.hash.value == recorded:
                return f"{name} {metadata.version(name)}"
    return f"an unknown source at {imported}"


def _installed_files(distribution: str) -> list[metadata.PackagePath]:
    """Return the records of `django_fsm/__init__.py` in a distribution, empty when it is not installed."""
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    return [file for file in files if file.parts == ("django_fsm", "__init__.py")]


@register("cryptopay")
def check_tasks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E019 when callbacks are to be processed as tasks and cannot be enqueued."""
    try:
        if app_settings.PROCESSING == "task":
            find_task("process_callback_task")
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
