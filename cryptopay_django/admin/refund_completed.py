"""Serves the page on which staff refund a completed invoice: the input, then the quote, then the refund."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from ..exceptions import CryptopayError, InvoiceChangedError, QuoteExpiredError
from ..models import Invoice, Resolution
from ..permissions import Act, may
from ..services import RefundQuote, quote_refund, refund_invoice
from . import previews, result_message
from .action_pages import ActPages
from .forms import ReturnForm


class ReturnPages(ActPages[Invoice]):
    """Mixed into the admin of invoices."""

    def return_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Refund a completed invoice: asks for the input, shows a quote for it, and commits the quote that was shown.

        A quote that has expired is replaced by another one, and nothing is sent. One that was used leads to the page
        of the invoice, where the refund is.
        """
        invoice = self.permitted(request, pk, may(request.user, Act.REFUND_TO_ADDRESS))
        form = ReturnForm(request.POST if request.method == "POST" else None, row=invoice, user=request.user)
        if form.is_bound and "change" not in request.POST and form.is_valid():
            try:
                quote = RefundQuote.unseal(form.cleaned_data["quote"])
                if quote is None:
                    return self._show_quote(request, invoice)
                return self._send_back(request, invoice, form, quote)
            except CryptopayError as error:
                if not form.take_refusal(error):
                    messages.error(request, str(error))
                    return self.to_page(invoice.pk)
        elif form.is_bound and "change" in request.POST:
            kept = {name: value for name, value in request.POST.items() if name not in ("version", "quote")}
            form = ReturnForm(initial=kept, row=invoice, user=request.user)
        elif not form.is_bound:
            form.initial = {**form.initial, **previews.return_initial(invoice)}
        return self.show(request, invoice, form, previews.return_context)

    def _send_back(self, request: HttpRequest, invoice: Invoice, form: ReturnForm, quote: RefundQuote) -> HttpResponse:
        try:
            resolution = refund_invoice(
                invoice,
                actor=request.user,
                reason=form.cleaned_data["reason"],
                quote=quote,
                expected_version=form.cleaned_data["version"],
            )
        except (InvoiceChangedError, QuoteExpiredError) as error:
            messages.warning(request, str(error))
            if Resolution.objects.primary().filter(pk=quote.resolution_id).exists():
                return self.to_page(invoice.pk)  # pressed twice: another quote would invite to refund again
            return self._show_quote(request, Invoice.objects.primary().get(pk=invoice.pk))
        self.log_change(request, resolution.invoice, result_message.logged(resolution, "Refund"))
        messages.add_message(request, *result_message.message_of(resolution))
        return self.to_page(invoice.pk)

    def _show_quote(self, request: HttpRequest, invoice: Invoice) -> HttpResponse:
        """Ask for a quote for the input, and show what would be sent. Raises what `quote_refund` raises."""
        form = ReturnForm(request.POST, row=invoice, user=request.user)
        form.is_valid()
        quote = quote_refund(invoice, **form.asked())
        data = request.POST.copy()
        data["quote"], data["version"] = quote.seal(), str(quote.invoice_version)
        hidden = ReturnForm(data, row=invoice, user=request.user)
        hidden.hide()
        context = previews.quoted_return_context(invoice, quote, reason=form.cleaned_data["reason"])
        return self.render_act(request, invoice, {"form": hidden, **context})
