"""What staff see of the shop. Nothing here makes an order paid: that is for the signals alone."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from .models import LedgerEntry, Order, OrderLine, Product, TopUp
from .warehouse import request_shipment


class ReadOnly(admin.ModelAdmin):
    """Rows that only the shop itself writes."""

    def has_add_permission(self, *args: Any, **kwargs: Any) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


class LineInline(admin.TabularInline):
    model = OrderLine
    fields = ["product", "quantity", "price"]
    extra = 0

    def has_add_permission(self, *args: Any, **kwargs: Any) -> bool:
        return False

    has_change_permission = has_delete_permission = has_add_permission


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ["name", "price", "on_sale"]
    list_editable = ["on_sale"]
    prepopulated_fields = {"slug": ["name"]}


class PayableAdmin(ReadOnly):
    list_display = ["reference", "customer", "amount", "status", "created_at", "paid_at"]
    list_filter = ["status", "created_at"]
    list_select_related = ["customer"]
    search_fields = ["reference", "customer__username", "customer__email"]
    date_hierarchy = "created_at"
    view_on_site = False  # the customer's page is for the customer

    @admin.display(description="invoices")
    def all_invoices(self, payable: Any) -> str:
        page = "admin:cryptopay_django_invoice_change"
        links = [(reverse(page, args=[invoice.pk]), invoice) for invoice in payable.invoices]
        return format_html_join(mark_safe("<br>"), '<a href="{}">{}</a>', links) or "none"


@admin.register(Order)
class OrderAdmin(PayableAdmin):
    fields = [
        "reference",
        "customer",
        "status",
        "amount",
        "ship_to",
        "created_at",
        "paid_at",
        "paid_by",
        "shipment_key",
        "all_invoices",
    ]
    inlines = [LineInline]
    actions = ["ask_for_shipment"]

    @admin.action(description="Ask the warehouse again (does nothing if it was asked before)")
    def ask_for_shipment(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        paid = orders.filter(status=Order.Status.PAID, shipment_key__isnull=False)
        asked = sum(request_shipment(order, key=order.shipment_key) for order in paid)
        self.message_user(request, f"{asked} shipment(s) asked for.", messages.SUCCESS)


@admin.register(TopUp)
class TopUpAdmin(PayableAdmin):
    fields = ["reference", "customer", "status", "amount", "created_at", "paid_at", "paid_by", "all_invoices"]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly):
    list_display = ["created_at", "customer", "amount", "note"]
    list_select_related = ["customer"]
    search_fields = ["customer__username", "note"]
    date_hierarchy = "created_at"
