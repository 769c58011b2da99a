"""Defines admin classes that show and never write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline


class ReadOnly:
    """Mixed into ModelAdmin and inlines: no user adds, changes or deletes, whatever the permissions."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _ShownFor:
    """The request that a row is shown for. It stays behind where an app stores the row in a cache."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        self.request = request

    def __reduce__(self) -> tuple[type[_ShownFor], tuple[()]]:
        return _ShownFor, ()


def _note(row: Any, request: HttpRequest) -> None:
    row.admin_shown_for = _ShownFor(request)


def request_of(row: Model) -> HttpRequest | None:
    """Return the request that a row of a list, or of a page, is shown for; None where nobody has noted it."""
    noted: _ShownFor | None = getattr(row, "admin_shown_for", None)
    return noted.request if noted else None


class ReadOnlyList(ChangeList):
    """A page of a list. Each row knows the request, so that a column can leave out links that lead to 403."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        for row in self.result_list:
            _note(row, request)


class ReadOnlyAdmin(ReadOnly, ModelAdmin):
    """A model in the admin that can only be looked at."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return a row that knows the request, as each row of the list does."""
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            _note(row, request)
        return row

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ReadOnlyList


class ReadOnlyInline(ReadOnly, TabularInline):
    """Rows of another model on an invoice's page, oldest first."""

    extra = 0
    can_delete = False
    show_change_link = False
