"""Checks that no form of the admin has a drop-down list of all invoices, which may be millions.

Imported only if the admin is installed. `admin/autocomplete.py` makes autocomplete fields of these where it can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.sites import AdminSite, all_sites
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from ..models import Invoice


def check_selects(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return W011 for a form of the admin with a drop-down list of all invoices."""
    return [
        CheckWarning(
            f"{(options if isinstance(options, type) else type(options)).__name__}.{name} would be drawn as a select "
            "of all invoices",
            hint=f'Add "{name}" to its raw_id_fields, or to autocomplete_fields where InvoiceAdmin is registered.',
            id="cryptopay.W011",
        )
        for site in all_sites
        if not site.is_registered(Invoice)
        for options, name in plain_selects(site)
    ]


def plain_selects(site: AdminSite) -> Iterator[tuple[Any, str]]:
    """Yield each ModelAdmin or inline of a site with a drop-down list of all invoices."""
    for model, model_admin in site._registry.items():
        for options in (model_admin, *model_admin.inlines):
            shown = getattr(options, "model", model)
            for field in (*shown._meta.fields, *shown._meta.many_to_many):
                is_ours = field.editable and getattr(field.remote_field, "model", None) is Invoice
                if is_ours and not _is_chosen(options, field.name):
                    yield options, field.name


def _is_chosen(options: Any, name: str) -> bool:
    """Return whether the project has chosen another widget, or does not show the field."""
    named = {
        *options.raw_id_fields,
        *options.autocomplete_fields,
        *options.radio_fields,
        *options.readonly_fields,
        *(options.exclude or ()),
    }
    kind = options if isinstance(options, type) else type(options)
    decides = any(
        getattr(kind, method) is not getattr(BaseModelAdmin, method)
        for method in ("formfield_for_foreignkey", "formfield_for_dbfield")
    )
    return name in named or decides or name in options.form.declared_fields
