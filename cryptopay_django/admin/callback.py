"""The inbox: what the gateway posted, byte for byte, and what became of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..conf import account_names
from ..models import Callback, CallbackOutcome
from .display import pretty_body
from .filters import AccountFilter
from .paging import CappedPaginator
from .readonly import ReadOnlyAdmin


class OutcomeFilter(admin.SimpleListFilter):
    """The outcome of a callback."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(CallbackOutcome.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Callback]) -> QuerySet[Callback]:
        return queryset.filter(outcome=self.value()) if self.value() in CallbackOutcome else queryset


@admin.register(Callback)
class CallbackAdmin(ReadOnlyAdmin):
    """Every callback that was answered 200."""

    list_display = ["id", "received_at", "event", "outcome", "invoice", "account", "repeats", "attempts", "error"]
    list_filter = [OutcomeFilter, AccountFilter]
    search_fields = ["=invoice__custom_id"]
    search_help_text = _("The custom_id of its invoice, in full.")
    ordering = ["-pk"]
    sortable_by = ()
    list_select_related = ["invoice"]
    list_per_page = 50
    paginator = CappedPaginator
    fields = readonly_fields = (
        "account", "event", "outcome", "error", "notes", "invoice", "received_at", "repeats", "last_received_at",
        "processed_at", "attempts", "next_attempt_at", "secret_index", "digest", "body_text",
    )  # fmt: skip

    class Media:
        css = {"all": ["cryptopay_django/admin/desk.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Callback]:
        """Without the bodies, which the list does not show."""
        return super().get_queryset(request).defer("body")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Callback], search_term: str
    ) -> tuple[QuerySet[Callback], bool]:
        """Find by the invoice's custom_id, which its account and name identify."""
        if not search_term.strip():
            return queryset, False
        named = {"invoice__account__in": account_names(), "invoice__custom_id": search_term.strip()}
        return queryset.filter(**named), False

    @admin.display(description=_("body"))
    def body_text(self, callback: Callback) -> SafeString:
        """The stored bytes, laid out."""
        return format_html('<pre class="cp-body">{}</pre>', pretty_body(bytes(callback.body)))
