"""Keeps views outside of the transactions that `ATOMIC_REQUESTS` puts around requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections, transaction

View = TypeVar("View", bound=Callable[..., Any])


def non_atomic_requests(view: View) -> View:
    """Mark a view, as Django's decorator does, for all databases: a router may put our rows into any of them."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view
