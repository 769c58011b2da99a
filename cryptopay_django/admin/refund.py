"""Shows refunds: every return of money, whoever started it. Writes and sends nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import app_settings
from ..models import Invoice, Refund, RefundCause, RefundStatus
from . import channel_display, display, filters
from .export import filtered_csv
from .invoice_columns import LinkToInvoice, link_to
from .paging import CappedPaginator
from .readonly import ReadOnlyAdmin, request_of
from .refund_books import asked_place, is_as_asked, refund_csv, totals_context
from .search import find_invoices

ON_HOLD = "on_hold"
"""The gateway's status of a withdrawal that it examines."""

_STUCK = (ON_HOLD, "failed")
_TONES = {RefundStatus.SUCCEEDED: "good", RefundStatus.FAILED: "alarm", RefundStatus.PENDING: "waiting"}


class RefundStatusFilter(admin.SimpleListFilter):
    """Filters refunds by status, or by "on hold at the gateway": then somebody has to ask."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*RefundStatus.choices, (ON_HOLD, _("on hold at the gateway"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        if self.value() == ON_HOLD:
            # The status too: it has the index.
            return queryset.filter(status=RefundStatus.PENDING, withdrawal_status=ON_HOLD)
        return queryset.filter(status=self.value()) if self.value() in RefundStatus else queryset


class CauseFilter(admin.SimpleListFilter):
    """Filters refunds by who started them."""

    title = gettext_lazy("started by")
    parameter_name = "cause"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(RefundCause.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        return queryset.filter(cause=self.value()) if self.value() in RefundCause else queryset


class CurrencyFilter(admin.SimpleListFilter):
    """The coin that went back."""

    title = gettext_lazy("coin")
    parameter_name = "currency"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(coin, coin) for coin in sorted(app_settings.coins)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        return queryset.filter(currency=self.value()) if self.value() else queryset


class RefundAccountFilter(filters.AccountFilter):
    """The account of the invoice."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        return queryset.filter(invoice__account=self.value()) if self.value() else queryset


