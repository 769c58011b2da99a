"""Refunds: every return of money, whoever started it. Nothing is written or sent from here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import app_settings
from ..models import Invoice, Refund, RefundCause, RefundStatus
from . import display
from .paging import CappedPaginator
from .readonly import ReadOnlyAdmin

_TONES = {RefundStatus.SUCCEEDED: "good", RefundStatus.FAILED: "alarm", RefundStatus.PENDING: "waiting"}


class RefundStatusFilter(admin.SimpleListFilter):
    """How far it got."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(RefundStatus.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Refund]) -> QuerySet[Refund]:
        return queryset.filter(status=self.value()) if self.value() in RefundStatus else queryset


class CauseFilter(admin.SimpleListFilter):
    """Who started it."""

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


@admin.register(Refund)
class RefundAdmin(ReadOnlyAdmin):
    """Every return of money, with what it was worth, where it went and who wanted it."""

    list_display = ["created_at", "coins", "value", "state", "cause", "order", "place"]
    list_filter = [RefundStatusFilter, CauseFilter, CurrencyFilter]
    search_fields = ["=invoice__custom_id", "=txid", "=gateway_id"]
    search_help_text = gettext_lazy("The invoice's custom_id, the transaction or the service's id, in full.")
    list_select_related = ["invoice", "resolution"]
    ordering = ["-created_at"]
    sortable_by = ()
    paginator = CappedPaginator
    list_per_page = 50
    fields = readonly_fields = (
        "invoice", "state", "cause", "resolution", "actor", "reason", "coins", "value", "fee", "address",
        "destination_tag", "network", "transaction", "gateway_id", "custom_id", "gateway_created_at", "created_at",
        "updated_at", "succeeded_at", "failed_at",
    )  # fmt: skip

    class Media:
        css = {"all": ["cryptopay_django/admin/desk.css"]}

    @admin.display(description=gettext_lazy("amount"))
    def coins(self, refund: Refund) -> str:
        """The coins."""
        return display.amount(refund.amount, refund.currency)

    @admin.display(description=gettext_lazy("value"))
    def value(self, refund: Refund) -> str:
        """The same in the price currency, at the rate of the order."""
        return display.amount(refund.value_amount, refund.invoice.price_currency)

    @admin.display(description=gettext_lazy("fee"))
    def fee(self, refund: Refund) -> str:
        """What the service takes of the coins."""
        return display.amount(refund.fee_amount, refund.fee_currency)

    @admin.display(description=gettext_lazy("state"))
    def state(self, refund: Refund) -> SafeString | str:
        """How far it got."""
        return display.badge(_TONES[RefundStatus(refund.status)], refund.get_status_display())

    @admin.display(description=gettext_lazy("invoice"))
    def order(self, refund: Refund) -> SafeString | str:
        """What the shop calls the invoice."""
        return display.name_of(refund.invoice)

    @admin.display(description=gettext_lazy("to"))
    def place(self, refund: Refund) -> str:
        """The address, with its tag."""
        return place_of(refund)

    @admin.display(description=gettext_lazy("transaction"))
    def transaction(self, refund: Refund) -> SafeString | str:
        """The transaction on its network, as a link where there is an explorer."""
        return display.transaction_link(refund.txid, refund.network) if refund.txid else display.NOTHING


def place_of(refund: Refund) -> str:
    """Return in words where the coins go."""
    if not refund.address:
        return _("our own coin account")
    tag = refund.destination_tag
    return _("%(address)s, tag %(tag)s") % {"address": refund.address, "tag": tag} if tag else refund.address


def refund_rows(invoice: Invoice) -> list[dict[str, Any]]:
    """Return what the page of an invoice shows of its refunds, oldest first."""
    return [
        {
            "refund": refund,
            "coins": display.amount(refund.amount, refund.currency),
            "value": display.amount(refund.value_amount, invoice.price_currency),
            "fee": display.amount(refund.fee_amount, refund.fee_currency),
            "place": place_of(refund),
            "transaction": display.transaction_link(refund.txid, refund.network) if refund.txid else "",
        }
        for refund in invoice.refunds.order_by("created_at", "pk").select_related("resolution")
    ]
