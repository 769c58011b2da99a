"""The views' permissions. Asked before anything is looked up: 403 before 404."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ..permissions import may, may_view


class MayView(BasePermission):
    """Leave to see invoices."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_view(request.user)


class MayAct(BasePermission):
    """One of the view's `acts`, and leave to see invoices. Which of them it takes in the end, the view asks."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return any(may(request.user, act) for act in view.acts)
