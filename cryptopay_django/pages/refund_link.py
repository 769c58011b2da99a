"""Serves the page on which a customer gives the address for a refund. Sends no coins.

The link's token is the only key, so these views need no login and no CSRF token: who can post already has the key. No
answer to a valid token has a status of 400 or more, because Django logs the path of those. What becomes of the
address: `services/resolution/refund_links.py`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from ..atomic_requests import non_atomic_requests
from ..caching import claim
from ..conf import app_settings
from ..exceptions import AddressError, LinkObstacle, RefundLinkError, TagError
from ..gateway.tags import LARGEST_TAG, is_same_place
from ..links import path_of
from ..models import Invoice, RefundLink
from ..redaction import hide_locals
from ..services.resolution.refund_links import (
    check_refund_link,
    check_refund_place,
    coins_to_return,
    find_refund_link,
    make_refund_link,
    name_refund_address,
)
from .formats import coin_name, moment, network_name, plain, shortened, tag_name
from .languages import language_of, languages_of
from .payment_panel import shop_name, support
from .response_headers import hardened

_TRIES, _WITHIN = 20, 60
"""How many answers to a link are looked at in so many seconds."""

_LONGEST = 300

_OBSTACLES = {
    LinkObstacle.UNKNOWN: (
        _("This link is not valid"),
        _(
            "Please open the link exactly as you received it. Does it still not work? Then answer the e-mail in which "
            "you found it, or ask the shop where you bought."
        ),
    ),
    LinkObstacle.EXPIRED: (_("This link has expired"), _("Please ask the shop for a new link.")),
    LinkObstacle.REVOKED: (
        _("This link is no longer valid"),
        _("There is a newer link or answer. Please ask the shop if you have a question."),
    ),
    LinkObstacle.CLOSED: (
        _("An address cannot be named now"),
        _("It is not possible at the moment, for example because a refund is under way. Please ask the shop."),
    ),
    LinkObstacle.USED: (
        _("An address is already named"),
        _("To change it, please ask the shop for a new link."),
    ),
    LinkObstacle.TOO_MANY: (_("Please try again later"), _("This was tried too often. Nothing was changed.")),
}


@login_not_required
@csrf_exempt
@non_atomic_requests
@require_http_methods(["GET", "HEAD", "POST"])
@hide_locals
def refund_address(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for the address, show it once more to confirm, and write it down, once."""
    with translation.override(language_of(request)):
        try:
            link = find_refund_link(token)
        except RefundLinkError as error:
            return _closed(request, error.obstacle, status=404)
        if link.used_at is not None:
            named = {"shown": shortened(link.address), "found_tag": link.destination_tag}
            return _render(request, link, token, {"step": "done", **named})
        try:
            check_refund_link(link)
            if request.method == "POST":
                return _answer(request, link, token)
        except RefundLinkError as error:
            return _closed(request, error.obstacle, invoice=link.invoice)
        return _render(request, link, token, {"step": "ask"})


