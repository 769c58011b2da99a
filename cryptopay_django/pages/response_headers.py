"""Sets the headers of every response about a payment, and answers 304 if its state has not changed."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.templatetags.static import static
from django.utils.http import parse_etags

from ..conf import app_settings


class Shown(Protocol):
    """The progress of an invoice or a channel: its public state, and a tag that changes with it."""

    @property
    def public(self) -> dict[str, object]: ...

    @property
    def etag(self) -> str: ...


def state_response(request: HttpRequest, shown: Shown) -> HttpResponse:
    """Return the public state as JSON, or 304 if the client has it."""
    known = parse_etags(request.headers.get("If-None-Match", ""))
    response: HttpResponse
    if shown.etag in known or shown.etag.removeprefix("W/") in known:
        response = HttpResponseNotModified()
    else:
        response = JsonResponse(shown.public)
    response["ETag"] = shown.etag
    return hardened(response)


def hardened(response: HttpResponse) -> HttpResponse:
    """Set headers against caching, framing, indexing, referrers and foreign content."""
    parts = urlsplit(static("cryptopay_django/pages/checkout.css"))
    own = f"'self' {parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"
    response["Cache-Control"] = "no-store, private"
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    if (changes := app_settings.PAGE_POLICY) is not None:
        directives = {
            "default-src": "'none'",
            "style-src": own,
            "script-src": own,
            "img-src": own,
            "font-src": own,
            "connect-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "frame-ancestors": "'none'",
            **changes,
        }
        _limit_frames(response, directives["frame-ancestors"])
        said = [f"{name} {sources}".rstrip() for name, sources in directives.items() if sources is not None]
        response["Content-Security-Policy"] = "; ".join(said)
    return response


def _limit_frames(response: Any, ancestors: str | None) -> None:
    """Set the same for old browsers, which know two values only; for any other, no header, also not Django's."""
    if word := {"'none'": "DENY", "'self'": "SAMEORIGIN"}.get(ancestors or ""):
        response["X-Frame-Options"] = word
    else:
        response.xframe_options_exempt = True
