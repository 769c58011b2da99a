"""Serves the pages on which staff settle, refund and release one invoice, and the button that asks the gateway again.

A refund of a completed invoice is in `refund_completed.py`, several invoices at once in `bulk_actions.py`.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern
from django.utils.translation import gettext as _

from ..exceptions import CryptopayError, QuoteExpiredError
from ..models import Invoice, Refund
from ..permissions import Act, may
from ..services import SettlementQuote, refresh_invoice, refund_invoice, release_invoice, settle_invoice
from ..services.resolution.follow_refunds import read_refunds
from ..services.resolution.release import is_settled_short
from . import previews, result_message
from .access import may_refund
from .action_pages import View
from .forms import RefundForm, ReleaseForm, SettleForm
from .invoice_page import can_be_resolved
from .refund_completed import ReturnPages


class InvoiceActs(ReturnPages):
    """Mixed into the admin of invoices."""

    def act_urls(self) -> list[URLPattern]:
        """Return the URLs of acts; none of their views is wrapped into a request's transaction."""
        views: dict[str, View] = {"settle": self.settle_view, "refund": self.refund_view, "release": self.release_view,
                                  "refresh": self.refresh_view, "return": self.return_view}  # fmt: skip
        return self.urls_of_acts(views)

    def is_over(self, row: Invoice) -> bool:
        """Return whether nothing of this can be done to an invoice any more."""
        return not (can_be_resolved(row) or row.quarantine_reason or is_settled_short(row))

    def settle_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Settle: a quote first, then its commit; of an overpaid invoice, or credit what was ordered."""
        invoice = self.permitted(request, pk, may(request.user, Act.SETTLE))

        def perform(form: SettleForm) -> None:
            quote = None if form.is_ordered_only else SettlementQuote.unseal(form.cleaned_data["quote"])
            if quote is None and not form.is_ordered_only:
                raise QuoteExpiredError(_("The quote is missing. See the new one below."))
            resolution = settle_invoice(
                invoice,
                actor=request.user,
                reason=form.cleaned_data["reason"],
                quote=quote,
                refund_overage=form.is_ordered_only,
                expected_version=form.cleaned_data["version"],
            )
            self.log_change(request, resolution.invoice, result_message.logged(resolution, "Settle"))
            messages.add_message(request, *result_message.message_of(resolution))

        return self.run(request, invoice, SettleForm, perform, previews.settle_context)

    def refund_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Refund: to an address of the customer, or to the merchant's own coin account."""
        invoice = self.permitted(request, pk, may_refund(request.user))

        def perform(form: RefundForm) -> None:
            resolution = refund_invoice(
                invoice,
                actor=request.user,
                reason=form.cleaned_data["reason"],
                address=form.cleaned_data["address"],
                tag=form.cleaned_data.get("tag") or None,
                without_tag=form.cleaned_data.get("without_tag", False),
                expected_version=form.cleaned_data["version"],
            )
            self.log_change(request, resolution.invoice, result_message.logged(resolution, "Refund"))
            messages.add_message(request, *result_message.message_of(resolution))

        return self.run(request, invoice, RefundForm, perform, previews.refund_context)

    def release_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Release: end a quarantine, or accept that less was credited than ordered."""
        invoice = self.permitted(request, pk, may(request.user, Act.RELEASE))

        def perform(form: ReleaseForm) -> None:
            accepted = form.accepts_shortfall(invoice)
            reason = form.cleaned_data["reason"]
            released = release_invoice(
                invoice,
                actor=request.user,
                reason=reason,
                accept_shortfall=accepted,
                expected_version=form.cleaned_data["version"],
            )
            act = "Accept shortfall" if accepted else "Release"
            self.log_change(request, released, f"{act}. Reason: {reason}")
            messages.success(request, result_message.release_message(released, accepted=accepted))

        return self.run(request, invoice, ReleaseForm, perform, previews.release_context)

    def refresh_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask the gateway about the invoice, and about refunds of it that are under way, now. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        invoice = self.permitted(request, pk, may(request.user, Act.REFRESH))
        before = (invoice.version, _refund_facts(invoice))
        try:
            invoice = refresh_invoice(invoice)
            is_read = read_refunds(invoice)
        except CryptopayError as error:
            messages.error(request, _("The gateway could not be reached: %(error)s") % {"error": error})
        else:
            self.log_change(request, invoice, "Refreshed from the gateway")
            changed, same = _("The invoice was updated."), _("The gateway reports no change.")
            messages.success(request, same if before == (invoice.version, _refund_facts(invoice)) else changed)
            if not is_read:
                messages.warning(request, _("Its refunds could not be read. The app tries again later."))
        return self.to_page(invoice.pk)


def _refund_facts(invoice: Invoice) -> list[tuple[Any, ...]]:
    """Return what can change in the refunds of an invoice."""
    facts = ("pk", "status", "withdrawal_status", "txid")
    return list(Refund.objects.primary().filter(invoice=invoice).order_by("pk").values_list(*facts))