@login_not_required
@csrf_exempt
@non_atomic_requests
@require_POST
@hide_locals
def ask_for_link(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """Make a link for who is on the payment page, where CRYPTOPAY_ASK_REFUND_ADDRESS allows it, and go there."""
    invoice = Invoice.objects.primary().filter(pk=invoice_id).first()
    if invoice is None or not app_settings.of(invoice.account).ASK_REFUND_ADDRESS:
        raise Http404
    with translation.override(language_of(request)):
        try:
            made = make_refund_link(invoice)
        except RefundLinkError as error:
            return _closed(request, error.obstacle, invoice=invoice)
        return _go_to(made.token)


def _answer(request: HttpRequest, link: RefundLink, token: str) -> HttpResponse:
    """Check what was posted; show it to confirm, or write it down if it is confirmed."""
    given = _posted(request)
    if not any(claim(f"cryptopay_django:refund-address:{link.pk}:{number}", _WITHIN) for number in range(_TRIES)):
        context = {"step": "ask", "address_problem": gettext("Please wait a moment, and press the button again.")}
        return _render(request, link, token, {**context, **given})
    has_tags = link.invoice.network in LARGEST_TAG
    tag = (given["tag"] or None) if has_tags else None
    without_tag = has_tags and given["without_tag"]
    try:
        address, found = check_refund_place(link, given["address"], tag=tag, without_tag=without_tag)
        if "confirmed" in request.POST:
            name_refund_address(token, address=given["address"], tag=tag, without_tag=without_tag)
            return _go_to(token)
    except AddressError as error:
        return _render(request, link, token, {"step": "ask", **_problems(link, given, error), **given})
    step = "ask" if "change" in request.POST else "confirm"
    return _render(request, link, token, {"step": step, **given, "plain_address": address, "found_tag": found})


def _posted(request: HttpRequest) -> dict[str, Any]:
    return {
        "address": request.POST.get("address", "").strip()[:_LONGEST],
        "tag": request.POST.get("tag", "").strip()[:_LONGEST],
        "without_tag": request.POST.get("without_tag") == "on",
    }


def _problems(link: RefundLink, given: dict[str, Any], error: AddressError) -> dict[str, Any]:
    """Return what is wrong in the customer's words, all of it at once; the error itself is written for staff."""
    problems = {}
    is_missing = link.invoice.network in LARGEST_TAG and not given["tag"] and not given["without_tag"]
    if is_missing:
        problems["tag_problem"] = gettext(
            "Enter this number, or say that your address needs none. Without it the coins can be lost."
        )
    elif isinstance(error, TagError):
        problems["tag_problem"] = gettext(
            "This number does not fit. Check it, and do not say at the same time that none is needed."
        )
    if not isinstance(error, TagError):
        problems["address_problem"] = _address_problem(link.invoice, given["address"])
    return problems


def _address_problem(invoice: Invoice, address: str) -> str:
    if not address:
        return gettext("Please enter your address.")
    if is_same_place(address, invoice.address, with_tags=False):
        return gettext("This is the address that you paid to. Enter an address of your own.")
    text = gettext("This is not an address on the network %(network)s. Copy it again, and check the network.")
    return text % {"network": network_name(invoice.network, invoice.pay_currency)}


def _render(request: HttpRequest, link: RefundLink, token: str, context: dict[str, Any]) -> HttpResponse:
    invoice, page = link.invoice, path_of("refund-address", token)
    language = urlencode({"lang": translation.get_language() or "en"})
    coins = coins_to_return(invoice)
    known = {
        "invoice": invoice,
        "place": invoice,
        "page_url": f"{page}?{language}",
        "languages": languages_of(page) if context["step"] != "confirm" else [],
        "shop_name": shop_name(invoice),
        "coin": coin_name(invoice.pay_currency, with_code=True),
        "network": network_name(invoice.network, invoice.pay_currency),
        "has_tag": invoice.network in LARGEST_TAG,
        "tag_name": tag_name(invoice.network),
        "coins": "" if coins is None else f"{plain(coins)}\u00a0{invoice.pay_currency}",
        "expires_at": link.expires_at,
        "valid_until": moment(link.expires_at),
        "payment_url": f"{path_of('checkout', invoice.pk)}?{language}",
        **dict.fromkeys(("address", "address_problem", "tag", "tag_problem", "without_tag"), ""),
        **support(invoice),
    }
    return hardened(render(request, "cryptopay_django/refund_address.html", {**known, **context}))


def _closed(
    request: HttpRequest, obstacle: LinkObstacle, *, invoice: Invoice | None = None, status: int = 200
) -> HttpResponse:
    title, text = _OBSTACLES[obstacle]
    is_unknown = obstacle is LinkObstacle.UNKNOWN
    context: dict[str, Any] = {
        "step": "closed",
        "title": title,
        "text": text,
        "is_unknown": is_unknown,
        "languages": [],
        "place": invoice,
        "shop_name": shop_name(invoice),
        **support(invoice),
    }
    return hardened(render(request, "cryptopay_django/refund_address.html", context, status=status))


def _go_to(token: str) -> HttpResponse:
    page = path_of("refund-address", token)
    response = HttpResponseRedirect(f"{page}?{urlencode({'lang': translation.get_language() or 'en'})}")
    response.status_code = 303
    return hardened(response)
