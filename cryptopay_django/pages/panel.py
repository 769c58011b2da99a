"""Prepares the panel's template: decides everything, and writes no markup."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from ..conf import app_settings
from ..links import path_of
from ..models import Invoice
from ..services.invoices.progress import Progress, State
from .names import coin_name, money, network_name, plain, tag_name
from .paylink import pay_link
from .qr import qr_svg
from .wording import STEP_NAMES, STEPS, message_for

ASKED, NOT_ASKED = "yes", "failed"
"""The outcome of "I have sent it", as the page's query says it."""

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_NEEDS_NEW_INVOICE = frozenset({State.PREPARING, State.EXPIRED, State.CANCELLED, State.UNAVAILABLE})


def panel_context(progress: Progress, *, asked: str = "", is_embedded: bool = False) -> dict[str, Any]:
    """Return the context of `panel.html`, in the language that is active. No query, no call.

    On a page of the shop's (`is_embedded`) nothing leads back to the shop.
    """
    invoice = progress.invoice
    tone, title, text = message_for(progress)
    anew = new_invoice_url(invoice) if progress.state in _NEEDS_NEW_INVOICE else ""
    back = _return_url(progress)
    return {
        "invoice": invoice,
        "progress": progress,
        "state": str(progress.state),
        "tone": tone,
        "title": title,
        "text": text,
        "steps": _steps(progress),
        "notice": _notice(progress, asked),
        "watch": _pace(progress),
        "price": money(invoice.price_amount, invoice.price_currency),
        "paid": _in_coin(invoice, invoice.paid_amount) if progress.has_payment else "",
        "asks_whether_sent": progress.state is State.EXPIRED,
        "new_invoice_url": anew,
        "return_url": back if back != anew and not is_embedded else "",
        "support_email": app_settings.of(invoice.account).SUPPORT_EMAIL,
        "support_url": app_settings.of(invoice.account).SUPPORT_URL,
        "support_subject": urlencode({"subject": f"{gettext('Payment')} {invoice.pk}"}).replace("+", "%20"),
        **_urls(invoice, is_embedded=is_embedded),
        **_payment(progress),
    }


def shop_name(invoice: Invoice) -> str:
    """Return what the page calls the shop; it may be nothing."""
    return app_settings.of(invoice.account).SHOP_NAME or invoice.name


def new_invoice_url(invoice: Invoice) -> str:
    """Return where the customer gets a new invoice: by the setting's callable, or by the invoice; "" if nowhere."""
    hook = app_settings.NEW_INVOICE_URL
    url = hook(invoice) if hook else invoice.unsuccess_redirect_url
    return safe_link(str(url or ""))


def safe_link(url: str) -> str:
    """Return a URL if it leads to a page, of this site or another one; "" for any other scheme and for odd ones."""
    if url != url.strip() or _CONTROL.search(url):
        return ""
    parts = urlsplit(url)
    is_absolute = parts.scheme in ("http", "https") and bool(parts.netloc)
    is_path = not parts.scheme and not parts.netloc and url.startswith("/") and not url.startswith(("//", "/\\"))
    return url if is_absolute or is_path else ""


def _return_url(progress: Progress) -> str:
    invoice = progress.invoice
    if progress.state is State.COMPLETED:
        return safe_link(invoice.success_redirect_url)
    return safe_link(invoice.unsuccess_redirect_url or invoice.success_redirect_url)


def _urls(invoice: Invoice, *, is_embedded: bool) -> dict[str, str]:
    page = path_of("checkout", invoice.pk)
    language = {"lang": get_language() or "en"}
    part = {"part": "embedded" if is_embedded else "panel"}
    return {
        "page_url": f"{page}?{urlencode(language)}",
        "panel_url": f"{page}?{urlencode({**part, **language})}",
        "status_url": path_of("invoice-status", invoice.pk),
        "events_url": path_of("invoice-events", invoice.pk),
    }


def _payment(progress: Progress) -> dict[str, Any]:
    """Return what is needed to send coins; nothing of it where none may be sent."""
    amount, invoice = progress.due_amount, progress.invoice
    if amount is None:
        return {"can_pay": False}
    link = pay_link(invoice, amount)
    rate = invoice.exchange_rate
    return {
        "can_pay": True,
        "amount": plain(amount),
        "coin": coin_name(invoice.pay_currency, with_code=True),
        "network": network_name(invoice.network, invoice.pay_currency) if invoice.network else "",
        "tag_name": tag_name(invoice.network),
        "rate": f"1\u00a0{invoice.pay_currency} = {money(rate, invoice.price_currency)}" if rate else "",
        "link": link,
        "qr": qr_svg(link.text, gettext("QR code for your wallet")),
        "time_left": _time_left(progress.seconds_left),
    }


def _time_left(seconds: int | None) -> str:
    if seconds is None:
        return ""
    minutes = -(-seconds // 60)
    return ngettext("%(minutes)d minute", "%(minutes)d minutes", minutes) % {"minutes": minutes}


def _steps(progress: Progress) -> list[dict[str, Any]]:
    done = STEPS.get(progress.state)
    if done is None:
        return []
    last = len(STEP_NAMES) - 1
    return [
        {"name": name, "is_done": index < done or done == last, "is_now": index == done}
        for index, name in enumerate(STEP_NAMES)
    ]


def _notice(progress: Progress, asked: str) -> str:
    """Return the outcome of asking, while it still matters."""
    if progress.state is not State.EXPIRED:
        return ""
    if asked == ASKED:
        return gettext(
            "We have asked, and your payment cannot be seen yet. That can take a while, and it is not lost: this "
            "page keeps looking, and you may close it."
        )
    if asked == NOT_ASKED:
        return gettext("The payment service does not answer at the moment. Please try again in a minute.")
    return ""


def _pace(progress: Progress) -> str:
    """Return how eagerly the page looks for news: while people decide, it can take its time."""
    if progress.is_final:
        return "no"
    return "fast" if progress.state in (State.PREPARING, *STEPS) else "slow"


def _in_coin(invoice: Invoice, amount: Any) -> SafeString:
    return format_html('<span dir="ltr">{}\u00a0{}</span>', plain(amount), invoice.pay_currency)
