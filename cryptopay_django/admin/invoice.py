"""Invoices with their payments and timeline, and the inbox of callbacks."""

from __future__ import annotations

import json
from decimal import Decimal

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import Callback, Invoice, InvoiceEvent, Payment
from .readonly import ReadOnlyAdmin, ReadOnlyInline


class PaymentInline(ReadOnlyInline):
    """The transactions that pay the invoice."""

    model = Payment
    ordering = ["detected_at"]
    fields = readonly_fields = ("txid", "status", "amount", "risk_level", "risk_score", "detected_at", "confirmed_at")


class EventInline(ReadOnlyInline):
    """The invoice's timeline."""

    model = InvoiceEvent
    ordering = ["pk"]
    verbose_name_plural = _("timeline")
    fields = readonly_fields = ("created_at", "kind", "actor", "details", "delivered_at", "attempts", "last_error")

    @admin.display(description=_("details"))
    def details(self, event: InvoiceEvent) -> str:
        """The event's facts, on one line."""
        return ", ".join(f"{name}: {value}" for name, value in event.detail.items())


def _amount(value: Decimal | None, currency: str) -> str:
    return "–" if value is None else f"{value:f} {currency}"


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    """Every invoice: what was ordered, what is to be paid, what came."""

    list_display = [
        "custom_id",
        "state",
        "ordered",
        "to_pay",
        "paid",
        "settled",
        "order",
        "account",
        "created_at",
    ]
    list_filter = [
        "status",
        "status_context",
        ("quarantine_reason", admin.EmptyFieldListFilter),
        "pay_currency",
    ]
    search_fields = ["=custom_id", "=address", "=payments__txid"]
    search_help_text = _("custom_id, address or transaction id, in full")
    date_hierarchy = None
    ordering = ["-created_at"]
    list_per_page = 50
    inlines = [PaymentInline, EventInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "id",
                    "account",
                    "gateway_id",
                    "custom_id",
                    "order",
                    "name",
                    "description",
                    "metadata",
                ]
            },
        ),
        (_("State"), {"fields": ["status", "status_context", "quarantine_reason"]}),
        (_("Money"), {"fields": ["ordered", "to_pay", "paid", "settled", "fee", "exchange_rate"]}),
        (_("Where to pay"), {"fields": ["network", "address", "destination_tag", "uri", "hosted_page_url"]}),
        (
            _("Times"),
            {"fields": ["created_at", "expires_at", "finished_at", "polled_at", "updated_at", "version"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invoice]:
        """With the orders of all rows in one query for each kind of order."""
        return super().get_queryset(request).prefetch_related("order")

    @admin.display(description=_("state"), ordering="status")
    def state(self, invoice: Invoice) -> str:
        """Status, context and quarantine in a few words."""
        words = [invoice.get_status_display()]
        if invoice.status_context:
            words.append(f"({invoice.status_context})")
        if invoice.quarantine_reason:
            words.append(str(_("– quarantined")))
        return " ".join(words)

    @admin.display(description=_("ordered"), ordering="price_amount")
    def ordered(self, invoice: Invoice) -> str:
        """The ordered amount."""
        return _amount(invoice.price_amount, invoice.price_currency)

    @admin.display(description=_("to pay"), ordering="pay_amount")
    def to_pay(self, invoice: Invoice) -> str:
        """What the customer was asked for."""
        return _amount(invoice.pay_amount, invoice.pay_currency)

    @admin.display(description=_("paid"), ordering="paid_amount")
    def paid(self, invoice: Invoice) -> str:
        """What has arrived."""
        return _amount(invoice.paid_amount, invoice.pay_currency)

    @admin.display(description=_("settled"), ordering="settled_amount")
    def settled(self, invoice: Invoice) -> str:
        """What the gateway credited."""
        return _amount(invoice.settled_amount, invoice.price_currency)

    @admin.display(description=_("fee"))
    def fee(self, invoice: Invoice) -> str:
        """The gateway's fee."""
        return _amount(invoice.fee_amount, invoice.fee_currency)


@admin.register(Callback)
class CallbackAdmin(ReadOnlyAdmin):
    """The inbox: what the gateway posted, and what became of it."""

    list_display = ["id", "received_at", "event", "outcome", "invoice", "account", "attempts", "error"]
    list_filter = ["outcome", "account"]
    search_fields = ["=invoice__custom_id", "=digest"]
    ordering = ["-pk"]
    list_select_related = ["invoice"]
    list_per_page = 50
    fields = readonly_fields = (
        "account", "event", "outcome", "error", "invoice", "received_at", "processed_at", "attempts",
        "next_attempt_at", "secret_index", "digest", "body_text",
    )  # fmt: skip

    @admin.display(description=_("body"))
    def body_text(self, callback: Callback) -> str:
        """The stored bytes: laid out if they are JSON, as they are otherwise."""
        raw = bytes(callback.body)
        try:
            return json.dumps(json.loads(raw, parse_float=str), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            return raw.decode("utf-8", "backslashreplace")
