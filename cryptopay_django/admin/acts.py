"""The pages on which staff settle, refund and release one invoice, and the button that asks the service again.

Each checks its permission here, whatever led to it. A typed error becomes a message; the form is shown
again, with fresh figures, where it can be tried again. None of these views runs in a transaction:
a money operation commits its own steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models.options import Options
from django.db.transaction import non_atomic_requests
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from ..exceptions import AddressError, CryptopayError, InvoiceChangedError, QuoteExpiredError
from ..models import Invoice
from ..permissions import Act, may
from ..services import SettlementQuote, refresh_invoice, refund_invoice, release_invoice, settle_invoice
from ..services.resolution.release import is_settled_short
from . import figures, outcome
from .access import may_refund
from .forms import ActForm, RefundForm, ReleaseForm, SettleForm
from .page import can_be_resolved

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

View = Callable[..., HttpResponse]


class InvoiceActs(Base):
    """Mixed into the admin of invoices."""

    admin_site: AdminSite
    opts: Options[Any]

    def act_urls(self) -> list[URLPattern]:
        """Return the URLs of acts; none of their views is wrapped into a request's transaction."""
        views: dict[str, View] = {"settle": self.settle_view, "refund": self.refund_view, "release": self.release_view,
                                  "refresh": self.refresh_view}  # fmt: skip
        return [
            path(f"<uuid:pk>/{name}/", self.act(view), name=f"cryptopay_django_invoice_{name}")
            for name, view in views.items()
        ]

    def act(self, view: View) -> View:
        """Wrap a view: staff only, with CSRF, outside of transactions."""
        wrapped: View = non_atomic_requests(self.admin_site.admin_view(view))
        return wrapped

    def settle_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Settle: a quote first, then its commit; of an overpaid invoice, or credit what was ordered."""
        invoice = self.permitted(request, pk, may(request.user, Act.SETTLE))

        def perform(form: SettleForm) -> None:
            quote = None if form.is_ordered_only else SettlementQuote.unseal(form.cleaned_data["quote"])
            if quote is None and not form.is_ordered_only:
                raise QuoteExpiredError(_("There is no quote. Look at the fresh one below."))
            resolution = settle_invoice(
                invoice,
                actor=request.user,
                reason=form.cleaned_data["reason"],
                quote=quote,
                refund_overage=form.is_ordered_only,
                expected_version=form.cleaned_data["version"],
            )
            self.log_change(request, resolution.invoice, outcome.logged(resolution, "Settle"))
            messages.add_message(request, *outcome.message_of(resolution))

        return self.run(request, invoice, SettleForm, perform, figures.settle_context)

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
            self.log_change(request, resolution.invoice, outcome.logged(resolution, "Refund"))
            messages.add_message(request, *outcome.message_of(resolution))

        return self.run(request, invoice, RefundForm, perform, figures.refund_context)

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
            messages.success(request, outcome.release_message(released, accepted=accepted))

        return self.run(request, invoice, ReleaseForm, perform, figures.release_context)

    def refresh_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask the service about the invoice now. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        invoice = self.permitted(request, pk, may(request.user, Act.REFRESH))
        before = invoice.version
        try:
            invoice = refresh_invoice(invoice)
        except CryptopayError as error:
            messages.error(request, _("The service could not be asked: %(error)s") % {"error": error})
        else:
            self.log_change(request, invoice, "Refreshed from the service")
            changed, same = _("The invoice was brought up to date."), _("The service says the same as we do.")
            messages.success(request, changed if invoice.version != before else same)
        return self.to_page(invoice.pk)

    def permitted(self, request: HttpRequest, pk: UUID, allowed: bool) -> Invoice:  # noqa: FBT001  one fact, checked first
        """Return the invoice as the database has it, or refuse: 403 before 404, so that nothing is disclosed."""
        if not allowed or not self.has_view_permission(request):
            raise PermissionDenied
        invoice = Invoice.objects.primary().filter(pk=pk).first()
        if invoice is None:
            raise Http404
        return invoice

    def to_page(self, pk: UUID) -> HttpResponseRedirect:
        """Go to the invoice's page."""
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:cryptopay_django_invoice_change", args=[pk]))

    def run(
        self,
        request: HttpRequest,
        invoice: Invoice,
        form_class: type[Any],
        perform: Callable[[Any], None],
        context_of: Callable[[Invoice], dict[str, Any]],
    ) -> HttpResponse:
        """Show a form, or do what it asks; show it again, with fresh figures, when that was not possible."""
        posted = request.POST if request.method == "POST" else None
        form: ActForm = form_class(posted, invoice=invoice, user=request.user)
        if form.is_bound and form.is_valid():
            try:
                perform(form)
            except AddressError as error:
                form.add_error(error.field if error.field in form.fields else "address", str(error))
            except (InvoiceChangedError, QuoteExpiredError) as error:
                messages.warning(request, str(error))
                return self.show_again(request, invoice, form_class, context_of)
            except CryptopayError as error:
                messages.error(request, str(error))
                return self.to_page(invoice.pk)
            else:
                return self.to_page(invoice.pk)
        return self.show(request, invoice, form, context_of)

    def show_again(
        self,
        request: HttpRequest,
        invoice: Invoice,
        form_class: type[Any],
        context_of: Callable[[Invoice], dict[str, Any]],
    ) -> HttpResponse:
        """Show a form for what the invoice is now, with what was written before; or its page, if it is over."""
        fresh = Invoice.objects.primary().get(pk=invoice.pk)
        is_over = not (can_be_resolved(fresh) or fresh.quarantine_reason or is_settled_short(fresh))
        if is_over:
            return self.to_page(fresh.pk)
        kept = {name: value for name, value in request.POST.items() if name not in ("version", "quote")}
        return self.show(request, fresh, form_class(invoice=fresh, user=request.user, initial=kept), context_of)

    def show(
        self,
        request: HttpRequest,
        invoice: Invoice,
        form: ActForm,
        context_of: Callable[[Invoice], dict[str, Any]],
    ) -> HttpResponse:
        """Render a form with the figures it is about."""
        try:
            context = context_of(invoice)
        except CryptopayError as error:
            messages.error(request, str(error))
            return self.to_page(invoice.pk)
        fresh = {"version": str(invoice.version), "quote": context.get("sealed_quote", "")}
        if form.is_bound:
            if form.data.get("version") != fresh["version"]:
                messages.warning(request, _("The invoice has changed meanwhile. The figures below are those of now."))
            data = request.POST.copy()
            for name, value in fresh.items():
                data[name] = value
            form.data = data
        else:
            form.initial = {**form.initial, **fresh}
        return self.render_act(request, invoice, {"form": form, **context})

    def render_act(self, request: HttpRequest, invoice: Invoice, context: dict[str, Any]) -> HttpResponse:
        """Render the page of an act."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "invoice": invoice,
            "media": self.media,
            "page_url": self.to_page(invoice.pk).url,
            **context,
        }
        return TemplateResponse(request, "admin/cryptopay_django/invoice/act.html", context)
