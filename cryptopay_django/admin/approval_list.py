"""Lists the resolutions that wait for a second person. The second person decides in `resolution.py`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Resolution
from ..models.resolution import Approval, awaiting_approval
from .access import is_planner, may_decide
from .display import amount
from .resolution import KindFilter, ResolutionAdmin


@admin.register(Approval)
class ApprovalAdmin(ResolutionAdmin):
    """The resolutions that wait for a second person, as an entry of its own on the first page of the admin."""

    list_display = ["created_at", "kind", "invoice_link", "amount", "actor", "reason"]
    list_display_links = None
    list_filter = [KindFilter]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Only what waits."""
        return super().get_queryset(request).filter(awaiting_approval())

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """With a link to confirm for those who may."""
        return [*self.list_display, self._decide_for(request.user)]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """With the permission to view resolutions: it has none of its own."""
        return self.admin_site.get_model_admin(Resolution).has_view_permission(request, obj)

    def get_urls(self) -> list[URLPattern]:
        """Without the pages of the acts, which belong to resolutions."""
        return super(ResolutionAdmin, self).get_urls()

    @admin.display(description=gettext_lazy("amount"))
    def amount(self, approval: Resolution) -> str:
        """The part of a completed order that is to go back; otherwise what was paid for the invoice."""
        if asked := approval.parameters.get("amount"):
            return amount(Decimal(asked), approval.parameters.get("currency", ""))
        return amount(approval.invoice.paid_amount, approval.invoice.pay_currency)

    def _decide_for(self, user: Any) -> Any:
        """Return the column with the link to confirm, or why this user cannot."""

        @admin.display(description=gettext_lazy("decide"))
        def decide(approval: Resolution) -> SafeString | str:
            if is_planner(user, approval):
                return _("You planned it. Another person must confirm it.")
            if not may_decide(user, approval):
                return _("You lack the permission.")
            url = reverse(f"{self.admin_site.name}:cryptopay_django_resolution_approve", args=[approval.pk])
            return format_html('<a href="{}">{}</a>', url, _("Look and confirm"))

        return decide
