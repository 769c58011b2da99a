"""Selects the few results that tell an alarm whether money and callbacks are delayed."""

from __future__ import annotations

from django.utils import timezone

from . import backlog
from .check_result import CheckResult


def check_health() -> list[CheckResult]:
    """Return what waits, and how bad that is. A handful of queries by index; asks nobody else."""
    now = timezone.now()
    return [backlog.pending_callbacks(now), backlog.pending_events(now), backlog.undecided_resolutions(now)]
