"""A shop's own admin never draws a select of all invoices unless it asks for it."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory

from cryptopay_django.admin import InvoiceAdmin
from cryptopay_django.checks.admin_selects import check_selects
from cryptopay_django.models import Invoice
from example_project.shop.models import LedgerEntry, Product


class EntryAdmin(admin.ModelAdmin):
    pass


class RawEntryAdmin(admin.ModelAdmin):
    raw_id_fields = ["invoice"]


class OwnEntryAdmin(admin.ModelAdmin):
    """Decides itself."""

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


def widget_of(site, admin_class):
    site.register(LedgerEntry, admin_class)
    assert site.urls
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    form = site.get_model_admin(LedgerEntry).get_form(request)
    widget = form.base_fields["invoice"].widget
    return type(getattr(widget, "widget", widget)).__name__


@pytest.fixture
def site():
    made = admin.AdminSite("other")
    yield made
    admin.sites.all_sites.discard(made)


@pytest.mark.parametrize(
    ("admin_class", "widget"),
    [(EntryAdmin, "AutocompleteSelect"), (RawEntryAdmin, "ForeignKeyRawIdWidget"), (OwnEntryAdmin, "Select")],
)
def test_a_key_to_an_invoice_is_completed_unless_the_shop_says_how(site, admin_class, widget):
    site.register(Invoice, InvoiceAdmin)
    site.register(User)

    assert widget_of(site, admin_class) == widget
    assert EntryAdmin.autocomplete_fields == ()


def test_where_there_is_nothing_to_complete_from_a_check_names_the_field(site):
    site.register(LedgerEntry, EntryAdmin)
    site.register(Product)

    messages = check_selects(None)

    assert [message.id for message in messages] == ["cryptopay.W011"]
    assert "EntryAdmin.invoice" in messages[0].msg


def test_a_site_that_says_how_is_not_warned_of(site):
    site.register(LedgerEntry, RawEntryAdmin)

    assert check_selects(None) == []
