"""The desk, and beside it a stock changelist of the same model, for the benchmark."""

from django.contrib import admin
from django.urls import include, path

from cryptopay_django.models import Invoice


class StockAdmin(admin.ModelAdmin):
    """What one writes first: fields, filters by field, a date hierarchy, searches of substrings."""

    list_display = ["custom_id", "status", "status_context", "price_amount", "pay_amount", "paid_amount", "created_at"]
    list_filter = ["status", "status_context", "pay_currency", "account"]
    date_hierarchy = "created_at"
    search_fields = ["custom_id", "address", "payments__txid"]
    list_per_page = 50


stock = admin.AdminSite("stock")
stock.register(Invoice, StockAdmin)

urlpatterns = [
    path("cryptopay/", include("cryptopay_django.urls")),
    path("admin/", admin.site.urls),
    path("stock/", stock.urls),
]
