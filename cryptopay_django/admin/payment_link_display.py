"""Describes payment links for staff: their state, their amount, how often they were opened, and what was paid."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from django.http import HttpRequest
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..links import path_of, site_url_of
from ..models import PaymentLink, PaymentLinkKind
from ..services.accounts import is_in_force
from ..services.payment_links.totals import Paid
from . import display


def url_of_link(request: HttpRequest, link: PaymentLink) -> str:
    """Return the URL that customers open; raise NoReverseMatch if the project does not include our URLs."""
    return site_url_of(path_of("payment-link", link.token), request)


def state_of(link: PaymentLink, paid: Paid, now: datetime) -> tuple[str, str]:
    """Return the tone and the name of a link's state."""
    if paid.count and not link.is_reusable:
        return "good", _("paid")
    if link.cancelled_at is not None:
        return "plain", _("cancelled")
    if link.is_expired(now):
        return "plain", _("expired")
    if not is_in_force(link):
        return "alarm", link.environment
    return "waiting", _("open")


def meaning_of(link: PaymentLink, paid: Paid, now: datetime) -> str:
    """Return a text: what can be done with a link now."""
    if paid.count and not link.is_reusable:
        return _("This link is paid. Whoever opens it sees the payment.")
    if link.cancelled_at is not None:
        text = _("Cancelled by %(by)s at %(at)s. Nobody can begin to pay by it any more.")
        return text % {"by": link.cancelled_by, "at": display.moment_text(link.cancelled_at)}
    if link.is_expired(now):
        return _("This link has expired. Nobody can begin to pay by it any more.")
    if not is_in_force(link):
        return _("This link was made at another gateway than that of its account now. It cannot be paid by.")
    if link.is_reusable:
        return _("Whoever has this link can pay, as often as they like. Each payment is one of its own.")
    return _("Whoever has this link can pay, once. The rate is that of the moment in which a coin is chosen.")


def amount_text(link: PaymentLink) -> str:
    """Return the fixed amount, or the bounds for the customer's choice."""
    if link.price_amount is not None:
        return display.amount(link.price_amount, link.price_currency)
    least, most = (
        "" if one is None else display.amount(one, link.price_currency)
        for one in (link.least_amount, link.most_amount)
    )
    if least and most:
        return _("chosen by the customer, from %(least)s to %(most)s") % {"least": least, "most": most}
    if least:
        return _("chosen by the customer, at least %(least)s") % {"least": least}
    if most:
        return _("chosen by the customer, at most %(most)s") % {"most": most}
    return _("chosen by the customer (%(currency)s)") % {"currency": link.price_currency}


def paid_text(link: PaymentLink, paid: Paid) -> str:
    """Return what was credited by a link."""
    if not paid.count:
        return display.NOTHING
    text = display.amount(paid.amount, link.price_currency)
    if link.is_reusable:
        text = ngettext("%(sum)s by %(count)d payment", "%(sum)s by %(count)d payments", paid.count) % {
            "sum": text,
            "count": paid.count,
        }
    return _("at least %(sum)s") % {"sum": text} if paid.is_cut else text


def opened_text(link: PaymentLink, now: datetime) -> SafeString | str:
    """Return how often the page was opened, and when last."""
    if link.opened_at is None:
        return _("never")
    count = ngettext("%(count)d time", "%(count)d times", link.opened_count) % {"count": link.opened_count}
    return format_html('{}<br><span class="cp-quiet">{}</span>', count, display.age(link.opened_at, now))


def mail_of(link: PaymentLink, url: str) -> str:
    """Return a mailto: link that begins a mail with the link in it."""
    subject = link.description or _("Payment")
    return f"mailto:?subject={quote(subject)}&body={quote(url)}"


def snippet_of(link: PaymentLink, url: str) -> str:
    """Return HTML for a button on any page, as text to copy. It loads nothing from this site."""
    label = _("Donate with crypto") if link.kind == PaymentLinkKind.DONATION else _("Pay with crypto")
    style = (
        "display:inline-block;padding:.75em 1.25em;border-radius:.6em;background:#1d4fb8;color:#fff;"
        "font:600 1rem/1.3 system-ui,sans-serif;text-decoration:none"
    )
    return f'<a href="{escape(url)}" rel="noopener" style="{style}">{escape(label)}</a>'
