"""Decides which user may do which action, with Django's permissions on invoices and channels.

The admin and the API check before any lookup. The services check again under the lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser


class Act(StrEnum):
    """An action of staff. The value is the permission's codename."""

    SETTLE = "settle_invoice"
    REFUND = "refund_invoice"
    REFUND_TO_ADDRESS = "refund_invoice_to_address"
    RELEASE = "release_invoice"
    RELEASE_PAYMENT = "release_channelpayment"
    SWITCH_CHANNEL = "switch_channel"
    VIEW_LEDGER = "view_ledger"
    CLOSE_BOOKS = "close_books"
    DELIVER_AGAIN = "deliver_events_again"
    MAKE_LINK = "add_paymentlink"
    CANCEL_LINK = "change_paymentlink"
    REFRESH = "change_invoice"
    """Ask the gateway, or try a signal again: brings the row up to date, decides nothing."""


def acts_of(kind: str, parameters: Mapping[str, Any]) -> tuple[Act, ...]:
    """Return the permissions to plan, confirm, withdraw or end a settlement or refund."""
    if kind == "refund":
        return (Act.REFUND_TO_ADDRESS if parameters.get("address") else Act.REFUND,)
    return (Act.SETTLE, Act.REFUND) if parameters.get("refund_overage") else (Act.SETTLE,)


_SEEN_WITH: Mapping[Act, str] = {
    Act.RELEASE_PAYMENT: "channelpayment",
    Act.SWITCH_CHANNEL: "channel",
    Act.MAKE_LINK: "paymentlink",
    Act.CANCEL_LINK: "paymentlink",
}


def is_staff(user: AbstractBaseUser | AnonymousUser | None) -> bool:
    """Return whether a user is active staff. A project's user model may have no such field: then nobody is."""
    return bool(user and user.is_active and getattr(user, "is_staff", False))


def may_view(user: AbstractBaseUser | AnonymousUser | None, model: str = "invoice") -> bool:
    """Return whether a user may view rows of a model: with the view or the change permission, as in the admin."""
    person: Any = user
    seeing = (f"cryptopay_django.view_{model}", f"cryptopay_django.change_{model}")
    # A project's user model may be without permissions.
    return hasattr(person, "has_perm") and any(person.has_perm(permission) for permission in seeing)


def may(user: AbstractBaseUser | AnonymousUser | None, *acts: Act) -> bool:
    """Return whether a user has the permission for each of these actions, and may view the rows of its subject.

    The subject is an invoice, except for the actions on channels, their payments, and payment links.
    """
    person: Any = user
    models = {_SEEN_WITH.get(act, "invoice") for act in acts} or {"invoice"}
    is_shown = all(may_view(user, model) for model in models)
    return is_shown and all(person.has_perm(f"cryptopay_django.{act}") for act in acts)
