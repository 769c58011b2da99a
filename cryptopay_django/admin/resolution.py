"""Shows the record of every settlement and refund, and the page on which a second person confirms one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..atomic_requests import non_atomic_requests
from ..exceptions import ApprovalError, CryptopayError, QuoteExpiredError
from ..models import Invoice, Resolution, ResolutionKind, ResolutionStatus
from ..models.resolution import awaiting_approval
from ..permissions import Act, may
from ..services import (
    RefundQuote,
    SettlementQuote,
    approve_resolution,
    end_resolution,
    resolve_unknown,
    withdraw_resolution,
)
from ..services.resolution.judge_outcome import SETTLEMENT, WITHDRAWAL
from . import previews, result_message
from .access import is_planner, may_decide
from .display import badge, short_name, title_of
from .forms import EndForm, QuoteForm, ReasonForm
from .invoice_columns import LinkToInvoice
from .own_page import own_page
from .paging import CappedPaginator
from .readonly import ReadOnlyAdmin
from .search import SearchByName, find_invoices

_TONES = {
    ResolutionStatus.SUCCEEDED: "good",
    ResolutionStatus.FAILED: "plain",
    ResolutionStatus.UNKNOWN: "alarm",
    ResolutionStatus.SENT: "waiting",
    ResolutionStatus.PLANNED: "waiting",
}


class StateFilter(admin.SimpleListFilter):
    """Resolutions under way, and those that wait for a second person."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("waiting", _("waits for a second person")),
            ("active", _("under way")),
            *((str(value), label) for value, label in ResolutionStatus.choices if value in _TONES),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Resolution]) -> QuerySet[Resolution]:
        value = self.value()
        if value == "waiting":
            return queryset.filter(awaiting_approval())
        if value == "active":
            return queryset.filter(active=True)
        return queryset.filter(status=value) if value else queryset


