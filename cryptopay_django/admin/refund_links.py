"""Serves the page on which staff make a link, by which the customer gives the address for a refund."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from ..exceptions import CryptopayError
from ..links import site_url_of
from ..models import Invoice, RefundLink
from ..permissions import Act, may
from ..redaction import hide_locals
from ..services import make_refund_link
from . import display
from .action_pages import ActPages
from .own_page import own_page
from .refund_link_text import maker_of, place_in


class RefundLinkPages(ActPages[Invoice]):
    """Mixed into the admin of invoices."""

    def refund_link_urls(self) -> list[URLPattern]:
        """Return the URL of the page."""
        return self.urls_of_acts({"refund-link": never_cache(self.refund_link_view)})

    @hide_locals
    def refund_link_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Show the links there are; make one by POST, and show it, once."""
        invoice = self.permitted(request, pk, may(request.user, Act.REFUND_TO_ADDRESS))
        context: dict[str, Any] = {}
        if request.method == "POST":
            try:
                made = make_refund_link(invoice, actor=request.user)
                context["new_link"] = site_url_of(made.path, request)
            except (CryptopayError, NoReverseMatch) as error:
                messages.error(request, str(error))
                return self.to_page(pk)
            self.log_change(request, invoice, "Made a link for a refund address")
        url = self.to_page(pk).url
        context |= {
            "subject_url": url,
            "subject_name": display.title_of(invoice),
            "page_url": url,
            "title": _("Ask for the customer's address: invoice %(name)s") % {"name": display.short_name(invoice)},
            "links": [_line(link) for link in invoice.refund_links.order_by("-created_at")],
        }
        # No Referrer-Policy of its own: with "no-referrer", browsers send the form with a null Origin, which Django
        # refuses. The page's own URL has no token in it.
        return own_page(self, request, "invoice/refund_link", context)


def _line(link: RefundLink) -> dict[str, Any]:
    now = timezone.now()
    state = _("waits for an answer until %(at)s") % {"at": display.moment_text(link.expires_at)}
    if link.used_at is not None:
        state = _("answered at %(at)s") % {"at": display.moment_text(link.used_at)}
    elif link.revoked_at is not None:
        state = _("not valid any more since %(at)s") % {"at": display.moment_text(link.revoked_at)}
    elif not link.is_open(now):
        state = _("expired at %(at)s") % {"at": display.moment_text(link.expires_at)}
    return {"made": display.moment_text(link.created_at), "by": maker_of(link), "state": state, "to": place_in(link)}
