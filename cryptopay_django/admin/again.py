"""The action of the list that delivers events of the selected invoices once more, with a page that asks first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.options import Options
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..models import EventKind, Invoice
from ..permissions import Act, may
from ..services import deliver_again
from ..services.events.outbox import SIGNALS
from .forms import ActForm

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

MOST = 100
"""How many invoices one go takes."""


class AgainForm(forms.Form):
    """The kinds and dates of the events, and the reason."""

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Events"),
        widget=forms.CheckboxSelectMultiple,
        choices=[(str(kind), str(kind)) for kind in SIGNALS],
        initial=[str(EventKind.INVOICE_COMPLETED)],
    )
    reason = ActForm.declared_fields["reason"]


class DeliverAgain(Base):
    """Mixed into the admin of invoices."""

    admin_site: AdminSite
    opts: Options[Any]

    def has_deliver_again_permission(self, request: HttpRequest) -> bool:
        """Return whether the list offers to deliver events again."""
        return may(request.user, Act.DELIVER_AGAIN)

    @admin.action(description=gettext_lazy("Deliver events again to the shop…"), permissions=["deliver_again"])
    def deliver_events_again(self, request: HttpRequest, queryset: QuerySet[Invoice]) -> HttpResponse | None:
        """Ask which events, and why; or say that there are too many."""
        invoices = list(queryset.order_by("-created_at")[: MOST + 1])
        if len(invoices) > MOST:
            text = _("More than %(most)d invoices are selected: take fewer at a time.") % {"most": MOST}
            self.message_user(request, text, messages.ERROR)
            return None
        return self._ask(request, invoices, AgainForm())

    def again_urls(self) -> list[URLPattern]:
        """Return the URL of the confirmed action; not wrapped into a request's transaction."""
        view = non_atomic_requests(self.admin_site.admin_view(self.again_view))
        return [path("deliver-again/", view, name="cryptopay_django_invoice_deliver_again")]

    def again_view(self, request: HttpRequest) -> HttpResponse:
        """Deliver again what was confirmed, and say how many events that were. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may(request.user, Act.DELIVER_AGAIN):
            raise PermissionDenied
        keys = [key for text in request.POST.getlist("invoice")[:MOST] if (key := _uuid(text))]
        invoices = list(Invoice.objects.primary().filter(pk__in=keys).order_by("-created_at"))
        form = AgainForm(request.POST)
        if not form.is_valid():
            return self._ask(request, invoices, form)
        done = 0
        for invoice in invoices:
            again = deliver_again(invoice, actor=request.user.get_username(), **form.cleaned_data)
            if again:
                self.log_change(request, invoice, f"Delivered {again} events again: {form.cleaned_data['reason']}")
            done += again
        text = ngettext("%(count)d event is delivered again.", "%(count)d events are delivered again.", done)
        self.message_user(request, text % {"count": done}, messages.SUCCESS if done else messages.WARNING)
        return HttpResponseRedirect(self._list_url())

    def _ask(self, request: HttpRequest, invoices: list[Invoice], form: AgainForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": _("Deliver events again"),
            "invoices": invoices,
            "form": form,
            "list_url": self._list_url(),
            "action_url": reverse(f"{self.admin_site.name}:cryptopay_django_invoice_deliver_again"),
        }
        return TemplateResponse(request, "admin/cryptopay_django/invoice/deliver_again.html", context)

    def _list_url(self) -> str:
        return reverse(f"{self.admin_site.name}:cryptopay_django_invoice_changelist")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
