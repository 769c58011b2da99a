"""Enables, disables and refreshes channels: one from its page, or several from the list. Each calls the gateway."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..atomic_requests import non_atomic_requests
from ..exceptions import ChannelRequestError, CryptopayError
from ..models import Channel, ChannelStatus
from ..permissions import Act, may
from ..services import disable_channel, enable_channel, read_channel
from ..services.accounts import is_in_force
from . import display
from .action_pages import ActPages, View
from .bulk_actions import PATIENCE, Result, read_choices
from .channel_display import channel_badges, place_of
from .forms import ActForm
from .invoice_columns import text_of
from .invoice_page import Button
from .own_page import own_page

MOST = 20
"""The most channels of one action: each needs a call or two."""

_VERBS = {"enable": (enable_channel, ChannelStatus.ENABLED), "disable": (disable_channel, ChannelStatus.DISABLED)}


class SeveralForm(forms.Form):
    """One reason for all channels."""

    reason = ActForm.declared_fields["reason"]


class ChannelSwitch(ActPages[Channel]):
    """Mixed into the admin of channels."""

    actions = ["enable_selected", "disable_selected", "refresh_selected"]

    def switch_urls(self) -> list[URLPattern]:
        """Return the URLs of acts; none of their views is wrapped into a request's transaction."""
        views: dict[str, View] = {
            "enable": lambda request, pk: self.switch_view(request, pk, "enable"),
            "disable": lambda request, pk: self.switch_view(request, pk, "disable"),
            "refresh": self.refresh_view,
        }
        several = non_atomic_requests(self.admin_site.admin_view(self.several_view))
        name = "cryptopay_django_channel_several"
        return [path("several/<slug:kind>/", several, name=name), *self.urls_of_acts(views)]

    def has_switch_permission(self, request: HttpRequest) -> bool:
        """Return whether the list offers to enable and disable."""
        return may(request.user, Act.SWITCH_CHANNEL)

    def has_refresh_permission(self, request: HttpRequest) -> bool:
        """Return whether the list offers to refresh."""
        return may(request.user, Act.REFRESH)

    def buttons_for(self, channel: Channel, user: Any) -> list[Button]:
        """Return the possible actions on a channel; one that this user may not do says whom to ask."""
        if channel.gateway_id is None or not is_in_force(channel):
            return []
        why_not = "" if may(user, Act.SWITCH_CHANNEL) else _("You may not enable or disable channels.")
        if channel.status == ChannelStatus.ENABLED:
            promise = _("The customer's page hides the address. The gateway holds what still arrives.")
            return [Button("disable", _("Disable…"), promise, why_not)]
        promise = _("The customer's page shows the address again. New payments are credited.")
        return [Button("enable", _("Enable…"), promise, why_not)]

    def switch_view(self, request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
        """Show what it means to enable or disable a channel, and do it once that is confirmed."""
        channel = self.permitted(request, pk, may(request.user, Act.SWITCH_CHANNEL))

        def perform(form: ActForm) -> None:
            reason, version = form.cleaned_data["reason"], form.cleaned_data["version"]
            messages.success(request, self._switch(request, channel, kind, reason=reason, version=version))

        return self.run(request, channel, ActForm, perform, lambda row: switch_context(row, kind))

    def refresh_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Poll the channel and its payments now. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = self.permitted(request, pk, may(request.user, Act.REFRESH))
        tone, text = self._refresh(request, channel)
        messages.add_message(request, messages.ERROR if tone == "alarm" else messages.SUCCESS, text)
        return self.to_page(channel.pk)

    @admin.action(description=gettext_lazy("Enable the selected channels…"), permissions=["switch"])
    def enable_selected(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """Ask first."""
        return self._ask(request, "enable", queryset)

    @admin.action(description=gettext_lazy("Disable the selected channels…"), permissions=["switch"])
    def disable_selected(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """Ask first."""
        return self._ask(request, "disable", queryset)

    @admin.action(description=gettext_lazy("Refresh from the gateway"), permissions=["refresh"])
    def refresh_selected(self, request: HttpRequest, queryset: QuerySet[Channel]) -> HttpResponse | None:
        """Poll each, and show the results."""
        rows = self._selected(request, queryset)
        return rows and self._results(request, rows, lambda row: self._refresh(request, row))

    def several_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Enable or disable what was confirmed, one after the other. POST only."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if kind not in _VERBS or not may(request.user, Act.SWITCH_CHANNEL):
            raise PermissionDenied
        chosen = read_choices(request.POST.getlist("channel")[:MOST])
        found = Channel.objects.primary().in_bulk(list(chosen))
        rows = [found[key] for key in chosen if key in found]
        form = SeveralForm(request.POST)
        if not form.is_valid():
            return self._show(request, kind, rows, form)
        reason = form.cleaned_data["reason"]

        def switch(row: Channel) -> tuple[str, str]:
            return "good", self._switch(request, row, kind, reason=reason, version=chosen[row.pk])

        return self._results(request, rows, switch)

    def _switch(self, request: HttpRequest, channel: Channel, kind: str, *, reason: str, version: int) -> str:
        """Enable or disable a channel that is still as the person saw it; return the message."""
        verb, status = _VERBS[kind]
        done = verb(channel, actor=request.user, expected_version=version)
        self.log_change(request, done, f"{kind.capitalize()}: the channel is {done.status}. Reason: {reason}")
        if done.status != status:
            raise ChannelRequestError(
                f"the gateway accepted the request, but channel {done.pk} is still {done.status}"
            )
        return _("The channel is %(status)s.") % {"status": done.get_status_display()}

    def _refresh(self, request: HttpRequest, channel: Channel) -> tuple[str, str]:
        found = read_channel(channel)
        if found.failed or found.unknown:
            why = "; ".join(found.failed.values()) or _("the gateway does not know the channel")
            return "alarm", _("The gateway could not be reached: %(error)s") % {"error": why}
        self.log_change(request, channel, "Refreshed from the gateway")
        text = _("Updated payments: %(count)d.") % {"count": found.drifted}
        if found.left:
            return "good", f"{text} {_('There are more: the worker continues with them.')}"
        return "good", text if found.drifted else _("No new payments.")

    def _ask(self, request: HttpRequest, kind: str, queryset: QuerySet[Channel]) -> HttpResponse | None:
        rows = self._selected(request, queryset)
        return rows and self._show(request, kind, rows, SeveralForm())

    def _selected(self, request: HttpRequest, queryset: QuerySet[Channel]) -> Any:
        """Return the selected rows, or None and a message where they are too many."""
        rows = list(queryset.order_by("-created_at")[: MOST + 1])
        if len(rows) <= MOST:
            return rows
        text = _("More than %(most)d are selected. Select fewer at a time.") % {"most": MOST}
        self.message_user(request, text, messages.ERROR)
        return None

    def _show(self, request: HttpRequest, kind: str, rows: list[Channel], form: SeveralForm) -> HttpResponse:
        context = {
            "title": _("Enable channels") if kind == "enable" else _("Disable channels"),
            "rows": [(row, channel_badges(row), place_of(row)) for row in rows],
            "consequences": _consequences(kind),
            "form": form,
            "action_url": reverse(f"{self.admin_site.name}:cryptopay_django_channel_several", args=[kind]),
        }
        return self._render(request, "channel/several", context)

    def _results(self, request: HttpRequest, rows: list[Channel], act: Any) -> HttpResponse:
        """Do something to each row, and show the results."""
        until = time.monotonic() + PATIENCE
        results = []
        for row in rows:
            try:
                not_started = "plain", _("Not started, because it took too long. Select it again.")
                tone, text = act(row) if time.monotonic() <= until else not_started
            except CryptopayError as error:
                tone, text = "warning", str(error)
            results.append(Result(display.title_of(row), self.to_page(row.pk).url, tone, text))
        return self._render(request, "invoice/bulk_results", {"results": results, "title": _("Results")})

    def _render(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        context = {
            "list_url": reverse(f"{self.admin_site.name}:cryptopay_django_channel_changelist"),
            **context,
        }
        return own_page(self, request, template, context)


def switch_context(channel: Channel, kind: str) -> dict[str, Any]:
    """Lay out what enabling or disabling does. Raises ChannelRequestError if the channel has that status already."""
    if channel.status == _VERBS[kind][1]:
        raise ChannelRequestError(_("The channel already has this status."))
    title = _("Enable channel %(name)s") if kind == "enable" else _("Disable channel %(name)s")
    return {
        "title": title % {"name": display.title_of(channel)},
        "amounts": [
            (_("owner"), display.NOTHING if (owner := channel.owner) is None else text_of(owner), ""),
            (_("coin"), channel.pay_currency, channel.network),
            (_("credited in"), channel.receiver_currency, ""),
            (_("address"), place_of(channel), ""),
        ],
        "consequences": _consequences(kind),
        "submit": _("Enable") if kind == "enable" else _("Disable"),
    }


def _consequences(kind: str) -> list[str]:
    if kind == "enable":
        return [
            _("The customer sees the address again. Payments that arrive from now on are credited."),
            _("It is refused if the owner has another enabled channel for the same coin, network and currency."),
            _("The gateway may still hold payments that arrived while the channel was disabled: ask its support."),
        ]
    return [
        _("The customer's page shows neither address nor QR code."),
        _("The gateway holds what still arrives. It is not credited until the gateway's support decides."),
        _("The shop can then create another channel for the owner."),
    ]
