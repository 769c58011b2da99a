"""Gives a shop's own admin an autocomplete field for an invoice, so that it draws no list of a million options.

A foreign key to Invoice that a ModelAdmin does not mention becomes an autocomplete field on the sites that have our
InvoiceAdmin. The ModelAdmin chooses another field by naming it in `raw_id_fields` or `radio_fields`, or by deciding
itself in `formfield_for_foreignkey`. On other sites there is nothing to complete from: the system check W011
(`checks/admin_selects.py`) names the field.
"""

from __future__ import annotations

from django.contrib.admin.sites import AdminSite

from ..checks.admin_selects import plain_selects


def complete_invoices(site: AdminSite) -> None:
    """Make autocomplete fields of those that would be selects, in every ModelAdmin and inline of a site."""
    for options, name in plain_selects(site):
        options.autocomplete_fields = (*options.autocomplete_fields, name)
