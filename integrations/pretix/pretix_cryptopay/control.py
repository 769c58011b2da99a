"""The page on which staff decide about a payment that is too small, too large, too late, or contradicts the order."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from pretix.base.models import Order, OrderPayment
from pretix.control.permissions import EventPermissionRequiredMixin
from pretix.helpers.urls import mainreverse_absolute

from cryptopay_django.exceptions import CryptopayError
from cryptopay_django.models import Invoice
from cryptopay_django.services import (
    SettlementQuote,
    check_resolvable,
    make_refund_link,
    named_refund_address,
    quote_settlement,
    refund_invoice,
    release_invoice,
    settle_invoice,
)


class DecideView(EventPermissionRequiredMixin, TemplateView):
    """Shows an invoice with a quote for its settlement, and does what staff choose. Needs "change orders"."""

    request: Any  # with the event, which pretix' middleware adds
    permission = "event.orders:write"
    template_name = "pretix_cryptopay/decide.html"

    @cached_property
    def invoice(self) -> Invoice:
        """The invoice, of a payment of this order."""
        invoice = Invoice.objects.filter(pk=self.kwargs["invoice"]).first()
        payment = invoice.order if invoice else None
        if invoice is None or not isinstance(payment, OrderPayment) or payment.order_id != self._order.pk:
            raise Http404
        return invoice

    @cached_property
    def _order(self) -> Order:
        order = self.request.event.orders.filter(code=self.kwargs["code"].upper()).first()
        if order is None:
            raise Http404
        return order

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the invoice, what may be done with it, and what settling it would bring."""
        return {
            **super().get_context_data(**kwargs),
            "order": self._order,
            "payment": self.invoice.order,
            "invoice": self.invoice,
            "named": named_refund_address(self.invoice),
            **self._quoted(),
        }

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        """Do what was chosen, and go back to the order; with an error, show the page again."""
        act, reason = request.POST.get("act", ""), request.POST.get("reason", "").strip()
        try:
            if act == "link":
                return self._link()
            done = self._decide(act, reason)
        except CryptopayError as error:
            messages.error(request, str(error))
            return redirect(request.path)
        self._order.log_action(
            "pretix_cryptopay.order.decided",
            {"local_id": self.invoice.order.local_id, "act": done, "reason": reason},
            user=request.user,
        )
        messages.success(request, _("Done: %(act)s.") % {"act": done})
        event = request.event
        return redirect("control:event.order", organizer=event.organizer.slug, event=event.slug, code=self._order.code)

    def _quoted(self) -> dict[str, Any]:
        try:
            check_resolvable(self.invoice)
        except CryptopayError as error:
            return {"may_resolve": False, "why_not": str(error)}
        try:
            quote = quote_settlement(self.invoice)
        except CryptopayError as error:
            return {"may_resolve": True, "why_no_quote": str(error)}
        return {"may_resolve": True, "quote": quote, "sealed": quote.seal()}

    def _decide(self, act: str, reason: str) -> str:
        """Do it, and return it in words. Raises CryptopayError."""
        who: dict[str, Any] = {"actor": self.request.user.email, "reason": reason}
        version = int(self.request.POST.get("version") or 0)
        if act == "release":
            release_invoice(self.invoice, expected_version=version, **who)
            return _("released")
        if act == "settle":
            quote = SettlementQuote.unseal(self.request.POST.get("quote", ""))
            done = settle_invoice(self.invoice, quote=quote, expected_version=version, **who)
        elif act == "refund_overage":
            done = settle_invoice(self.invoice, refund_overage=True, expected_version=version, **who)
        elif act == "refund":
            done = refund_invoice(
                self.invoice,
                address=self.request.POST.get("address", "").strip(),
                tag=self.request.POST.get("tag", "").strip() or None,
                without_tag=self.request.POST.get("without_tag") == "on",
                expected_version=version,
                **who,
            )
        else:
            raise Http404
        if done.status == "failed":
            raise CryptopayError(done.error)
        return _("settled") if act == "settle" else _("refunded")

    def _link(self) -> HttpResponse:
        """Show the link by which the customer names an address, once."""
        made = make_refund_link(self.invoice, actor=self.request.user.email)
        url = mainreverse_absolute("plugins:pretix_cryptopay:cryptopay_django:refund-address", args=[made.token])
        return self.render_to_response({**self.get_context_data(), "link": url})
