"""The page on which staff decide about a payment that is too small, too large, too late, or contradicts the order."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from pretix.base.models import Order, OrderPayment
from pretix.control.permissions import EventPermissionRequiredMixin
from pretix.helpers.urls import mainreverse_absolute

from cryptopay_django.adapters import reason_of
from cryptopay_django.exceptions import CryptopayError, QuoteExpiredError
from cryptopay_django.models import Invoice, Resolution
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

from .accounts import NOT_DONE, words_for_staff
from .refunds import why_not_done


class DecisionForm(forms.Form):
    """What staff send. The page itself draws the fields."""

    version = forms.IntegerField()
    reason = forms.CharField(max_length=500)
    quote = forms.CharField(required=False)
    address = forms.CharField(required=False, max_length=200)
    tag = forms.CharField(required=False, max_length=100)
    without_tag = forms.BooleanField(required=False)


class DecideView(EventPermissionRequiredMixin, TemplateView):
    """Shows an invoice with a quote for its settlement, and does what staff choose. Needs "change orders"."""

    request: Any  # with the event, which pretix' middleware adds
    permission = "event.orders:write"
    template_name = "pretix_cryptopay/decide.html"

    @cached_property
    def invoice(self) -> Invoice:
        """The invoice, of a payment of this order."""
        invoice = get_object_or_404(Invoice, pk=self.kwargs["invoice"])
        payment = invoice.order
        if not isinstance(payment, OrderPayment) or payment.order_id != self._order.pk:
            raise Http404
        return invoice

    @cached_property
    def _order(self) -> Order:
        return get_object_or_404(self.request.event.orders, code=self.kwargs["code"].upper())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the invoice, what may be done with it, and what settling it would bring."""
        return {
            **super().get_context_data(**kwargs),
            "order": self._order,
            "payment": self.invoice.order,
            "invoice": self.invoice,
            "why": self.invoice.status_context and reason_of(self.invoice),
            "named": named_refund_address(self.invoice),
            **self._quoted(),
        }

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        """Do what was chosen, and go back to the order; with an error, show the page again."""
        act, form = request.POST.get("act", ""), DecisionForm(request.POST)
        try:
            if act == "link":
                return self._link()
            if not form.is_valid():
                raise CryptopayError(" ".join(f"{text}" for texts in form.errors.values() for text in texts))
            done, in_words = self._decide(act, **form.cleaned_data)
        except NOT_DONE as error:
            messages.error(request, words_for_staff(error))
            return redirect(request.path)
        self._order.log_action(
            "pretix_cryptopay.order.decided",
            {"local_id": self.invoice.order.local_id, "act": in_words, "reason": form.cleaned_data["reason"]},
            user=request.user,
        )
        if done is not None and done.error:
            messages.warning(request, _("The gateway did something else than was asked: %s") % done.error)
        elif done is not None and done.status != "succeeded":
            messages.warning(request, _("It was sent. What becomes of it will appear here: do nothing until then."))
        else:
            messages.success(request, _("Done: %(act)s.") % {"act": in_words})
        event = request.event
        return redirect("control:event.order", organizer=event.organizer.slug, event=event.slug, code=self._order.code)

    def _quoted(self) -> dict[str, Any]:
        try:
            check_resolvable(self.invoice)
        except NOT_DONE as error:
            return {"may_resolve": False, "why_not": words_for_staff(error)}
        try:
            quote = quote_settlement(self.invoice)
        except NOT_DONE as error:
            return {"may_resolve": True, "why_no_quote": words_for_staff(error)}
        return {"may_resolve": True, "quote": quote, "sealed": quote.seal()}

    def _decide(
        self, act: str, *, version: int, reason: str, quote: str, address: str, tag: str, without_tag: bool
    ) -> tuple[Resolution | None, str]:
        """Do it; return the resolution, None for a release, and it in words. Raises what is in NOT_DONE."""
        who: dict[str, Any] = {"actor": self.request.user.email, "reason": reason, "expected_version": version}
        if act == "release":
            release_invoice(self.invoice, **who)
            return None, _("released")
        if act == "settle":
            seen = SettlementQuote.unseal(quote)
            if seen is None:  # without one, it would be settled at a rate that nobody has seen
                raise QuoteExpiredError(_("Load the page again for a new quote."))
            done = settle_invoice(self.invoice, quote=seen, **who)
        elif act == "refund_overage":
            done = settle_invoice(self.invoice, refund_overage=True, **who)
        elif act == "refund":
            done = refund_invoice(self.invoice, address=address, tag=tag or None, without_tag=without_tag, **who)
        else:
            raise Http404
        if error := why_not_done(done, actor=who["actor"]):
            raise CryptopayError(error)
        return done, _("settled") if act == "settle" else _("refunded")

    def _link(self) -> HttpResponse:
        """Show the link by which the customer names an address, once."""
        made = make_refund_link(self.invoice, actor=self.request.user.email)
        url = mainreverse_absolute("plugins:pretix_cryptopay:cryptopay_django:refund-address", args=[made.token])
        return self.render_to_response({**self.get_context_data(), "link": url})
