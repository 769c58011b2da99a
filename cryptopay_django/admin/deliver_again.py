"""Adds the list action that delivers events of the selected rows once more, with a page that asks first.

The buttons that retry a failed event: `deliver_now.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.db.models.options import Options
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..atomic_requests import non_atomic_requests
from ..models import Callback, EventKind, Invoice, Subject
from ..permissions import Act, may
from ..services import deliver_again
from ..services.events.outbox import SIGNALS, sender_of
from ..services.resolution.people import person_of
from .forms import ActForm
from .own_page import own_page

if TYPE_CHECKING:
    from .readonly import ModelAdmin as Base
else:
    Base = object

MOST = 100
"""How many rows one go takes."""


_CHOSEN = (EventKind.INVOICE_COMPLETED, EventKind.CHANNEL_PAYMENT_COMPLETED)


class AgainForm(forms.Form):
    """The kinds and dates of the events, and the reason."""

    kinds = forms.MultipleChoiceField(label=gettext_lazy("Events"), widget=forms.CheckboxSelectMultiple)
    reason = ActForm.declared_fields["reason"]

    def __init__(self, model: type[Subject], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = [str(kind) for kind in SIGNALS if sender_of(kind) is model]
        field: Any = self.fields["kinds"]
        field.choices = [(kind, kind) for kind in kinds]
        field.initial = [kind for kind in kinds if kind in _CHOSEN] or kinds


class DeliverAgain(Base):
    """Mixed into the admin of what events are about."""

    admin_site: AdminSite
    opts: Options[Any]
    model: type[Subject]

    def has_deliver_again_permission(self, request: HttpRequest) -> bool:
        """Return whether the list offers to deliver events again."""
        return may(request.user, Act.DELIVER_AGAIN)

    @admin.action(description=gettext_lazy("Deliver events again to the shop…"), permissions=["deliver_again"])
    def deliver_events_again(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Ask which events, and why; or say that there are too many."""
        rows = list(queryset.order_by(*self.ordering or ())[: MOST + 1])
        if len(rows) > MOST:
            text = _("More than %(most)d are selected. Select fewer at a time.") % {"most": MOST}
            self.message_user(request, text, messages.ERROR)
            return None
        return self._ask(request, rows, AgainForm(self.model))

    def again_urls(self) -> list[URLPattern]:
        """Return the URL of the confirmed action; not wrapped into a request's transaction."""
        view = non_atomic_requests(self.admin_site.admin_view(self.again_view))
        return [path("deliver-again/", view, name=f"cryptopay_django_{self.opts.model_name}_deliver_again")]

    def again_view(self, request: HttpRequest) -> HttpResponse:
        """Deliver again what was confirmed, and say how many events that were. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may(request.user, Act.DELIVER_AGAIN):
            raise PermissionDenied
        keys = [key for text in request.POST.getlist(str(self.opts.model_name))[:MOST] if (key := self._key(text))]
        manager: Any = self.model._default_manager
        rows = list(manager.primary().filter(pk__in=keys).order_by(*self.ordering or ()))
        form = AgainForm(self.model, request.POST)
        if not form.is_valid():
            return self._ask(request, rows, form)
        done = 0
        for row in rows:
            again = deliver_again(row, actor=person_of(request.user).name, **form.cleaned_data)
            if again:
                self.log_change(request, row, f"Delivered {again} events again: {form.cleaned_data['reason']}")
            done += again
        text = ngettext("%(count)d event is delivered again.", "%(count)d events are delivered again.", done)
        self.message_user(request, text % {"count": done}, messages.SUCCESS if done else messages.WARNING)
        return HttpResponseRedirect(self._list_url())

    def _ask(self, request: HttpRequest, rows: list[Subject], form: AgainForm) -> HttpResponse:
        context = {
            "title": _("Deliver events again"),
            "rows": [self._shown(row) for row in rows],
            "form": form,
            "list_url": self._list_url(),
            "action_url": reverse(f"{self._url_name}_deliver_again"),
        }
        return own_page(self, request, "deliver_again", context)

    def _list_url(self) -> str:
        return reverse(f"{self._url_name}_changelist")

    def _shown(self, row: Subject) -> dict[str, Any]:
        """Return a row as the page names it."""
        state = row.get_outcome_display() if isinstance(row, Callback) else row.get_status_display()
        name = row.custom_id if isinstance(row, Invoice) else str(row)
        return {"key": row.pk, "url": reverse(f"{self._url_name}_change", args=[row.pk]), "name": name, "state": state}

    @property
    def _url_name(self) -> str:
        return f"{self.admin_site.name}:cryptopay_django_{self.opts.model_name}"

    def _key(self, text: str) -> object:
        """Read a key of the model; None for what is none."""
        try:
            return self.opts.pk.to_python(text)
        except ValidationError:
            return None
