"""Defines the columns of the list of invoices, and the fields of an invoice's page. All are read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.sites import AdminSite
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import Invoice
from . import display
from .readonly import request_of


class InvoiceColumns:
    """Mixed into the admin of invoices. A row's orders and payments were fetched for the whole page before."""

    admin_site: AdminSite

    @admin.display(description=mark_safe('<input type="checkbox" id="action-toggle">'))
    def action_checkbox(self, invoice: Invoice) -> SafeString:
        """The check box that selects a row, as the admin draws it, without rendering a template for each."""
        label = gettext("Select this object for an action - {}")
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
            ACTION_CHECKBOX_NAME,
            invoice.pk,
            format_html(label, invoice),
        )

    @admin.display(description=_("invoice"))
    def invoice(self, invoice: Invoice) -> SafeString | str:
        """The shop's own name of it."""
        return display.name_of(invoice)

    @admin.display(description=_("state, age"), ordering="-created_at")
    def state(self, invoice: Invoice) -> SafeString:
        """Status, context and quarantine, and how long ago it was made."""
        now = timezone.now()
        badges, age = display.state_badges(invoice, now), display.age(invoice.created_at, now)
        if getattr(invoice, "awaits_second_person", False):
            badges = format_html("{} {}", badges, display.badge("warning", gettext("waits for a second person")))
        return format_html('{}<br><span class="cp-quiet">{}</span>', badges, age)

    @admin.display(description=_("age"))
    def age(self, invoice: Invoice) -> SafeString:
        """The time since it was made."""
        return display.age(invoice.created_at, timezone.now())

    @admin.display(description=_("ordered, to pay"))
    def asked(self, invoice: Invoice) -> SafeString:
        """The ordered amount, and the amount that the customer was asked to pay."""
        coins = display.amount(invoice.pay_amount, invoice.pay_currency)
        return format_html('{}<br><span class="cp-quiet">{}</span>', self.ordered(invoice), coins)

    @admin.display(description=_("paid, difference"))
    def came(self, invoice: Invoice) -> SafeString | str:
        """The paid amount, and its difference from the amount to pay."""
        if not invoice.paid_amount:
            return display.NOTHING
        missed = display.difference_html(invoice)
        return self.paid(invoice) if missed == display.NOTHING else format_html("{}<br>{}", self.paid(invoice), missed)

    @admin.display(description=_("ordered"))
    def ordered(self, invoice: Invoice) -> str:
        """The ordered amount."""
        return display.amount(invoice.price_amount, invoice.price_currency)

    @admin.display(description=_("to pay"))
    def to_pay(self, invoice: Invoice) -> str:
        """The amount that the customer was asked to pay."""
        return display.amount(invoice.pay_amount, invoice.pay_currency)

    @admin.display(description=_("paid"))
    def paid(self, invoice: Invoice) -> str:
        """The paid amount."""
        return display.amount(invoice.paid_amount, invoice.pay_currency) if invoice.paid_amount else display.NOTHING

    @admin.display(description=_("difference"))
    def difference(self, invoice: Invoice) -> SafeString | str:
        """The amount that was paid too little or too much, in the coin and in the ordered currency."""
        return display.difference_html(invoice)

    @admin.display(description=_("settled"))
    def settled(self, invoice: Invoice) -> str:
        """The amount that the gateway credited."""
        return display.amount(invoice.settled_amount, invoice.price_currency)

    @admin.display(description=_("fee"))
    def fee(self, invoice: Invoice) -> str:
        """The gateway's fee."""
        return display.amount(invoice.fee_amount, invoice.fee_currency)

    @admin.display(description=_("rate"))
    def rate(self, invoice: Invoice) -> str:
        """The price of one coin when the invoice was made."""
        return display.rate(invoice.exchange_rate, invoice.pay_currency, invoice.price_currency)

    @admin.display(description=_("risk"))
    def risk(self, invoice: Invoice) -> SafeString | str:
        """The gravest risk of its payments."""
        return display.risk_badge(display.highest_risk(invoice.payments.all()))

    @admin.display(description=_("order"))
    def order_link(self, invoice: Invoice) -> SafeString | str:
        """The shop's order, as a link where the admin has a page for it that the user may open."""
        return link_to(invoice.order, self.admin_site, request_of(invoice))


class LinkToInvoice:
    """Mixed into the admin of what belongs to an invoice. Django's own link leads people to a 403."""

    admin_site: AdminSite

    @admin.display(description=_("invoice"))
    def invoice_link(self, row: Any) -> SafeString | str:
        """What the shop calls the invoice, as a link if the user may open it."""
        if row.invoice is None:
            return display.NOTHING
        return link_to(row.invoice, self.admin_site, request_of(row), display.name_of(row.invoice))


def link_to(row: Any, site: AdminSite, request: HttpRequest | None, text: str = "") -> SafeString | str:
    """Return a row as text, with a link if the admin has a page for it that the user may open."""
    if row is None:
        return display.NOTHING
    url, text = page_of(row, site, request), text or text_of(row)
    return format_html('<a href="{}">{}</a>', url, text) if url else text


def text_of(row: Model) -> str:
    """Return a row of the shop as text; its model and key where its own text needs what is gone."""
    try:
        return str(row)
    except Exception:  # noqa: BLE001  code of the shop's: one row must not take the list away
        return f"{row._meta.verbose_name} {row.pk}"


def page_of(row: Any, site: AdminSite, request: HttpRequest | None) -> str:
    """Return the URL of a row's page in the admin; "" if there is none, or if the user may not open it."""
    if not isinstance(row, Model) or not site.is_registered(type(row)):
        return ""
    if request and not site.get_model_admin(type(row)).has_view_or_change_permission(request, row):
        return ""
    page = f"{site.name}:{row._meta.app_label}_{row._meta.model_name}_change"
    try:
        return reverse(page, args=[quote(row.pk)], current_app=site.name)
    except NoReverseMatch:
        return ""