class KindFilter(admin.SimpleListFilter):
    """Settlements, or refunds."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(ResolutionKind.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Resolution]) -> QuerySet[Resolution]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Resolution)
class ResolutionAdmin(LinkToInvoice, SearchByName, ReadOnlyAdmin):
    """Each decision with its person, its reason and its outcome. Read-only."""

    list_display = ["created_at", "kind", "state", "invoice_link", "actor", "approver", "reason"]
    list_filter = [StateFilter, KindFilter]
    search_fields = ["=invoice__custom_id"]
    search_help_text = gettext_lazy("Any name of its invoice: see the search there.")
    list_select_related = ["invoice"]
    ordering = ["-created_at"]
    sortable_by = ()
    paginator = CappedPaginator
    list_per_page = 50
    fields = readonly_fields = (
        "invoice_link", "kind", "state", "actor", "reason", "needs_approval", "approver", "approved_at", "parameters",
        "known_refund_ids", "result", "error", "attempts", "created_at", "sent_at", "finished_at",
    )  # fmt: skip

    class Media:
        css = {"all": ["cryptopay_django/admin/admin.css"]}

    def named(self, term: str) -> Q:
        """Return what belongs to the invoices that a text names."""
        return Q(invoice__in=find_invoices(term))

    @admin.display(description=gettext_lazy("state"))
    def state(self, resolution: Resolution) -> str:
        """The present state."""
        if resolution.awaits_approval:
            return badge("warning", _("waits for a second person"))
        if resolution.status == ResolutionStatus.SUCCEEDED and resolution.error:
            return badge("alarm", _("done, but not as asked"))
        return badge(_TONES[ResolutionStatus(resolution.status)], resolution.get_status_display())

    def get_urls(self) -> list[URLPattern]:
        """Put approve, withdraw, look and end before the admin's own pages."""
        views = {"approve": self.approve_view, "withdraw": self.withdraw_view, "look": self.look_view,
                 "end": self.end_view}  # fmt: skip
        ours = [
            path(
                f"<uuid:pk>/{name}/",
                non_atomic_requests(self.admin_site.admin_view(view)),
                name=f"cryptopay_django_resolution_{name}",
            )
            for name, view in views.items()
        ]
        return [*ours, *super().get_urls()]

    def approve_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Confirm, as the second person, and send."""
        resolution = self._permitted(request, pk)
        if is_planner(request.user, resolution):
            messages.error(request, _("You planned this yourself. Another person must confirm it."))
            return self._to_invoice(resolution)
        form = QuoteForm(request.POST if request.method == "POST" else None)
        try:
            if form.is_bound and form.is_valid():
                quote = self._quote_of(resolution, form)
                done = approve_resolution(resolution, actor=request.user, quote=quote)
                self._note(request, done, result_message.logged(done, "Confirm"))
                messages.add_message(request, *result_message.message_of(done))
                return self._to_invoice(done)
        except QuoteExpiredError as error:
            messages.warning(request, str(error))
        except CryptopayError as error:
            messages.error(request, str(error))
            return self._to_invoice(resolution)
        try:
            if not resolution.awaits_approval:
                raise ApprovalError(_("It no longer waits for a second person."))
            context = previews.approve_context(resolution)
        except CryptopayError as error:
            messages.error(request, str(error))
            return self._to_invoice(resolution)
        form = QuoteForm(initial={"quote": context.get("sealed_quote", "")})
        return self._render(request, resolution, {"form": form, **context})

    def withdraw_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Drop what waits for a second person; also one's own."""
        resolution = self._permitted(request, pk)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_bound and form.is_valid():
            try:
                reason = form.cleaned_data["reason"]
                done = withdraw_resolution(resolution, actor=request.user, reason=reason)
            except CryptopayError as error:
                messages.error(request, str(error))
            else:
                self._note(request, done, f"{result_message.logged(done, 'Withdraw')} Withdrawn because: {reason}")
                messages.success(request, _("Withdrawn. Nothing was sent."))
            return self._to_invoice(resolution)
        context = {
            "title": _("Withdraw: %(kind)s invoice %(name)s")
            % {"kind": resolution.get_kind_display(), "name": short_name(resolution.invoice)},
            "amounts": [(_("planned by"), resolution.actor, ""), (_("reason"), "", resolution.reason)],
            "consequences": [_("Nothing is sent. The invoice does not change, and can be settled or refunded again.")],
            "submit": _("Withdraw"),
        }
        return self._render(request, resolution, {"form": form, **context})

    def look_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Read at the gateway what became of one without an answer. POST only; sends nothing."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        resolution = self._permitted(request, pk, to_look=True)
        try:
            done = resolve_unknown(resolution)
        except CryptopayError as error:
            messages.error(request, _("The gateway could not be reached: %(error)s") % {"error": error})
        else:
            self._note(request, done, result_message.logged(done, "Look at the outcome"))
            messages.add_message(request, *result_message.message_of(done))
        return self._to_invoice(resolution)

    def end_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """End, by name and reason, what was sent and of which the gateway shows nothing."""
        resolution = self._permitted(request, pk)
        form = EndForm(
            request.POST if request.method == "POST" else None, initial={"version": resolution.invoice.version}
        )
        if form.is_bound and form.is_valid():
            reason, version = form.cleaned_data["reason"], form.cleaned_data["version"]
            try:
                done = end_resolution(resolution, actor=request.user, reason=reason, expected_version=version)
            except CryptopayError as error:
                messages.error(request, str(error))
            else:
                self._note(request, done, f"{result_message.logged(done, 'End by hand')} Ended because: {reason}")
                messages.add_message(request, *result_message.message_of(done))
            return self._to_invoice(resolution)
        return self._render(request, resolution, {"form": form, **previews.end_context(resolution)})

    def _permitted(self, request: HttpRequest, pk: UUID, *, to_look: bool = False) -> Resolution:
        """Return the resolution, or refuse: deciding on it needs the permissions of what it does."""
        resolution = Resolution.objects.primary().select_related("invoice").filter(pk=pk).first()
        if to_look:
            allowed = may(request.user, Act.REFRESH)
        elif resolution is not None:
            allowed = may_decide(request.user, resolution)
        else:
            allowed = self.has_view_permission(request)
        if not allowed:
            raise PermissionDenied
        if resolution is None:
            raise Http404
        return resolution

    def _quote_of(self, resolution: Resolution, form: QuoteForm) -> Any:
        kinds: dict[str, type[SettlementQuote | RefundQuote]] = {SETTLEMENT: SettlementQuote, WITHDRAWAL: RefundQuote}
        kind = kinds.get(resolution.parameters.get("call", ""))
        if kind is None:
            return None
        quote = kind.unseal(form.cleaned_data["quote"])
        if quote is None:
            raise QuoteExpiredError(_("The quote is missing. See the new one below."))
        return quote

    def _note(self, request: HttpRequest, resolution: Resolution, message: str) -> None:
        """Write to Django's own log, under the invoice."""
        self.admin_site.get_model_admin(Invoice).log_change(request, resolution.invoice, message)

    def _to_invoice(self, resolution: Resolution) -> HttpResponseRedirect:
        page = f"{self.admin_site.name}:cryptopay_django_invoice_change"
        return HttpResponseRedirect(reverse(page, args=[resolution.invoice_id]))

    def _render(self, request: HttpRequest, resolution: Resolution, context: dict[str, Any]) -> HttpResponse:
        context = {
            "opts": Invoice._meta,
            "subject_url": self._to_invoice(resolution).url,
            "subject_name": title_of(resolution.invoice),
            "page_url": self._to_invoice(resolution).url,
            **context,
        }
        return own_page(self, request, "invoice/act", context)
