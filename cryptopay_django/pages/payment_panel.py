"""Builds the context of the payment panel. All markup is in the template.

Decided elsewhere: the state of the payment (`services/invoices/customer_state.py`) and its texts (`state_texts.py`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from ..conf import app_settings
from ..explorers import explorer_url
from ..gateway.networks import required_confirmations, usual_minutes
from ..links import path_of
from ..models import Channel, Invoice, InvoiceStatus, Payment, PaymentLink, PaymentStatus, Refund
from ..qr import qr_svg
from ..services.invoices.customer_state import Progress, State, read_movements
from ..services.payment_links.use import use_of
from .contact_promises import answer_within, come_back, promise
from .formats import coin_name, moment, money, network_name, plain, shortened, tag_name
from .state_texts import STEP_NAMES, STEPS, expired_message, message_for, sent_back
from .wallet_uri import pay_link

GATEWAY_ANSWERED, GATEWAY_SILENT = "yes", "failed"
"""The outcome of "I have sent it", as the page's query says it."""

_CONTROL = re.compile("[\x00-\x1f\x7f]")
_MAY_NAME_ADDRESS = frozenset({State.UNDERPAID, State.OVERPAID, State.LATE})
_NEEDS_NEW_INVOICE = frozenset({State.EXPIRED, State.CANCELLED, State.UNAVAILABLE})


def panel_context(progress: Progress, *, asked: str = "", is_embedded: bool = False) -> dict[str, Any]:
    """Return the context of `panel.html` in the active language. Makes no call to the gateway.

    Its queries are those of `read_movements`, `new_invoice_url` and `promise` (the customer's address). On a page of
    the shop (`is_embedded`) there is no link back to the shop.
    """
    invoice = progress.invoice
    over_title, over_text = expired_message()
    needs_new = progress.state in _NEEDS_NEW_INVOICE or progress.is_overdue
    anew = new_invoice_url(invoice) if needs_new else ""
    back = _return_url(progress)
    payments, refunds = read_movements(progress)
    tone, title, text = message_for(progress, is_sent_back=bool(refunds))
    return {
        "invoice": invoice,
        "place": invoice,
        "panel_template": "cryptopay_django/panel.html",
        "progress": progress,
        "state": str(progress.state),
        "tone": tone,
        "title": title,
        "text": text,
        "over_title": over_title,
        "over_text": over_text,
        "steps": _steps(progress),
        "notice": _notice(progress, asked),
        "watch": _pace(progress),
        "price": money(invoice.price_amount, invoice.price_currency),
        "network": network_name(invoice.network, invoice.pay_currency) if invoice.network else "",
        "tag_name": tag_name(invoice.network),
        "paid": _in_coin(invoice.paid_amount, invoice.pay_currency) if progress.has_payment else "",
        "sent_back": [_sent_back(invoice, refund) for refund in refunds],
        "transactions": [_transaction(invoice, payment) for payment in payments],
        "expected": _expected(progress),
        "promise": promise(progress) or come_back(progress),
        "due": _in_coin(invoice.pay_amount, invoice.pay_currency) if invoice.pay_amount is not None else "",
        "receipt_url": _receipt_url(progress),
        "asks_whether_sent": progress.state in (State.EXPIRED, State.CANCELLED),
        "refund_url": _refund_url(progress),
        "new_invoice_url": anew,
        "other_coin_url": _other_coin_url(progress),
        "other_payment_url": _other_payment_url(progress),
        "return_url": back if back != anew and not is_embedded else "",
        **support(invoice),
        **urls_of(
            path_of("checkout", invoice.pk),
            path_of("invoice-status", invoice.pk),
            path_of("invoice-events", invoice.pk),
            is_embedded=is_embedded,
        ),
        **_payment(progress),
    }


def shop_name(row: Invoice | Channel | PaymentLink | None) -> str:
    """Return the shop's name for the page; it may be empty. Who asks for an unknown page hears of no shop."""
    if row is None:
        return ""
    return app_settings.of(row.account).SHOP_NAME or (row.name if isinstance(row, Invoice) else "")


def support(row: Invoice | Channel | PaymentLink | None) -> dict[str, str]:
    """Return the addresses of the shop's support, by when it answers, and the subject of a mail about a row."""
    if row is None:
        return dict.fromkeys(("support_email", "support_url", "support_answer", "support_subject"), "")
    return support_of(row.account, reference=str(row.pk))


def support_of(account: str, *, reference: str = "") -> dict[str, str]:
    """Return the same for an account, where there is nothing yet that a mail could refer to."""
    options = app_settings.of(account)
    subject = f"{gettext('Payment')} {reference}".strip()
    return {
        "support_email": options.SUPPORT_EMAIL,
        "support_url": options.SUPPORT_URL,
        "support_answer": answer_within(account),
        "support_subject": urlencode({"subject": subject}).replace("+", "%20"),
    }


def urls_of(page: str, status: str, events: str, *, is_embedded: bool) -> dict[str, str]:
    """Return the URLs that the page and its script use."""
    language = {"lang": get_language() or "en"}
    part = {"part": "embedded" if is_embedded else "panel"}
    return {
        "page_url": f"{page}?{urlencode(language)}",
        "panel_url": f"{page}?{urlencode({**part, **language})}",
        "status_url": status,
        "events_url": events,
    }


def new_invoice_url(invoice: Invoice) -> str:
    """Return the URL where the customer gets a new invoice, or "": a payment link's, the setting's, or the invoice's.

    One query for the invoice of a payment link. For such an invoice the shop's function (CRYPTOPAY_NEW_INVOICE_URL) is
    not called: that function knows only the shop's orders.
    """
    if use := use_of(invoice):
        more = [use.pk] if use.link.is_reusable else []
        return path_of("payment-link-use" if more else "payment-link", use.link.token, *more)
    hook = app_settings.NEW_INVOICE_URL
    url = hook(invoice) if hook else invoice.unsuccess_redirect_url
    return safe_link(str(url or ""))


