"""Renders the pages that this admin has beside Django's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

# What some pages set and others do not: without a value here, it would be what a context processor of the project
# calls so.
_NOT_SHOWN: dict[str, Any] = {
    **dict.fromkeys(
        (
            "action_url", "alarms", "asked_balances", "balances", "books", "can_change", "can_close", "choices",
            "comparison", "empty", "from_when", "html", "new_link", "periods", "posted", "preview_problem",
            "problem", "problems", "rows", "second_person", "statement", "subject_url", "was_read",
        ),
        "",
    ),
    "seconds_left": None,
}  # fmt: skip


def own_page(of: ModelAdmin, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
    """Return a page of ours within the admin, with the heading of its model; `template` is the name of its file."""
    context = {
        **_NOT_SHOWN,
        **of.admin_site.each_context(request),
        "opts": of.opts,
        "media": of.media,
        **context,
    }
    return TemplateResponse(request, f"admin/cryptopay_django/{template}.html", context)
