"""Filters the list of payment links."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import PaymentLink, PaymentLinkKind
from . import filters


class LinkStateFilter(admin.SimpleListFilter):
    """Filters links by whether customers can still begin to pay by them."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        return [("open", _("open")), ("expired", _("expired")), ("cancelled", _("cancelled"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[PaymentLink]) -> QuerySet[PaymentLink]:
        now = timezone.now()
        states = {
            "open": Q(cancelled_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now)),
            "expired": Q(cancelled_at=None, expires_at__lte=now),
            "cancelled": Q(cancelled_at__isnull=False),
        }
        return queryset.filter(states.get(self.value() or "", Q()))


class LinkKindFilter(admin.SimpleListFilter):
    """Filters links by their kind: an online link, or the counter."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> filters.Choices:
        return list(PaymentLinkKind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[PaymentLink]) -> QuerySet[PaymentLink]:
        return queryset.filter(kind=self.value()) if self.value() in PaymentLinkKind else queryset