def _other_coin_url(progress: Progress) -> str:
    """Return the URL where the customer chooses another coin, while nothing was paid, or "" without the setting."""
    if progress.state is not State.WAITING or not app_settings.NEW_INVOICE_URL:
        return ""
    return new_invoice_url(progress.invoice)


def _other_payment_url(progress: Progress) -> str:
    """Return the URL of the page where the order was paid, or ""."""
    if progress.paid_elsewhere is None:
        return ""
    return f"{path_of('checkout', progress.paid_elsewhere)}?{urlencode({'lang': get_language() or 'en'})}"


def safe_link(url: str) -> str:
    """Return a URL if it is a valid link to a page of this or another site, otherwise ""."""
    if url != url.strip() or _CONTROL.search(url):
        return ""
    parts = urlsplit(url)
    is_absolute = parts.scheme in ("http", "https") and bool(parts.netloc)
    is_path = not parts.scheme and not parts.netloc and url.startswith("/") and not url.startswith(("//", "/\\"))
    return url if is_absolute or is_path else ""


def _refund_url(progress: Progress) -> str:
    """Return the URL of the button that asks for the address of a refund, where the setting allows it, or ""."""
    invoice = progress.invoice
    is_asked = progress.state in _MAY_NAME_ADDRESS and invoice.status == InvoiceStatus.UNRESOLVED
    if not is_asked or not app_settings.of(invoice.account).ASK_REFUND_ADDRESS:
        return ""
    return f"{path_of('ask-refund-address', invoice.pk)}?{urlencode({'lang': get_language() or 'en'})}"


def _return_url(progress: Progress) -> str:
    invoice = progress.invoice
    if progress.state is State.COMPLETED:
        return safe_link(invoice.success_redirect_url)
    return safe_link(invoice.unsuccess_redirect_url or invoice.success_redirect_url)


def _receipt_url(progress: Progress) -> str:
    if not progress.has_receipt:
        return ""
    return f"{path_of('receipt', progress.invoice.pk)}?{urlencode({'lang': get_language() or 'en'})}"


def _payment(progress: Progress) -> dict[str, Any]:
    """Return the data to send coins, or nothing if the customer must not pay."""
    amount, invoice = progress.due_amount, progress.invoice
    if amount is None:
        return {"can_pay": False}
    link = pay_link(invoice, amount)
    rate = invoice.exchange_rate
    return {
        "can_pay": True,
        "amount": plain(amount),
        "coin": coin_name(invoice.pay_currency, with_code=True),
        "rate": _rate(invoice.pay_currency, money(rate, invoice.price_currency)) if rate else "",
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
    """Return the result of \"I have sent it\", while the invoice is expired."""
    if progress.state is not State.EXPIRED:
        return ""
    if asked == GATEWAY_ANSWERED:
        return gettext(
            "We have checked, and your payment is not visible yet. This can take a while, above all from an exchange. "
            "This page keeps checking, and you may close it. If your wallet shows the payment as confirmed and it is "
            "still missing here, ask the shop."
        )
    if asked == GATEWAY_SILENT:
        return gettext("The payment service does not answer at the moment. Please try again in a minute.")
    return ""


def _pace(progress: Progress) -> str:
    """Return how often the page polls: "fast" while a payment is expected or seen, "no" at the end, else "slow"."""
    if progress.is_final:
        return "no"
    return "fast" if progress.state in (State.PREPARING, *STEPS) else "slow"


def _in_coin(amount: Decimal, currency: str) -> SafeString:
    return format_html('<bdi dir="ltr">{}\u00a0{}</bdi>', plain(amount), currency)


def _rate(coin: str, price: str) -> SafeString:
    return format_html('<bdi dir="ltr">1\u00a0{} = {}</bdi>', coin, price)


def _sent_back(invoice: Invoice, refund: Refund) -> dict[str, Any]:
    arrives = refund.received_amount
    return {
        "name": sent_back(refund),
        "amount": _in_coin(refund.amount, refund.currency),
        "arrives": "" if arrives in (None, refund.amount) else _in_coin(arrives, refund.currency),
        "address": shortened(refund.address),
        "at": moment(refund.created_at),
        "url": explorer_url(refund.txid, network=refund.network, environment=invoice.environment)
        if refund.txid
        else "",
    }


def _transaction(invoice: Invoice, payment: Payment) -> dict[str, Any]:
    is_confirmed = payment.status == PaymentStatus.CONFIRMED
    return {
        "txid": payment.txid,
        "url": explorer_url(payment.txid, network=invoice.network, environment=invoice.environment),
        "tone": "closed" if is_confirmed else "wait",
        "text": gettext("Confirmed") if is_confirmed else gettext("Waiting for confirmation by the network"),
    }


def _expected(progress: Progress) -> str:
    """Return how many confirmations are waited for and how long that usually takes, while the customer waits."""
    invoice = progress.invoice
    if progress.state is not State.SEEN or not invoice.network:
        return ""
    count = required_confirmations(invoice.pay_currency, invoice.network, invoice.paid_amount)
    minutes = usual_minutes(invoice.network, count)
    if minutes is None:
        return ""
    return " ".join((
        ngettext(
            "The payment service waits for %(count)d confirmation.",
            "The payment service waits for %(count)d confirmations.",
            count,
        ) % {"count": count},
        ngettext(
            "This usually takes about %(minutes)d minute.", "This usually takes about %(minutes)d minutes.", minutes
        ) % {"minutes": minutes},
    ))  # fmt: skip
