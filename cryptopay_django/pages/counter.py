"""Serves the page for a counter in a shop (point of sale).

Staff type an amount, the customer scans a large QR code, and the page says when it is paid.

Each amount is a payment link that is paid once. The pages are for staff with the permission `add_paymentlink`, who log
in as for the admin. They use the session, so their forms have a CSRF token.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from ..atomic_requests import non_atomic_requests
from ..conf import app_settings
from ..exceptions import NotPermittedError, PaymentLinkRequestError
from ..links import path_of, site_url_of
from ..models import PaymentLink, PaymentLinkKind
from ..permissions import Act, is_staff, may
from ..qr import qr_svg
from ..services import cancel_payment_link, create_payment_link, read_progress
from ..services.invoices.current_invoice import payment_under_way
from ..services.invoices.customer_state import Progress, State
from ..services.payment_links.totals import invoices_of_link, paid_by_links
from ..services.payment_links.use import find_use
from .formats import decimal_sign, moment, money
from .languages import language_of, languages_of
from .payment_link import read_amount
from .payment_panel import shop_name
from .response_headers import hardened, state_response

logger = logging.getLogger("cryptopay_django")

_VALID = timedelta(minutes=30)
_LAST = 5
_LONGEST = 40

View = Callable[..., HttpResponse]

_OPEN, _OPENED, _PAYING, _CANCELLED, _EXPIRED = "open", "opened", "paying", "link_cancelled", "link_expired"
_WITH_CODE = (_OPEN, _OPENED, _PAYING)
_DECIDE = _("Staff decide about it in the admin.")

_SAID: dict[str, tuple[str, Promise, Promise]] = {
    _OPEN: (
        "wait",
        _("Scan this code with your phone"),
        _("Use its camera: it opens the payment page. Choose a coin there, and pay with your wallet."),
    ),
    _OPENED: ("wait", _("The payment page is open"), _("Choose a coin on your phone.")),
    _PAYING: ("wait", _("Waiting for the payment"), _("The address and the exact amount are on your phone.")),
    _CANCELLED: ("closed", _("This amount was cancelled"), _("A payment that was begun before may still arrive.")),
    _EXPIRED: ("closed", _("The time is up"), _("Enter the amount again to get a new code.")),
    State.PARTLY_PAID: ("wait", _("A part has arrived"), _("Your phone shows what is missing.")),
    State.SEEN: ("wait", _("Payment seen"), _("The network is confirming it. This page updates automatically.")),
    State.CONFIRMED: (
        "wait",
        _("Payment confirmed by the network"),
        _("It is now being credited, which takes a moment."),
    ),
    State.COMPLETED: ("good", _("Paid"), _("Thank you. Your payment is complete.")),
    State.UNDERPAID: ("care", _("Too little has arrived"), _DECIDE),
    State.OVERPAID: ("care", _("Too much has arrived"), _DECIDE),
    State.LATE: ("care", _("Your payment arrived late"), _DECIDE),
    State.HELD: ("care", _("Your payment is being checked"), _DECIDE),
    State.REVIEW: ("care", _("We are checking your payment"), _DECIDE),
}
_CARE = frozenset({State.UNDERPAID, State.OVERPAID, State.LATE, State.HELD, State.REVIEW})


@dataclass(frozen=True, slots=True)
class Shown:
    """The state of one amount at the counter: a word of ours, or the state of its invoice once money has come."""

    link: PaymentLink
    state: str
    progress: Progress | None

    @property
    def public(self) -> dict[str, object]:
        """Return what the script asks for."""
        return {"state": self.state}

    @property
    def etag(self) -> str:
        """Return a tag that changes with the state."""
        return f'W/"{self.link.pk.hex}-{self.state}"'

    @property
    def pace(self) -> str:
        """Return how often the page polls."""
        if self.state == State.COMPLETED:
            return "no"
        return "slow" if self.state in (_CANCELLED, _EXPIRED) or self.state in _CARE else "live"


def for_staff(view: View) -> View:
    """Let staff in who may make payment links; send others to the login of the admin."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user: Any = getattr(request, "user", None)
        if not is_staff(user):
            return _to_login(request)
        if not may(user, Act.MAKE_LINK):
            raise PermissionDenied
        with translation.override(language_of(request)):
            response = hardened(view(request, *args, **kwargs))
        # With "no-referrer", browsers send a form with a null Origin, which Django refuses.
        response["Referrer-Policy"] = "same-origin"
        return response

    return login_not_required(non_atomic_requests(checked))


@for_staff
@require_http_methods(["GET", "HEAD", "POST"])
def keypad(request: HttpRequest) -> HttpResponse:
    """Ask for an amount; make a payment link for it by POST, and show its code."""
    problem, currencies = "", list(app_settings.COUNTER_CURRENCIES)
    chosen = request.POST.get("currency", request.GET.get("currency", ""))
    currency = chosen if chosen in currencies else currencies[0]
    if request.method == "POST":
        try:
            link = create_payment_link(
                actor=request.user,
                price_currency=currency,
                price_amount=read_amount(request.POST.get("amount", "")),
                description=request.POST.get("description", ""),
                kind=PaymentLinkKind.COUNTER,
                expires_at=timezone.now() + _VALID,
            )
            return _redirect(request, "counter-payment", link.pk)
        except PaymentLinkRequestError as error:
            problem = _problem(error)
        except NotPermittedError as error:
            raise PermissionDenied from error
    page = path_of("counter")
    context = {
        "problem": problem,
        "amount": request.POST.get("amount", "").strip()[:_LONGEST],
        "description": request.POST.get("description", ""),
        "currency": currency,
        "currencies": currencies,
        "keys": [*"789456123", decimal_sign(), "0"],
        "page_url": _page(request, page),
        "languages": languages_of(page),
        "shop_name": app_settings.SHOP_NAME,
        "last": _last_payments(request),
    }
    return render(request, "cryptopay_django/counter.html", context)


