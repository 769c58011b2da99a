"""Serves the payment page of an invoice and its state. Both are public: the key is the invoice's random id.

Nothing here changes an invoice directly. "I have sent it" calls `refresh_invoice`. What the customer sees, also after
the expiry: `services/invoices/customer_state.py` decides the state, `state_texts.py` has the texts.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from ..atomic_requests import non_atomic_requests
from ..caching import claim
from ..exceptions import GatewayError, InvoiceBusyError
from ..links import path_of
from ..logs import about
from ..models import Invoice
from ..services import refresh_invoice
from ..services.invoices.customer_state import Progress, read_progress
from ..services.rate_limit_by_use import Use, spend
from .languages import language_of, languages_of
from .payment_panel import GATEWAY_ANSWERED, GATEWAY_SILENT, panel_context, shop_name
from .response_headers import hardened, state_response

logger = logging.getLogger("cryptopay_django")

_RECENTLY = timedelta(seconds=15)


@login_not_required
@csrf_exempt
@non_atomic_requests
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Show where and how to pay, and the progress of the payment. `?part=` returns only the panel, for the script.

    POST is "I have sent it". It needs no CSRF token: a forged request only causes a poll, and not often.
    """
    progress = _progress(invoice_id)
    with translation.override(language_of(request)):
        if request.method == "POST":
            return _ask(request, progress)
        part = request.GET.get("part")
        context = panel_context(progress, asked=request.GET.get("asked", ""), is_embedded=part == "embedded")
        if part in ("panel", "embedded"):
            return hardened(render(request, "cryptopay_django/panel.html", context))
        context |= {
            "shop_name": shop_name(progress.invoice),
            "languages": languages_of(path_of("checkout", invoice_id)),
        }
        return hardened(render(request, "cryptopay_django/checkout.html", context))


@login_not_required
@non_atomic_requests
@require_safe
def invoice_status(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Return the public state as JSON, or 304 if the client has it. Makes one query by primary key."""
    progress = _progress(invoice_id)
    return state_response(request, progress)


def _progress(invoice_id: UUID) -> Progress:
    progress = read_progress(invoice_id)
    if progress is None:
        raise Http404
    return progress


def _ask(request: HttpRequest, progress: Progress) -> HttpResponse:
    """Poll the invoice, unless it was just polled, and show the page again."""
    query: dict[str, Any] = {name: request.GET[name] for name in ("part", "lang") if name in request.GET}
    query["asked"] = GATEWAY_ANSWERED if progress.is_final or _is_answered(progress.invoice) else GATEWAY_SILENT
    if query["asked"] == GATEWAY_SILENT and claim(f"cryptopay_django:asked:{progress.invoice.pk}", _RECENTLY.seconds):
        try:
            spend(progress.invoice.account, Use.CUSTOMER_REFRESHES)
            refresh_invoice(progress.invoice)
            query["asked"] = GATEWAY_ANSWERED
        except (GatewayError, InvoiceBusyError) as error:
            logger.warning(
                "a customer asked for the state of invoice %s, but the gateway gave no answer: %s",
                progress.invoice.pk,
                error,
                extra=about(progress.invoice),
            )
    page = path_of("checkout", progress.invoice.pk)
    response = HttpResponseRedirect(f"{page}?{urlencode(query)}")
    response.status_code = 303
    return hardened(response)


def _is_answered(invoice: Invoice) -> bool:
    """Return whether the gateway has answered about this invoice a moment ago."""
    return invoice.polled_at is not None and timezone.now() - invoice.polled_at < _RECENTLY
