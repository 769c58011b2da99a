"""Serves the page of a payment link: what is to be paid, the coins, and then the payment page of the invoice.

The link's token is the only key, so the view needs no login and no CSRF token: a forged request can only make an
invoice that nobody pays. No answer to a valid token has a status of 400 or more: Django logs the path of those.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt

from ..exceptions import CryptopayError, PaymentLinkError, PaymentLinkObstacle, PaymentLinkRequestError
from ..links import path_of
from ..models import Invoice, PaymentLink, PaymentLinkKind, PaymentLinkUse
from ..services.invoices.coin_offers import list_offers
from ..services.payment_links.use import (
    begin_use,
    check_payment_link,
    chosen_amount,
    count_opening,
    find_payment_link,
    find_use,
    new_key,
)
from .choose_coin import ChooseCoinView
from .coin_panel import FIELD, choice_context, remembered
from .formats import isolated, moment, money
from .languages import language_of, languages_of
from .payment_panel import shop_name, support
from .response_headers import hardened

_AMOUNT = re.compile(r"[0-9]{1,20}(?:[.,][0-9]{1,18})?", re.ASCII)
_LONGEST = 40

_OBSTACLES = {
    PaymentLinkObstacle.UNKNOWN: (
        _("This link is not valid"),
        _(
            "Please open the link exactly as you received it. Does it still not work? Then answer the e-mail in which "
            "you found it, or ask the shop where you bought."
        ),
    ),
    PaymentLinkObstacle.EXPIRED: (_("This link has expired"), _("Please ask the shop for a new link.")),
    PaymentLinkObstacle.CANCELLED: (_("This link is no longer valid"), _("Please ask the shop for a new link.")),
    PaymentLinkObstacle.OTHER_ENVIRONMENT: (
        _("This link is no longer valid"),
        _("Please ask the shop for a new link."),
    ),
    PaymentLinkObstacle.TOO_MANY: (
        _("Please try again later"),
        _("Please wait a moment, and press the button again."),
    ),
}


def read_amount(text: str) -> str:
    """Return what a person typed as a plain decimal, or "" if it is none. Both 12.50 and 12,50 are taken.

    A separator of thousands is not: the currency's decimal places refuse what follows it, 1.250 EUR.
    """
    text = text.strip()[:_LONGEST]
    return text.replace(",", ".") if _AMOUNT.fullmatch(text) else ""


class PaymentLinkView(ChooseCoinView):
    """Offer the coins for a payment link, make the invoice in the chosen one, and redirect to its page.

    GET makes no invoice. If money has come in for the payment, redirect to its page.
    """

    template_name = "cryptopay_django/payment_link.html"
    link: PaymentLink

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Return the view: for everybody, without a CSRF token, outside of transactions."""
        return login_not_required(csrf_exempt(super().as_view(**initkwargs)))

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with translation.override(language_of(request)):
            try:
                self.link = find_payment_link(kwargs["token"])
            except PaymentLinkError as error:
                return self.closed(error.obstacle, status=404)
            self.account = self.link.account
            answer = super().dispatch(request, *args, **kwargs)
            return hardened(answer) if isinstance(answer, HttpResponse) else answer

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "GET" and "lang" not in request.GET:
            count_opening(self.link)
        use = find_use(self.link, kwargs.get("key", ""))
        if use and (under_way := self.get_payment_under_way(use)):
            return self.go_to(under_way)
        try:
            check_payment_link(self.link)
        except PaymentLinkError as error:
            return self.closed(error.obstacle)
        return self.show_link(use, key=kwargs.get("key", "") or new_key())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        key = kwargs.get("key", "") or request.POST.get("key", "")
        use = find_use(self.link, key)
        if use and (under_way := self.get_payment_under_way(use)):
            return self.go_to(under_way)
        problems: dict[str, str] = {}
        try:
            check_payment_link(self.link)
            offers = {offer.choice: offer for offer in list_offers(account=self.link.account)}
            offer = offers.get(request.POST.get(FIELD, ""))
            if offer is None:
                problems["problem"] = gettext("Please choose one of these coins.")
            amount = chosen_amount(self.link, read_amount(request.POST.get("amount", "")))
            if offer is not None:
                use = begin_use(self.link, amount=amount, key=key)
                return self.go_to(self.create(use, offer), choice=offer.choice)
        except PaymentLinkRequestError:
            problems["amount_problem"] = gettext("Please enter an amount that is possible here, such as 12.50.")
        except PaymentLinkError as error:
            if error.obstacle is not PaymentLinkObstacle.TOO_MANY:
                return self.closed(error.obstacle)
            problems["problem"] = gettext("Please wait a moment, and press the button again.")
        except CryptopayError as error:
            problems["problem"] = self.explain(error, use or self.link)
        return self.show_link(use, key=key, problems=problems)

    def get_price(self, order: PaymentLinkUse) -> tuple[Any, str]:
        return order.price_amount, order.link.price_currency

    def get_invoice_options(self, order: PaymentLinkUse) -> dict[str, Any]:
        return {"description": order.link.description, "metadata": {"payment_link": str(order.link_id)}}

    def go_to(self, invoice: Invoice, *, choice: str = "") -> HttpResponse:
        """Redirect to the page of an invoice, in the same language; remember the coin."""
        language = {"lang": self.request.GET["lang"]} if "lang" in self.request.GET else {}
        url = self.get_success_url(invoice)
        response = HttpResponseRedirect(f"{url}?{urlencode(language)}" if language else url)
        if choice:
            self.remember(response, choice)
        return response

    def show_link(
        self, use: PaymentLinkUse | None, *, key: str, problems: dict[str, str] | None = None
    ) -> HttpResponse:
        """Render the page. If the coins cannot be listed, show a message, not an error page."""
        link, problems = self.link, problems or {}
        known = link.price_amount
        try:
            currency = None if known is None else link.price_currency
            offers = list_offers(price_amount=known, price_currency=currency, account=link.account)
        except CryptopayError as error:
            offers, problems = [], {"problem": self.explain(error, link), **problems}
        page = _page_of(link, key if "key" in self.kwargs else "")
        chosen = self.request.POST.get(FIELD) or remembered(self.request)
        typed = self.request.POST.get("amount", "").strip()[:_LONGEST]
        context = {
            "link": link,
            "key": key,
            "is_donation": link.kind == PaymentLinkKind.DONATION,
            "price": "" if known is None else money(known, link.price_currency),
            "bounds": _bounds(link),
            "amount": typed or ("" if use is None or known is not None else f"{use.price_amount:f}"),
            "page_url": f"{page}?{urlencode({'lang': translation.get_language() or 'en'})}",
            "languages": languages_of(page),
            "valid_until": moment(link.expires_at) if link.expires_at else "",
            "is_closed": False,
            **dict.fromkeys(("problem", "amount_problem"), ""),
            **self.shop(),
            **choice_context(offers, chosen=chosen),
            **problems,
        }
        return render(self.request, self.template_name, context)

    def closed(self, obstacle: PaymentLinkObstacle, *, status: int = 200) -> HttpResponse:
        """Say why nobody can pay by the link."""
        title, text = _OBSTACLES[obstacle]
        is_unknown = obstacle is PaymentLinkObstacle.UNKNOWN
        said = {"title": title, "text": text, "is_unknown": is_unknown}
        context = {"is_closed": True, "languages": [], **said, **self.shop()}
        return hardened(render(self.request, self.template_name, context, status=status))

    def shop(self) -> dict[str, Any]:
        """Return the shop's name and support; nothing of them if the link is unknown."""
        link = getattr(self, "link", None)
        return {"place": link, "shop_name": shop_name(link), **support(link)}


def _page_of(link: PaymentLink, key: str) -> str:
    """Return the path of the link's page, or of one payment by it."""
    return path_of("payment-link-use", link.token, key) if key else path_of("payment-link", link.token)


def _bounds(link: PaymentLink) -> str:
    """Return a text with the least and the most amount of a link, or ""."""
    least, most = (
        isolated(money(one, link.price_currency)) if one is not None else ""
        for one in (link.least_amount, link.most_amount)
    )
    if least and most:
        return gettext("From %(least)s to %(most)s.") % {"least": least, "most": most}
    if least:
        return gettext("At least %(least)s.") % {"least": least}
    return gettext("At most %(most)s.") % {"most": most} if most else ""
