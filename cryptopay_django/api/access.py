"""Defines the permissions of the views. They are checked before any lookup: 403 before 404."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ..permissions import may, may_view


class MayView(BasePermission):
    """Allows users who may view rows of the view's model."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_view(request.user, view.model._meta.model_name)


class MayAct(BasePermission):
    """Allows users with one of the view's `acts` who may view its rows. The view then checks the exact one."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return any(may(request.user, act) for act in view.acts)