@admin.register(Refund)
class RefundAdmin(LinkToInvoice, ReadOnlyAdmin):
    """Every return of money, with what it was worth, where it went and who wanted it."""

    list_display = ["created_at", "amounts", "short_state", "cause", "invoice_link", "place"]
    list_filter = [RefundStatusFilter, CauseFilter, filters.CreatedFilter, CurrencyFilter, RefundAccountFilter]
    change_list_template = "admin/cryptopay_django/refund/list.html"
    search_fields = ["=txid", "=gateway_id"]
    search_help_text = gettext_lazy("The transaction or the gateway's id, in full, or any name of its invoice.")
    list_select_related = ["invoice", "resolution"]
    ordering = ["-created_at"]
    sortable_by = ()
    paginator = CappedPaginator
    list_per_page = 50
    fields = readonly_fields = (
        "invoice_link", "state", "cause", "resolution_link", "actor", "reason", "coins", "value", "present_value",
        "fee", "network_fee", "arrives", "charged", "address", "destination_tag", "network", "transaction",
        "gateway_id", "custom_id", "gateway_created_at", "created_at", "updated_at", "succeeded_at", "failed_at",
    )  # fmt: skip

    class Media:
        css = {"all": ["cryptopay_django/admin/admin.css"]}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Refund], search_term: str
    ) -> tuple[QuerySet[Refund], bool]:
        """Find by the refund's own names, and by what names its invoice."""
        if not search_term.strip():
            return queryset, False
        found, _ = super().get_search_results(request, queryset, search_term)
        return found | queryset.filter(invoice__in=find_invoices(search_term)), False

    def get_urls(self) -> list[URLPattern]:
        """Put the file before the admin's own pages."""
        name = "cryptopay_django_refund_export"
        return [path("export/", self.admin_site.admin_view(self.export_view), name=name), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, with the totals of all that is filtered, and their file."""
        response = super().changelist_view(request, extra_context)
        changes = (getattr(response, "context_data", None) or {}).get("cl")
        if isinstance(response, TemplateResponse) and response.context_data is not None and changes is not None:
            query = request.GET.copy()
            for name in ("p", "o", "e"):
                query.pop(name, None)
            response.context_data |= {"export_query": query.urlencode(), **totals_context(changes.queryset)}
        return response

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Stream what is filtered as CSV: every row and every column."""
        return filtered_csv(self, request, "refunds", refund_csv)

    @admin.display(description=gettext_lazy("amount"))
    def coins(self, refund: Refund) -> str:
        """The coins."""
        return display.amount(refund.amount, refund.currency)

    @admin.display(description=gettext_lazy("amount"))
    def amounts(self, refund: Refund) -> SafeString:
        """The coins, and under them their value, for a list that fits beside its filters."""
        return format_html('{}<br><span class="cp-quiet">{}</span>', self.coins(refund), self.value(refund))

    @admin.display(description=gettext_lazy("value"))
    def value(self, refund: Refund) -> str:
        """The same in the price currency, at the rate of the order."""
        return display.amount(refund.value_amount, refund.invoice.price_currency)

    @admin.display(description=gettext_lazy("fee"))
    def fee(self, refund: Refund) -> str:
        """What the gateway takes of the coins."""
        return display.amount(refund.fee_amount, refund.fee_currency)

    @admin.display(description=gettext_lazy("value when sent back"))
    def present_value(self, refund: Refund) -> str:
        """What the coins were worth when they were sent back."""
        return display.amount(refund.present_value_amount, refund.invoice.price_currency)

    @admin.display(description=gettext_lazy("network fee"))
    def network_fee(self, refund: Refund) -> str:
        """What the network takes of the coins."""
        return display.amount(refund.network_fee_amount, refund.currency)

    @admin.display(description=gettext_lazy("arrives"))
    def arrives(self, refund: Refund) -> str:
        """The coins that arrive."""
        return display.amount(refund.received_amount, refund.currency)

    @admin.display(description=gettext_lazy("taken from our account"))
    def charged(self, refund: Refund) -> str:
        """What a withdrawal takes from the account."""
        return display.amount(refund.charged_amount, refund.charged_currency)

    @admin.display(description=gettext_lazy("state"))
    def state(self, refund: Refund) -> SafeString | str:
        """How far it got."""
        return display.badge(_tone_of(refund), state_of(refund))

    @admin.display(description=gettext_lazy("state"))
    def short_state(self, refund: Refund) -> SafeString | str:
        """The same in a word or two: a column of the list has no room for more."""
        short = {ON_HOLD: _("on hold"), "failed": _("not sent for now")}
        is_open = refund.status == RefundStatus.PENDING
        return display.badge(_tone_of(refund), (is_open and short.get(refund.withdrawal_status)) or state_of(refund))

    @admin.display(description=gettext_lazy("resolution"))
    def resolution_link(self, refund: Refund) -> SafeString | str:
        """The decision of a person here, as a link if the user may open it."""
        one = refund.resolution
        text = f"{one.get_kind_display()} ({one.get_status_display()})" if one else ""
        return link_to(one, self.admin_site, request_of(refund), text)

    @admin.display(description=gettext_lazy("to"))
    def place(self, refund: Refund) -> SafeString | str:
        """The address, shortened, with its tag."""
        return channel_display.place_of(refund, is_short=True) if refund.address else place_of(refund)

    @admin.display(description=gettext_lazy("transaction"))
    def transaction(self, refund: Refund) -> SafeString | str:
        """The transaction on its network, as a link where there is an explorer."""
        return display.transaction_link(refund.txid, refund.network) if refund.txid else display.NOTHING


def _tone_of(refund: Refund) -> str:
    return "alarm" if refund.withdrawal_status in _STUCK else _TONES[RefundStatus(refund.status)]


def state_of(refund: Refund) -> str:
    """Return in words how far a refund got; of a withdrawal that has not ended, what the gateway says of it."""
    words = {
        ON_HOLD: _("on hold: the gateway examines it, the amount is taken from the account"),
        "failed": _("not sent for now: the gateway tries again or cancels it. Do not send it again"),
        "processing": _("being sent"),
        "sent": _("sent, not confirmed by the network yet"),
    }
    is_open = refund.status == RefundStatus.PENDING
    return (words.get(refund.withdrawal_status) if is_open else None) or str(refund.get_status_display())


def place_of(refund: Refund) -> str:
    """Return in words where the coins go."""
    if not refund.address:
        return _("our own coin account")
    tag = refund.destination_tag
    return _("%(address)s, tag %(tag)s") % {"address": refund.address, "tag": tag} if tag else refund.address


def asked_of(refund: Refund) -> str:
    """Return in words where a person here asked the coins to go; "" if nobody did."""
    asked = asked_place(refund)
    return "" if asked is None else asked or _("our own coin account")


def refund_rows(invoice: Invoice) -> list[dict[str, Any]]:
    """Return what the page of an invoice shows of its refunds, oldest first."""
    return [
        {
            "refund": refund,
            "coins": display.amount(refund.amount, refund.currency),
            "value": display.amount(refund.value_amount, invoice.price_currency),
            "fee": display.amount(refund.fee_amount, refund.fee_currency),
            "network_fee": display.amount(refund.network_fee_amount, refund.currency)
            if refund.network_fee_amount
            else "",
            "arrives": display.amount(refund.received_amount, refund.currency) if refund.received_amount else "",
            "charged": display.amount(refund.charged_amount, refund.charged_currency) if refund.charged_amount else "",
            "state": state_of(refund),
            "place": place_of(refund),
            "asked": asked_of(refund),
            "is_as_asked": is_as_asked(refund),
            "transaction": display.transaction_link(refund.txid, refund.network) if refund.txid else "",
        }
        for refund in invoice.refunds.order_by("created_at", "pk").select_related("resolution")
    ]
