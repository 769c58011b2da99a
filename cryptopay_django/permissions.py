"""Decides which user may do which act, by Django's own permissions on invoices.

The desk and the API ask before anything is looked up; the services ask again, of a user, under the lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


class Act(StrEnum):
    """An act of staff; the value is the permission's codename."""

    SETTLE = "settle_invoice"
    REFUND = "refund_invoice"
    REFUND_TO_ADDRESS = "refund_invoice_to_address"
    RELEASE = "release_invoice"
    DELIVER_AGAIN = "deliver_events_again"
    REFRESH = "change_invoice"
    """Ask the service, or try a signal again: brings the row up to date, decides nothing."""


def acts_of(kind: str, parameters: Mapping[str, Any]) -> tuple[Act, ...]:
    """Return what it takes to plan, confirm, withdraw or end a settlement or refund."""
    if kind == "refund":
        return (Act.REFUND_TO_ADDRESS if parameters.get("address") else Act.REFUND,)
    return (Act.SETTLE, Act.REFUND) if parameters.get("refund_overage") else (Act.SETTLE,)


def may_view(user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Return whether a user may see invoices, as Django's admin does: by the view or the change permission."""
    person: Any = user
    seeing = ("cryptopay_django.view_invoice", "cryptopay_django.change_invoice")
    return person is not None and any(person.has_perm(permission) for permission in seeing)


def may(user: AbstractBaseUser | AnonymousUser | None, *acts: Act) -> bool:
    """Return whether a user may do all of this: each act's permission, and leave to see invoices."""
    person: Any = user
    return may_view(user) and all(person.has_perm(f"cryptopay_django.{act}") for act in acts)
