"""Shows the callbacks that the gateway posted, byte for byte, with their outcome, and invoices that are not ours."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..conf import account_names
from ..gateway.schemas import INVOICE_TYPE
from ..models import Callback, CallbackOutcome
from ..permissions import Act, may
from ..services.snapshots.orphan_invoices import OrphanInvoice, find_orphan_invoices
from . import display
from .deliver_again import DeliverAgain
from .deliver_now import Retries
from .filters import AccountFilter
from .invoice_columns import LinkToInvoice, link_to, page_of
from .own_page import own_page
from .paging import CappedPaginator
from .readonly import ReadOnlyAdmin, request_of
from .search import SearchByName, find_invoices
from .timeline import timeline_of

MOST_SHOWN = 200
"""How many invoices that are not ours the page shows."""


class OutcomeFilter(admin.SimpleListFilter):
    """The outcome of a callback."""

    title = _("outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(CallbackOutcome.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Callback]) -> QuerySet[Callback]:
        return queryset.filter(outcome=self.value()) if self.value() in CallbackOutcome else queryset


@admin.register(Callback)
class CallbackAdmin(LinkToInvoice, Retries, DeliverAgain, SearchByName, ReadOnlyAdmin):
    """Every callback that was answered 200."""

    key_type = "int"
    actions = ["deliver_events_again"]
    list_display = [
        "id", "received_at", "short_event", "outcome", "invoice_link", "account", "repeats", "attempts", "error",
    ]  # fmt: skip
    list_filter = [OutcomeFilter, AccountFilter]
    search_fields = ["=invoice__custom_id", "=gateway_id"]
    search_help_text = _("Any name of its invoice: see the search there. Or the gateway's id, in full.")
    ordering = ["-pk"]
    sortable_by = ()
    list_select_related = ["invoice"]
    list_per_page = 50
    paginator = CappedPaginator
    change_form_template = "admin/cryptopay_django/callback/page.html"
    change_list_template = "admin/cryptopay_django/callback/list.html"
    fields = readonly_fields = (
        "account", "event", "outcome", "error", "notes", "invoice_link", "channel_payment_link", "gateway_id",
        "received_at", "repeats", "last_received_at", "processed_at", "attempts", "next_attempt_at", "secret_index",
        "digest", "body_text",
    )  # fmt: skip

    class Media:
        css = {"all": ["cryptopay_django/admin/admin.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Callback]:
        """Without the bodies, which the list does not show."""
        return super().get_queryset(request).defer("body")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Without the account where there is but one."""
        hidden = () if len(account_names()) > 1 else ("account",)
        return [name for name in self.list_display if name not in hidden]

    def named(self, term: str) -> Q:
        """Return what belongs to the invoices that a text names, and what speaks of the gateway's id."""
        named = Q(invoice__in=find_invoices(term))
        try:
            return named | Q(gateway_id=UUID(term))
        except ValueError:
            return named

    def get_urls(self) -> list[URLPattern]:
        """Put our own pages before those of the admin, whose last pattern takes everything."""
        view = self.admin_site.admin_view(self.foreign_view)
        foreign = path("not-ours/", view, name="cryptopay_django_callback_foreign")
        return [foreign, *self.retry_urls(), *self.again_urls(), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page of a callback: what it became, and the delivery of its event, if it has one."""
        callback = kwargs.get("obj") or args[-1]
        is_orphan = callback.outcome == CallbackOutcome.ORPHAN
        context |= {
            "subject_url": "",
            "callback": callback,
            "foreign": is_orphan and callback.event.startswith(f"{INVOICE_TYPE} "),
            "timeline": timeline_of(callback, site_name=self.admin_site.name),
            "may_refresh": may(request.user, Act.REFRESH),
            "may_view_callbacks": True,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def foreign_view(self, request: HttpRequest) -> HttpResponse:
        """Show the invoices of the accounts that were not made here, the last seen first."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found, is_cut = find_orphan_invoices()
        is_paid_only = "paid" in request.GET
        found = [one for one in found if one.is_paid or not is_paid_only]
        shown = found[:MOST_SHOWN]
        context = {
            "title": gettext("Invoices that are not ours"),
            "rows": [_row(one, page_of(one.named_like, self.admin_site, request)) for one in shown],
            "is_cut": is_cut or len(found) > MOST_SHOWN,
            "is_paid_only": is_paid_only,
        }
        return own_page(self, request, "callback/foreign", context)

    @admin.display(description=_("event"))
    def short_event(self, callback: Callback) -> SafeString:
        """The event, which may go on in the next line after an underscore and before a capital: it has little room."""
        parts = re.split(r"(?<=_)|(?<=[a-z])(?=[A-Z])", callback.event)
        return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in parts))

    @admin.display(description=_("channel payment"))
    def channel_payment_link(self, callback: Callback) -> SafeString | str:
        """The payment on a channel, as a link if the user may open it."""
        payment = callback.channel_payment
        text = display.title_of(payment) if payment else ""
        return link_to(payment, self.admin_site, request_of(callback), text)

    @admin.display(description=_("body"))
    def body_text(self, callback: Callback) -> SafeString:
        """The stored bytes, laid out."""
        return format_html('<pre class="cp-body">{}</pre>', display.pretty_body(bytes(callback.body)))


def _row(one: OrphanInvoice, url: str) -> dict[str, Any]:
    """Return an invoice that is not ours as the page shows it."""
    shown = one.snapshot
    values: dict[str, Any] = {name: getattr(one, name) for name in (
        "account", "gateway_id", "callback_id", "callbacks", "last_seen_at", "named_like", "is_paid", "is_marked",
    )} | {"named_like_url": url}  # fmt: skip
    if shown is None:
        return values | dict.fromkeys(("custom_id", "state", "price", "paid"), display.NOTHING)
    context = display.context_name(shown.status_context) if shown.status_context else ""
    return values | {
        "custom_id": shown.custom_id or display.NOTHING,
        "state": f"{display.status_name(shown.status)}{f' ({context})' if context else ''}",
        "price": display.amount(shown.price_amount, shown.price_currency),
        "paid": display.amount(shown.paid_amount, shown.pay_currency),
    }
