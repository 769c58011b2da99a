"""The page of one invoice and its state. Public: the invoice's unguessable id is the only key.

Nothing here changes an invoice. "I have sent it" asks the gateway, through the one door that all answers take.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import timezone, translation
from django.utils.http import parse_etags
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from ..caching import claim
from ..exceptions import GatewayError, InvoiceBusyError
from ..links import path_of
from ..logs import about
from ..models import Invoice
from ..services import refresh_invoice
from ..services.call_budget import Use, spend
from ..services.invoices.progress import Progress, read_progress
from .panel import ASKED, NOT_ASKED, panel_context, shop_name

logger = logging.getLogger("cryptopay_django")

LANGUAGES = ("de", "en", "es", "fr", "ja", "pt", "ru")
"""Languages that the pages speak; offered are those of them that the site has, too."""

_ASK_AT_MOST_EVERY = timedelta(seconds=15)


@login_not_required
@csrf_exempt
@transaction.non_atomic_requests
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Show where and how to pay, and the progress of the payment; `?part=` gives the panel alone, for the script.

    POST is "I have sent it". It needs no CSRF token: a forged one makes us look, and that rarely.
    """
    progress = _progress(invoice_id)
    with translation.override(_language(request)):
        if request.method == "POST":
            return _ask(request, progress)
        part = request.GET.get("part")
        context = panel_context(progress, asked=request.GET.get("asked", ""), is_embedded=part == "embedded")
        if part in ("panel", "embedded"):
            return _hardened(render(request, "cryptopay_django/panel.html", context))
        context |= {"shop_name": shop_name(progress.invoice), "languages": _languages(invoice_id)}
        return _hardened(render(request, "cryptopay_django/checkout.html", context))


@login_not_required
@transaction.non_atomic_requests
@require_safe
def invoice_status(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Answer with the public state as JSON, or 304 when the client has it. One query by primary key in either case."""
    progress = _progress(invoice_id)
    known = parse_etags(request.headers.get("If-None-Match", ""))
    response: HttpResponse
    if progress.etag in known or progress.etag.removeprefix("W/") in known:
        response = HttpResponseNotModified()
    else:
        response = JsonResponse(progress.public)
    response["ETag"] = progress.etag
    return _hardened(response)


def _progress(invoice_id: UUID) -> Progress:
    progress = read_progress(invoice_id)
    if progress is None:
        raise Http404
    return progress


def _ask(request: HttpRequest, progress: Progress) -> HttpResponse:
    """Ask the gateway about the invoice, unless somebody just has, and show the page again."""
    query: dict[str, Any] = {name: request.GET[name] for name in ("part", "lang") if name in request.GET}
    query["asked"] = ASKED
    if not progress.is_final and _may_ask(progress.invoice):
        try:
            spend(progress.invoice.account, Use.LOOKS)
            refresh_invoice(progress.invoice)
        except (GatewayError, InvoiceBusyError) as error:
            logger.warning(
                "a customer asked about invoice %s, and there was no answer: %s",
                progress.invoice.pk,
                error,
                extra=about(progress.invoice),
            )
            query["asked"] = NOT_ASKED
    page = path_of("checkout", progress.invoice.pk)
    response = HttpResponseRedirect(f"{page}?{urlencode(query)}")
    response.status_code = 303
    return _hardened(response)


def _may_ask(invoice: Invoice) -> bool:
    """Return whether it was long enough ago that the gateway was asked about this invoice."""
    if invoice.polled_at is not None and timezone.now() - invoice.polled_at < _ASK_AT_MOST_EVERY:
        return False
    return claim(f"cryptopay_django:asked:{invoice.pk}", _ASK_AT_MOST_EVERY.seconds)


def _language(request: HttpRequest) -> str | None:
    """Return the language that the URL asks for, if the site has it, else the one that is active."""
    wanted = request.GET.get("lang", "")[:16]
    try:
        return translation.get_supported_language_variant(wanted)
    except LookupError:
        return translation.get_language()


def _languages(invoice_id: UUID) -> list[dict[str, Any]]:
    """Return the languages to choose from, each by its own name; none where there is no choice."""
    page = path_of("checkout", invoice_id)
    active = (translation.get_language() or "").partition("-")[0]
    codes = [code for code in LANGUAGES if settings.USE_I18N and code in dict(settings.LANGUAGES)]
    return [
        {
            "code": code,
            "name": translation.get_language_info(code)["name_local"].capitalize(),
            "url": f"{page}?{urlencode({'lang': code})}",
            "is_active": code == active,
        }
        for code in codes
        if len(codes) > 1
    ]


def _hardened(response: HttpResponse) -> HttpResponse:
    """Keep the answer out of caches, frames, search engines and other sites' logs; let nothing foreign run in it."""
    parts = urlsplit(static("cryptopay_django/pages/checkout.css"))
    own = f"'self' {parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"
    response["Cache-Control"] = "no-store, private"
    response["X-Frame-Options"] = "DENY"
    response["X-Content-Type-Options"] = "nosniff"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src {own}; script-src {own}; img-src {own}; font-src {own}; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return response
