"""The URLs: callbacks and payment pages of cryptopay_django on every domain of pretix, and a page for staff.

Event and organizer domains show the main domain's URLs only below them, so the payment pages are there once more.
pretix wraps the views of those; they get copies, because the originals serve the main domain.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, include, path

from cryptopay_django import urls as cryptopay_urls

from .control import DecideView

NO_STREAM = "invoice-events"
_CONTROL = "control/event/<str:organizer>/<str:event>/orders/<str:code>/cryptopay/<uuid:invoice>/"


def _without_stream(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """Answer that there are no live updates, so that the page polls: pretix' wrapper takes no async view."""
    return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


def _on_domain(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def on_domain(request: HttpRequest, organizer: str = "", event: str = "", **kwargs: Any) -> Any:
        return view(request, **kwargs)

    return on_domain


def _copies() -> list[URLPattern]:
    return [
        path(
            str(entry.pattern),
            _without_stream if entry.name == NO_STREAM else _on_domain(entry.callback),
            name=entry.name,
        )
        for entry in cryptopay_urls.urlpatterns
    ]


urlpatterns = [
    path("_cryptopay/", include("cryptopay_django.urls")),
    path(_CONTROL, DecideView.as_view(), name="decide"),
]
organizer_patterns = [path("_cryptopay/", include((_copies(), "cryptopay_django"), namespace="on_organizer_domain"))]
event_patterns = [path("_cryptopay/", include((_copies(), "cryptopay_django"), namespace="on_event_domain"))]
