"""Resolves several unresolved invoices at once: shows the plan for each first, and the result of each afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..atomic_requests import non_atomic_requests
from ..exceptions import CryptopayError, NotResolvableError
from ..models import Invoice, Resolution, StatusContext
from ..permissions import Act, may
from ..services import check_resolvable, refund_invoice, settle_invoice
from ..services.resolution.rules import needs_second_person
from . import display, result_message
from .forms import EVERYTHING, ORDERED, ActForm
from .own_page import own_page

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

SETTLE, REFUND = "settle", "refund"
MOST = 100
"""How many invoices one go takes: two pages of the list."""

PATIENCE = 20.0
"""Seconds after which no further invoice is begun; the rest is said to be untouched."""


_CREDIT = [
    (EVERYTHING, gettext_lazy("credit everything")),
    (ORDERED, gettext_lazy("credit the ordered amount, refund the overage to our own coin account")),
]


@dataclass(frozen=True)
class Plan:
    """The plan for one invoice, or why there is none. `choice` goes through the form as `<id>:<version>`."""

    invoice: Invoice
    paid: str
    what: str = ""
    why_not: str = ""

    @property
    def context(self) -> str:
        """The reason why it is unresolved."""
        return display.context_name(self.invoice.status_context)

    @property
    def choice(self) -> str:
        """The invoice, and the state of it that the person saw."""
        return f"{self.invoice.pk}:{self.invoice.version}"


@dataclass(frozen=True)
class Result:
    """The result for one invoice."""

    name: str
    url: str
    tone: str
    text: str


class BulkForm(forms.Form):
    """One reason for all; for overpaid invoices, how much of them."""

    overpaid = forms.ChoiceField(
        label=gettext_lazy("Overpaid ones"),
        widget=forms.RadioSelect,
        choices=_CREDIT,
    )
    reason = ActForm.declared_fields["reason"]

    def __init__(self, *args: Any, kind: str, user: Any, with_overpaid: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["overpaid"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
        if kind == REFUND or not with_overpaid:
            del self.fields["overpaid"]
        elif not may(user, Act.REFUND):
            field.choices = _CREDIT[:1]


class BulkActs(Base):
    """Mixed into the admin of invoices."""

    admin_site: AdminSite
    opts: Options[Any]
    actions = ["mark_completed", "mark_refunded", "deliver_events_again"]

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Return whether the list offers to mark invoices completed."""
        return may(request.user, Act.SETTLE)

    def has_refund_permission(self, request: HttpRequest) -> bool:
        """Return whether the list offers to mark invoices refunded: to the own account only."""
        return may(request.user, Act.REFUND)

    @admin.action(description=gettext_lazy("Mark completed: settle the selected invoices…"), permissions=["settle"])
    def mark_completed(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        """Show what settling would do to each."""
        return self.confirm(request, SETTLE, queryset)

    @admin.action(
        description=gettext_lazy("Mark refunded: refund the selected invoices to our own coin account…"),
        permissions=["refund"],
    )
    def mark_refunded(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        """Show what refunding would do to each."""
        return self.confirm(request, REFUND, queryset)

    def bulk_urls(self) -> list[URLPattern]:
        """Return the URL that works through a confirmed list; not wrapped into a request's transaction."""
        view = non_atomic_requests(self.admin_site.admin_view(self.bulk_view))
        return [path("bulk/<str:kind>/", view, name="cryptopay_django_invoice_bulk")]

    def confirm(self, request: HttpRequest, kind: str, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        """Show the plan for each selected invoice and a form, or say that there are too many."""
        invoices = list(queryset.order_by("-created_at")[: MOST + 1])
        if len(invoices) > MOST:
            text = _("More than %(most)d invoices are selected. Select fewer at a time.") % {"most": MOST}
            self.message_user(request, text, messages.ERROR)
            return None
        return self._show(request, kind, [plan_for(kind, invoice) for invoice in invoices])

    def bulk_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Work through what was confirmed, one invoice after the other. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        acts = {SETTLE: Act.SETTLE, REFUND: Act.REFUND}
        if kind not in acts or not may(request.user, acts[kind]):
            raise PermissionDenied
        chosen = read_choices(request.POST.getlist("invoice")[:MOST])
        found = Invoice.objects.primary().in_bulk(list(chosen))
        plans = [plan_for(kind, found[key]) for key in chosen if key in found]
        form = self._form(request, kind, plans)
        if not form.is_valid():
            return self._show(request, kind, plans, form)
        until = time.monotonic() + PATIENCE
        results = [self._do(request, kind, form, plan, version=chosen[plan.invoice.pk], until=until) for plan in plans]
        context = {"results": results, "title": _("Results")}
        return self._render(request, "bulk_results", context)

    def _do(
        self, request: HttpRequest, kind: str, form: BulkForm, plan: Plan, *, version: int, until: float
    ) -> Result:
        invoice, actor, reason = plan.invoice, request.user, form.cleaned_data["reason"]
        if time.monotonic() > until:
            return self._result(invoice, "plain", _("Not started, because it took too long. Select it again."))
        try:
            resolution = self._send(kind, invoice, form, actor=actor, reason=reason, version=version)
        except CryptopayError as error:
            return self._result(invoice, "warning", str(error))
        self.log_change(request, resolution.invoice, result_message.logged(resolution, f"List action, {kind}"))
        level, text = result_message.message_of(resolution)
        tones = {messages.SUCCESS: "good", messages.WARNING: "warning", messages.ERROR: "alarm"}
        return self._result(invoice, tones[level], text)

    def _send(
        self, kind: str, invoice: Invoice, form: BulkForm, *, actor: Any, reason: str, version: int
    ) -> Resolution:
        if kind == REFUND:
            return refund_invoice(invoice, actor=actor, reason=reason, expected_version=version)
        is_ordered_only = (
            invoice.status_context == StatusContext.OVERPAID and form.cleaned_data.get("overpaid") == ORDERED
        )
        return settle_invoice(
            invoice, actor=actor, reason=reason, refund_overage=is_ordered_only, expected_version=version
        )

    def _form(self, request: HttpRequest, kind: str, plans: list[Plan], *, bound: bool = True) -> BulkForm:
        over = any(plan.what and plan.invoice.status_context == StatusContext.OVERPAID for plan in plans)
        return BulkForm(request.POST if bound else None, kind=kind, user=request.user, with_overpaid=over)

    def _show(self, request: HttpRequest, kind: str, plans: list[Plan], form: BulkForm | None = None) -> HttpResponse:
        titles = {SETTLE: _("Mark completed"), REFUND: _("Mark refunded")}
        context = {
            "title": titles[kind],
            "kind": kind,
            "allowed": [plan for plan in plans if plan.what],
            "left_out": [plan for plan in plans if plan.why_not],
            "form": form or self._form(request, kind, plans, bound=False),
            "action_url": reverse(f"{self.admin_site.name}:cryptopay_django_invoice_bulk", args=[kind]),
        }
        return self._render(request, "bulk", context)

    def _render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        context = {
            "list_url": reverse(f"{self.admin_site.name}:cryptopay_django_invoice_changelist"),
            **context,
        }
        return own_page(self, request, f"invoice/{template}", context)

    def _result(self, invoice: Invoice, tone: str, text: str) -> Result:
        page = f"{self.admin_site.name}:cryptopay_django_invoice_change"
        return Result(invoice.custom_id, reverse(page, args=[invoice.pk]), tone, text)


def plan_for(kind: str, invoice: Invoice) -> Plan:
    """Return the plan for an invoice: what will happen, or why nothing will."""
    paid = display.amount(invoice.paid_amount, invoice.pay_currency)
    try:
        check_resolvable(invoice)
    except NotResolvableError as error:
        return Plan(invoice, paid, why_not=str(error))
    active = invoice.resolutions.filter(active=True).first()
    if active is not None:
        text = _("%(actor)s has begun to %(kind)s it, which is %(status)s.")
        values = {"actor": active.actor, "kind": active.get_kind_display(), "status": active.get_status_display()}
        return Plan(invoice, paid, why_not=text % values)
    return Plan(invoice, paid, what=f"{_promise(kind, invoice, paid)} {_second(invoice)}".strip())


def _promise(kind: str, invoice: Invoice, paid: str) -> str:
    found = display.difference(invoice)
    is_over = invoice.status_context == StatusContext.OVERPAID and found is not None
    over = display.amount(found.coin, invoice.pay_currency) if found else display.NOTHING
    ordered = display.amount(invoice.price_amount, invoice.price_currency)
    if kind == REFUND:
        text = (
            _("%(over)s goes to our own coin account, less a fee; %(ordered)s is credited.")
            if is_over
            else _("%(paid)s goes to our own coin account, less a fee. The customer gets nothing.")
        )
    elif is_over:
        text = _("Either the paid amount (%(paid)s, at the current rate) or %(ordered)s is credited: see below.")
    else:
        text = _("%(paid)s is credited at the current rate. The ordered amount is %(ordered)s.")
    return text % {"paid": paid, "over": over, "ordered": ordered}


def _second(invoice: Invoice) -> str:
    return _("Waits for a second person.") if needs_second_person(invoice) else ""


def read_choices(texts: list[str]) -> dict[UUID, int]:
    """Return the versions that were shown, by invoice; what is not `<id>:<version>` is left out."""
    chosen: dict[UUID, int] = {}
    for text in texts:
        key, _colon, version = text.partition(":")
        try:
            chosen[UUID(key)] = int(version)
        except ValueError:
            continue
    return chosen
