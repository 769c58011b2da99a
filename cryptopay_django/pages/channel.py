"""Serves the page of a channel and its state: the address, and the newest payments.

Both are public: the key is the channel's random id. Nothing here changes a row or calls the gateway.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from ..atomic_requests import non_atomic_requests
from ..links import path_of
from ..services.channels.owner_state import ChannelProgress, read_channel_progress
from .channel_panel import channel_panel_context
from .languages import language_of, languages_of
from .payment_panel import shop_name
from .response_headers import hardened, state_response


@login_not_required
@non_atomic_requests
@require_safe
def channel(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """Show where to pay, and the newest payments; `?part=` returns only the panel, for the script."""
    progress = _progress(channel_id)
    with translation.override(language_of(request)):
        part = request.GET.get("part")
        context = channel_panel_context(progress, is_embedded=part == "embedded")
        if part in ("panel", "embedded"):
            return hardened(render(request, context["panel_template"], context))
        page = path_of("channel", channel_id)
        context |= {"shop_name": shop_name(progress.channel), "languages": languages_of(page)}
        return hardened(render(request, "cryptopay_django/channel.html", context))


@login_not_required
@non_atomic_requests
@require_safe
def channel_status(request: HttpRequest, channel_id: UUID) -> HttpResponse:
    """Return the public state as JSON, or 304 if the client has it. Makes two queries."""
    return state_response(request, _progress(channel_id))


def _progress(channel_id: UUID) -> ChannelProgress:
    progress = read_channel_progress(channel_id)
    if progress is None:
        raise Http404
    return progress