@for_staff
@require_http_methods(["GET", "HEAD", "POST"])
def payment(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Show the code of an amount, and whether it is paid. POST cancels it. `?part=` returns only the panel."""
    link = _find(link_id)
    again = {"currency": link.price_currency}
    if request.method == "POST":
        try:
            cancel_payment_link(link, actor=request.user)
        except NotPermittedError as error:
            raise PermissionDenied from error
        return _redirect(request, "counter", **again)
    shown = look_at(link)
    tone, title, text = _SAID[shown.state]
    page, url = path_of("counter-payment", link.pk), site_url_of(path_of("payment-link", link.token), request)
    context = {
        "link": link,
        "place": link,
        "state": shown.state,
        "progress": shown,
        "tone": tone,
        "title": title,
        "text": text,
        "watch": shown.pace,
        "price": money(link.price_amount, link.price_currency) if link.price_amount is not None else "",
        "qr": qr_svg(url, gettext("QR code of the payment page")) if shown.state in _WITH_CODE else "",
        "may_cancel": shown.state in _WITH_CODE,
        "details_url": _details_url(link) if shown.state in _CARE else "",
        "keypad_url": _page(request, path_of("counter"), **again),
        "page_url": _page(request, page),
        "panel_url": _page(request, page, part="panel"),
        "status_url": path_of("counter-status", link.pk),
        "events_url": "",
        "panel_template": "cryptopay_django/counter_panel.html",
        "shop_name": shop_name(link),
    }
    name = "counter_panel" if request.GET.get("part") == "panel" else "counter_payment"
    return render(request, f"cryptopay_django/{name}.html", context)


@for_staff
@require_safe
def payment_status(request: HttpRequest, link_id: UUID) -> HttpResponse:
    """Return the state of an amount as JSON, or 304 if the client has it."""
    return state_response(request, look_at(_find(link_id)))


def look_at(link: PaymentLink) -> Shown:
    """Return the state of a payment link that is paid once."""
    use = find_use(link)
    invoice = (payment_under_way(use) or invoices_of_link(link).first()) if use else None
    progress = read_progress(invoice.pk) if invoice else None
    if progress and progress.state in _SAID:
        return Shown(link, progress.state, progress)
    state = _OPENED if link.opened_count else _OPEN
    if link.cancelled_at is not None:
        state = _CANCELLED
    elif link.is_expired(timezone.now()):
        state = _EXPIRED
    elif progress and progress.state in (State.PREPARING, State.WAITING):
        state = _PAYING
    return Shown(link, state, progress)


def _find(link_id: UUID) -> PaymentLink:
    """Return a link that the counter made, or raise Http404: a reusable link has no one state."""
    links = PaymentLink.objects.primary().filter(pk=link_id, kind=PaymentLinkKind.COUNTER, is_reusable=False)
    link = links.first()
    if link is None:
        raise Http404
    return link


def _problem(error: PaymentLinkRequestError) -> str:
    """Return what is wrong with what was typed; write to the log what only the project's settings can mend."""
    if error.field == "price_amount":
        return gettext("Please enter an amount that is possible here, such as 12.50.")
    if error.field == "description":
        return gettext("This text is too long.")
    logger.error("the counter cannot make a payment link: %s: %s", error.field, error)
    return gettext("Payments are not possible at the moment. Please ask the shop.")


def _last_payments(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the newest amounts at the counter: whether something is paid is asked once for all of them."""
    links = list(PaymentLink.objects.filter(kind=PaymentLinkKind.COUNTER).order_by("-created_at")[:_LAST])
    paid = paid_by_links(link.pk for link in links)
    return [
        {
            "price": money(link.price_amount, link.price_currency),
            "at": moment(link.created_at, "TIME_FORMAT"),
            "is_paid": bool(paid[link.pk].count),
            "url": _page(request, path_of("counter-payment", link.pk)),
        }
        for link in links
        if link.price_amount is not None
    ]


def _to_login(request: HttpRequest) -> HttpResponseRedirect:
    """Redirect to the login, and from there back here. `redirect_to_login` would need the models of Django's auth."""
    login = urlsplit(resolve_url(_login_url()))
    query = QueryDict(login.query, mutable=True)
    query[REDIRECT_FIELD_NAME] = request.get_full_path()
    return HttpResponseRedirect(login._replace(query=query.urlencode(safe="/")).geturl())


def _login_url() -> str:
    """Return the login of the admin, or of the project where it has no admin."""
    try:
        return reverse("admin:login")
    except NoReverseMatch:
        return str(settings.LOGIN_URL)


def _details_url(link: PaymentLink) -> str:
    try:
        return reverse("admin:cryptopay_django_paymentlink_change", args=[link.pk])
    except NoReverseMatch:
        return ""


def _page(request: HttpRequest, path: str, **more: str) -> str:
    """Return a path in the language of the request."""
    language = {"lang": request.GET["lang"]} if "lang" in request.GET else {}
    query = urlencode({**language, **more})
    return f"{path}?{query}" if query else path


def _redirect(request: HttpRequest, name: str, *args: Any, **more: str) -> HttpResponse:
    response = HttpResponseRedirect(_page(request, path_of(name, *args), **more))
    response.status_code = 303
    return response
