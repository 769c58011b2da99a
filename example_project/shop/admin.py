"""Shows the shop to staff. Nothing here makes an order paid: that is for the signals alone."""

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from cryptopay_django.admin import OrderInvoicesInline

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


class PaymentsInline(OrderInvoicesInline):
    """What was paid for an order or a top-up, and what is missing. Goods that came back need not be paid."""

    def get_price(self, order: Any) -> tuple[Decimal, str]:
        return order.kept_amount if isinstance(order, Order) else order.amount, "EUR"


class PayableAdmin(ReadOnly):
    list_display = ["reference", "customer", "amount", "status", "created_at", "paid_at"]
    list_filter = ["status", "created_at"]
    list_select_related = ["customer"]
    search_fields = ["reference", "customer__username", "customer__email"]
    date_hierarchy = "created_at"
    view_on_site = False  # the customer's page is for the customer
    inlines = [PaymentsInline]


@admin.register(Order)
class OrderAdmin(PayableAdmin):
    fields = [
        "reference",
        "customer",
        "status",
        "amount",
        "returned_amount",
        "ship_to",
        "created_at",
        "paid_at",
        "paid_by",
        "shipment_key",
    ]
    inlines = [LineInline, PaymentsInline]
    actions = ["ask_for_shipment"]

    @admin.action(description="Ask the warehouse again (does nothing if it was asked before)")
    def ask_for_shipment(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        paid = orders.filter(status=Order.Status.PAID, shipment_key__isnull=False)
        asked = sum(request_shipment(order, key=order.shipment_key) for order in paid)
        self.message_user(request, f"{asked} shipment(s) asked for.", messages.SUCCESS)


@admin.register(TopUp)
class TopUpAdmin(PayableAdmin):
    fields = ["reference", "customer", "status", "amount", "created_at", "paid_at", "paid_by"]


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnly):
    list_display = ["created_at", "customer", "amount", "note", "event_uuid"]
    list_select_related = ["customer"]
    search_fields = ["customer__username", "note", "event_uuid"]
    date_hierarchy = "created_at"
