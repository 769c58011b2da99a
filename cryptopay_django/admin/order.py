"""Shows the invoices of an order, and what was paid for it, on the page of any order model of a shop. Read-only.

class OrderAdmin(admin.ModelAdmin):
    inlines = [OrderInvoicesInline]
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib.contenttypes.admin import GenericTabularInline
from django.contrib.contenttypes.forms import BaseGenericInlineFormSet
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import InvoiceRequestError
from ..models import Invoice
from ..models.orders import order_filter
from ..services import PaymentSummary, payment_summary
from . import display
from .readonly import ReadOnly

if TYPE_CHECKING:
    FormSet = BaseGenericInlineFormSet[Any, Any]
else:
    FormSet = BaseGenericInlineFormSet


class OrderInvoicesFormSet(FormSet):
    """Finds the invoices of an order by every model that the order has, as `order_filter` does."""

    cryptopay_inline: OrderInvoicesInline

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order: Model | None = self.instance
        if order is not None and order.pk is not None:
            self.queryset: QuerySet[Invoice] = self._invoices_of(order)

    def _invoices_of(self, order: Model) -> QuerySet[Invoice]:
        try:
            return Invoice.objects.filter(**order_filter(order)).order_by("-created_at")
        except ValueError:  # an order that no invoice can point at
            return Invoice.objects.none()

    @cached_property
    def cryptopay(self) -> dict[str, Any]:
        """The context of the template: the sums, or why there are none, and the invoices."""
        return self.cryptopay_inline.context_of(self.instance, list(self.get_queryset()))


class OrderInvoicesInline(ReadOnly, GenericTabularInline):
    """What was paid for an order, and its invoices with links. Works with any model that has a single primary key.

    Override `get_price`, so that it also shows what is missing.
    """

    model = Invoice
    formset: Any = OrderInvoicesFormSet
    template = "admin/cryptopay_django/order.html"
    ct_field = "order_content_type"
    ct_fk_field = "order_object_id"
    fields = readonly_fields = ("custom_id",)
    extra = 0
    can_delete = False
    verbose_name_plural = gettext_lazy("Crypto payments")

    class Media:
        css = {"all": ["cryptopay_django/admin/admin.css"]}

    def get_price(self, order: Any) -> tuple[Decimal, str] | None:
        """Return what the whole order costs, and the currency; None if the page should not show what is missing."""
        return None

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Let the formset know its inline, for the template."""
        made = super().get_formset(request, obj, **kwargs)
        return type(made.__name__, (made,), {"cryptopay_inline": self})

    def context_of(self, order: Any, invoices: list[Invoice]) -> dict[str, Any]:
        """Return the sums, or why there are none, and a line for each invoice."""
        context: dict[str, Any] = {"invoices": [self._line(invoice) for invoice in invoices]}
        due, currency = self.get_price(order) or (None, None)
        try:
            summary = payment_summary(order, due_amount=due, currency=currency)
        except InvoiceRequestError as error:
            return {**context, "problem": str(error)}
        return {**context, "summary": summary, "sums": sums_of(summary), "unknown": _unknown(summary)}

    def _line(self, invoice: Invoice) -> dict[str, Any]:
        try:
            url = reverse(f"{self.admin_site.name}:cryptopay_django_invoice_change", args=[invoice.pk])
        except NoReverseMatch:
            url = ""
        return {
            "url": url,
            "name": display.name_of(invoice),
            "badges": display.state_badges(invoice, timezone.now()),
            "price": display.amount(invoice.price_amount, invoice.price_currency),
            "paid": display.amount(invoice.paid_amount, invoice.pay_currency),
            "credited": display.amount(invoice.settled_amount, invoice.price_currency),
            "created_at": invoice.created_at,
        }


def sums_of(summary: PaymentSummary) -> list[tuple[str, str]]:
    """Return the sums of a summary with their names; those that are zero and say nothing are left out."""
    named = [
        (_("price"), summary.due_amount, True),
        (_("paid"), summary.paid_amount, True),
        (_("pending"), summary.pending_amount, bool(summary.pending_amount)),
        (_("quarantined, not paid"), summary.quarantined_amount, bool(summary.quarantined_amount)),
        (_("refunded"), summary.refunded_amount, bool(summary.refunded_amount)),
        (_("refunded of what was paid"), summary.returned_amount, bool(summary.returned_amount)),
        (_("overpaid"), summary.overpaid_amount, bool(summary.overpaid_amount)),
        (_("missing"), summary.remaining_amount, summary.due_amount is not None),
    ]
    return [(name, display.amount(value, summary.currency)) for name, value, is_shown in named if is_shown]


def _unknown(summary: PaymentSummary) -> list[tuple[str, str]]:
    names = {
        "paid": _("paid"),
        "pending": _("pending"),
        "quarantined": _("quarantined"),
        "refunded": _("refunded"),
        "returned": _("refunded of what was paid"),
    }
    unsaid = _("an unknown amount of %(currency)s")
    return [
        (
            names[one.part],
            unsaid % {"currency": one.currency} if one.amount is None else f"{one.amount:f} {one.currency}",
        )
        for one in summary.unknown
    ]
