"""Shows the list of invoices and the page of one. The actions of staff: `invoice_actions.py`, `bulk_actions.py`."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ShowFacets
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..conf import account_names
from ..models import Invoice
from ..permissions import Act, may
from . import (
    autocomplete,
    books,
    bulk_actions,
    deliver_again,
    deliver_now,
    display,
    doctor,
    filters,
    invoice_actions,
    invoice_page,
    ledger,
    mails,
    overview,
    refund_links,
    statement,
)
from .access import awaits_second_person
from .export import PRESETS, filtered_csv, rows_of
from .invoice_columns import InvoiceColumns
from .own_page import own_page
from .paging import CappedPaginator
from .readonly import ReadOnlyAdmin
from .search import SearchByName, find_invoices


@admin.register(Invoice)
class InvoiceAdmin(
    InvoiceColumns,
    deliver_now.Retries,
    deliver_again.DeliverAgain,
    invoice_actions.InvoiceActs,
    bulk_actions.BulkActs,
    ledger.LedgerPages,
    statement.StatementPages,
    books.BooksPages,
    refund_links.RefundLinkPages,
    mails.MailPages,
    SearchByName,
    ReadOnlyAdmin,
):
    """All invoices: the amounts ordered, to pay and paid, and the acts that are possible."""

    list_display = ["invoice", "order_link", "state", "asked", "came", "risk", "account"]
    list_filter = [
        filters.WaitingFilter,
        filters.StatusFilter,
        filters.ContextFilter,
        filters.QuarantineFilter,
        filters.RiskFilter,
        filters.AccountFilter,
        filters.CreatedFilter,
        filters.FinishedFilter,
        filters.CoinFilter,
        filters.HandlerFilter,
    ]
    sortable_by = ["state"]
    search_fields = ["=id"]
    search_help_text = _(
        "Enter a complete value: our id, the gateway's id, custom_id, address, transaction id or order."
    )
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    list_per_page = 25
    ordering = ["-created_at"]
    fieldsets = [
        (
            _("What the shop sent"),
            {
                "classes": ["collapse"],
                "fields": ["name", "description", "metadata", "customer_id", "payer_email", "language"],
            },
        ),
        (
            _("Where to pay"),
            {
                "classes": ["collapse"],
                "fields": ["network", "address", "destination_tag", "uri", "hosted_page_url"],
            },
        ),
        (
            _("Times"),
            {
                "classes": ["collapse"],
                "fields": ["created_at", "expires_at", "finished_at", "polled_at", "updated_at"],
            },
        ),
        (
            _("Names"),
            {
                "classes": ["collapse"],
                "fields": ["id", "custom_id", "gateway_id", "account", "environment", "version"],
            },
        ),
    ]
    change_form_template = "admin/cryptopay_django/invoice/page.html"
    change_list_template = "admin/cryptopay_django/invoice/list.html"

    class Media:
        css = {"all": ["cryptopay_django/admin/admin.css"]}

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without the account where there is but one."""
        hidden = () if len(account_names()) > 1 else ("account",)
        return [name for name in self.list_display if name not in hidden]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        """With the payments and orders of a whole page, in one query for each kind of order; and what waits."""
        rows: QuerySet[Any] = super().get_queryset(request).annotate(awaits_second_person=awaits_second_person())
        return rows.prefetch_related("payments", "order")

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """By the moment that is filtered by, so that one index serves both."""
        return ["-finished_at"] if request.GET.get("finished_at") else list(self.ordering)

    def named(self, term: str) -> Q:
        """Return the invoices that a text names; autocomplete fields of the shop's own admin ask too."""
        return Q(pk__in=find_invoices(term))

    def get_urls(self) -> list[URLPattern]:
        """Put our own pages before those of the admin, whose last pattern takes everything.

        Django asks for URLs when every ModelAdmin is registered: the moment to look at the shop's own.
        """
        autocomplete.complete_invoices(self.admin_site)
        view = self.admin_site.admin_view
        names = [
            path("doctor/", view(self.doctor_view), name="cryptopay_django_invoice_doctor"),
            path("overview/", view(self.overview_view), name="cryptopay_django_invoice_overview"),
            path("export/<slug:preset>/", view(self.export_view), name="cryptopay_django_invoice_export"),
            *self.act_urls(),
            *self.retry_urls(),
            *self.bulk_urls(),
            *self.again_urls(),
            *self.ledger_urls(),
            *self.statement_urls(),
            *self.books_urls(),
            *self.refund_link_urls(),
            *self.mail_urls(),
        ]
        return [*names, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the exports of what is filtered."""
        presets = [(name, preset.title) for name, preset in PRESETS.items()]
        query = request.GET.copy()
        for name in ("p", "o", "e"):
            query.pop(name, None)
        extra = {
            "export_presets": presets,
            "export_query": query.urlencode(),
            "sees_ledger": may(request.user, Act.VIEW_LEDGER),
            **(extra_context or {}),
        }
        return super().changelist_view(request, extra)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page of an invoice: what it means, what can be done, payments and timeline."""
        invoice = kwargs.get("obj") or args[-1]
        context["facts"] = [
            (_("order"), self.order_link(invoice)),
            (_("ordered"), self.ordered(invoice)),
            (_("to pay"), self.to_pay(invoice)),
            (_("paid"), self.paid(invoice)),
            (_("difference"), self.difference(invoice)),
            (_("credited"), self.settled(invoice)),
            (_("fee"), self.fee(invoice)),
            (_("rate"), self.rate(invoice)),
            (_("created"), self.age(invoice)),
            (_("gateway"), display.environment(invoice)),
        ]
        context.update(
            invoice_page.page_context(invoice, request.user, now=timezone.now(), site_name=self.admin_site.name)
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def export_view(self, request: HttpRequest, preset: str) -> HttpResponseBase:
        """Stream the filtered rows as CSV; every row, also those behind the last page of the list."""
        if preset not in PRESETS:
            return HttpResponse(status=404)
        return filtered_csv(self, request, f"invoices-{preset}", partial(rows_of, PRESETS[preset]))

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        """Show how payments are doing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            "title": _("Overview"),
            **overview.overview_context(request, self.admin_site, now=timezone.now()),
        }
        return own_page(self, request, "invoice/overview", context)

    def doctor_view(self, request: HttpRequest) -> HttpResponse:
        """Show what is as it should be and what is not; a POST asks the gateway too. Changes nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            "title": _("Doctor"),
            **doctor.doctor_context(asks_gateway=request.method == "POST"),
        }
        return own_page(self, request, "invoice/doctor", context)
