"""Who may do what, by Django's own permissions on invoices. Asked before anything is looked up: 403 before 404."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class Act(StrEnum):
    """What staff can do; the value is the permission's codename."""

    SETTLE = "settle_invoice"
    REFUND = "refund_invoice"
    REFUND_TO_ADDRESS = "refund_invoice_to_address"
    RELEASE = "release_invoice"


def may_view(user: Any) -> bool:
    """Tell whether a user may see invoices, as in Django's admin: by the view or the change permission."""
    return user is not None and any(user.has_perm(f"cryptopay_django.{verb}_invoice") for verb in ("view", "change"))


def may(user: Any, *acts: Act) -> bool:
    """Tell whether a user may do all of this: each act's permission, and leave to see invoices."""
    return may_view(user) and all(user.has_perm(f"cryptopay_django.{act}") for act in acts)


class MayView(BasePermission):
    """Leave to see invoices."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_view(request.user)


class MayAct(BasePermission):
    """One of the view's `acts`, and leave to see invoices. Which of them it takes in the end, the view asks."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return any(may(request.user, act) for act in view.acts)
