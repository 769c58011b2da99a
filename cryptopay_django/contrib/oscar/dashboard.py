"""The page of oscar's dashboard where staff refund an order that is paid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import PermissionRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.generic import FormView
from oscar.apps.dashboard.orders.views import get_order_for_user_or_404

from cryptopay_django.adapters import find_refund_place, outcome_of
from cryptopay_django.exceptions import CryptopayError, InvoiceChangedError, QuoteExpiredError
from cryptopay_django.models import Invoice, Resolution
from cryptopay_django.services import RefundQuote, quote_refund, refund_invoice


class RefundForm(forms.Form):
    """What is sent back, where to and why; with a quote, what was shown for it."""

    amount = forms.DecimalField(min_value=Decimal("0.01"), max_digits=12, decimal_places=2)
    address = forms.CharField(max_length=256)
    tag = forms.CharField(max_length=64, required=False, label="Destination tag or memo")
    without_tag = forms.BooleanField(required=False, label="The customer says that the address needs no tag")
    reason = forms.CharField(max_length=500)
    quote = forms.CharField(required=False, widget=forms.HiddenInput)


class RefundOrder(PermissionRequiredMixin, FormView):  # type: ignore[type-arg]
    """Refund an order in oscar's dashboard: the first POST shows what it costs, the second one sends it."""

    permission_required = "cryptopay_django.refund_invoice_to_address"
    raise_exception = True
    form_class = RefundForm
    template_name = "cryptopay_oscar/dashboard_refund.html"
    quote: RefundQuote | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Find the order as oscar's dashboard does, and its invoice."""
        if request.user.is_authenticated:
            self.order = get_order_for_user_or_404(request.user, kwargs["number"])
            self.invoice = get_object_or_404(Invoice.objects.for_order(self.order), pk=kwargs["invoice_id"])
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        """Begin with the address that the customer has named."""
        return find_refund_place(self.invoice) or {}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(order=self.order, invoice=self.invoice, quote=self.quote, **kwargs)

    def form_valid(self, form: RefundForm) -> HttpResponse:
        """Show a quote, or commit the one that was shown."""
        try:
            quote = RefundQuote.unseal(form.cleaned_data["quote"])
            return self.ask(form) if quote is None else self.send(form, quote)
        except CryptopayError as error:
            field = getattr(error, "field", None)
            form.data = {**form.cleaned_data, "quote": ""}  # what is entered next needs another quote
            form.add_error(field if field in form.fields else None, str(error))
            return self.form_invalid(form)

    def ask(self, form: RefundForm, problem: str = "") -> HttpResponse:
        """Show what the refund costs and brings; raise what `quote_refund` raises."""
        asked = {name: form.cleaned_data[name] for name in ("amount", "address", "without_tag")}
        self.quote = quote_refund(self.invoice, tag=form.cleaned_data["tag"] or None, **asked)
        shown = RefundForm({**form.cleaned_data, "quote": self.quote.seal()})
        for field in shown.fields.values():
            field.widget = forms.HiddenInput()
        return self.render_to_response(self.get_context_data(form=shown, problem=problem))

    def send(self, form: RefundForm, quote: RefundQuote) -> HttpResponse:
        """Commit a quote; show another one if it has expired meanwhile, and send nothing."""
        reason = form.cleaned_data["reason"]
        try:
            done = refund_invoice(self.invoice, quote=quote, actor=self.request.user, reason=reason)
        except (InvoiceChangedError, QuoteExpiredError) as error:
            if not Resolution.objects.primary().filter(pk=quote.resolution_id).exists():
                return self.ask(form, problem=str(error))
            problem = "was sent before: nothing was sent again"  # another quote would invite to refund again
        else:
            problem = outcome_of(done)
        if problem:
            messages.warning(self.request, f"The refund {problem}.")
        else:
            text = "The gateway has the refund. It is booked here once the coins have arrived."
            messages.success(self.request, text)
        return redirect("dashboard:order-detail", self.order.number)
