"""Formats states, amounts and times for staff. Escapes everything from outside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import get_language_bidi, ngettext
from django.utils.translation import gettext as _

from ..conf import app_settings
from ..explorers import explorer_url
from ..fields import EXACT, canonical
from ..gateway.currencies import FIAT
from ..models import (
    Channel,
    ChannelPayment,
    ChannelPaymentContext,
    ChannelPaymentStatus,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentLink,
    RefundStatus,
    RiskLevel,
    StatusContext,
)
from ..pages.formats import isolated, network_name
from ..services.accounts import is_in_force
from ..services.snapshots.refund_rows import value_of

_STATUS_TONES = {
    InvoiceStatus.NEW: "waiting",
    InvoiceStatus.UNRESOLVED: "warning",
    InvoiceStatus.COMPLETED: "good",
    InvoiceStatus.REFUNDED: "plain",
    InvoiceStatus.CANCELLED: "plain",
}
_RISK_TONES = {RiskLevel.LOW: "good", RiskLevel.MEDIUM: "warning", RiskLevel.HIGH: "alarm"}
_RISK_ORDER = [RiskLevel.HIGH, RiskLevel.MEDIUM, RiskLevel.LOW]
NOTHING = "–"
_LIVE = "production"


@dataclass(frozen=True)
class Difference:
    """The difference between paid and to pay, never negative: in the coin, and at the invoice's own rate."""

    coin: Decimal
    price: Decimal | None
    is_missing: bool


def badge(tone: str, text: object) -> SafeString:
    """Return a coloured word. `tone`: good, waiting, warning, alarm or plain."""
    return format_html('<span class="cp-badge cp-{}">{}</span>', tone, text)


def state_badges(invoice: Invoice, now: datetime) -> SafeString:
    """Return status, context and quarantine of an invoice as badges, and where it is if its account is elsewhere."""
    tone = _STATUS_TONES.get(InvoiceStatus(invoice.status), "plain")
    if invoice.is_expired(now):
        badges = [badge("plain", _("expired"))]
    elif invoice.status == InvoiceStatus.UNRESOLVED:
        is_on_hold = invoice.status_context == StatusContext.ILLICIT_RESOURCE
        badges = [badge("alarm" if is_on_hold else tone, context_name(invoice.status_context) or _("unresolved"))]
    else:
        badges = [badge(tone, InvoiceStatus(invoice.status).label)]
    badges += environment_badges(invoice)
    if is_short(invoice):
        badges.append(badge("warning", _("settled short")))
    if invoice.quarantine_reason:
        badges.append(badge("alarm", _("quarantined")))
    return format_html_join(" ", "{}", ((one,) for one in badges))


def environment_badges(row: Invoice | Channel | ChannelPayment) -> list[SafeString]:
    """Return a badge where a row is not at the live gateway, or not where its account is now."""
    if not is_in_force(row):
        return [badge("alarm", row.environment or _("elsewhere"))]
    if row.environment != _LIVE:
        return [badge("plain", format_html('<span title="{}">{}</span>', row.environment, _("test")))]
    return []


def environment(row: Invoice | Channel | ChannelPayment | PaymentLink) -> str:
    """Return the gateway that a row was made at: the live one, or which other one, with play money."""
    name = row.environment or "?"
    return _("live") if name == _LIVE else _("test (%(environment)s)") % {"environment": name}


def context_name(context: str) -> str:
    """Return a context in our words, or the gateway's own word for one that is not known here."""
    known = StatusContext if context in StatusContext else ChannelPaymentContext
    return str(known(context).label) if context in known else context


def status_name(status: str) -> str:
    """Return a status in our words, or the gateway's own word for one that is not known here."""
    known = (kind(status).label for kind in (InvoiceStatus, ChannelPaymentStatus, RefundStatus) if status in kind)
    return str(next(known, status))


def name_of(invoice: Invoice) -> SafeString | str:
    """Return the shop's own name of an invoice; where the shop gave none, the beginning of our id."""
    if invoice.custom_id != str(invoice.pk):
        return invoice.custom_id
    return format_html('<span dir="ltr" title="{}">{}…</span>', invoice.custom_id, invoice.custom_id[:8])


def short_name(invoice: Invoice) -> str:
    """Return the same as plain text, for titles."""
    return in_order(f"{invoice.custom_id[:8]}…" if invoice.custom_id == str(invoice.pk) else invoice.custom_id)


def title_of(row: Invoice | Channel | ChannelPayment) -> str:
    """Return what breadcrumbs and titles call a row."""
    if isinstance(row, Invoice):
        return short_name(row)
    return in_order(Truncator(row.name or str(row.pk) if isinstance(row, Channel) else row.txid).chars(24))


def is_short(invoice: Invoice) -> bool:
    """Return whether less was credited than ordered."""
    return (
        invoice.status == InvoiceStatus.COMPLETED
        and invoice.settled_amount is not None
        and invoice.settled_amount < invoice.price_amount
    )


def in_order(text: str) -> str:
    """Return a text that stays in one piece, left to right, also within a sentence from right to left."""
    return isolated(text) if get_language_bidi() else text


def amount(value: Decimal | None, currency: str, *, before: str = "") -> str:
    """Return an amount with its currency, after a sign or a few words; fiat with all its decimal places."""
    if value is None:
        return NOTHING
    value = canonical(value)
    places = FIAT.get(currency, 0)
    if -int(value.as_tuple().exponent) < places:
        value = value.quantize(Decimal(1).scaleb(-places), context=EXACT)
    return in_order(f"{before}{value:f} {currency}".rstrip())


def rate(value: Decimal | None, coin: str, currency: str) -> str:
    """Return the price of one coin."""
    return amount(value, currency, before=f"1 {coin} = ")


def difference(invoice: Invoice) -> Difference | None:
    """Return by how much the payment misses what was to pay; None where nothing was paid, or the exact amount."""
    if invoice.pay_amount is None or not invoice.paid_amount or invoice.paid_amount == invoice.pay_amount:
        return None
    coin = EXACT.subtract(invoice.paid_amount, invoice.pay_amount)
    return Difference(abs(coin), value_of(invoice, abs(coin)), coin < 0)


def difference_html(invoice: Invoice) -> SafeString | str:
    """Return the difference in coin and, below it, in the ordered currency."""
    found = difference(invoice)
    if found is None:
        return NOTHING
    sign, tone = ("−", "missing") if found.is_missing else ("+", "over")
    coin = format_html('<span class="cp-{}">{}</span>', tone, amount(found.coin, invoice.pay_currency, before=sign))
    if found.price is None or invoice.price_currency == invoice.pay_currency:
        return coin
    price = amount(found.price, invoice.price_currency, before=f"≈ {sign}")
    return format_html('{}<br><span class="cp-quiet">{}</span>', coin, price)


def highest_risk(payments: Iterable[Payment]) -> Payment | None:
    """Return the payment with the gravest risk level; one of a level unknown here counts as the gravest."""
    scored = [payment for payment in payments if payment.risk_level]
    return min(scored, key=lambda payment: _risk_rank(payment.risk_level), default=None)


def _risk_rank(level: str) -> int:
    return _RISK_ORDER.index(RiskLevel(level)) if level in RiskLevel else -1


def risk_badge(payment: Payment | ChannelPayment | None) -> SafeString | str:
    """Return a payment's risk level and score as a badge."""
    if payment is None or not payment.risk_level:
        return NOTHING
    level = payment.risk_level
    name = RiskLevel(level).label if level in RiskLevel else level
    score = "" if payment.risk_score is None else f" {payment.risk_score:.1f}"
    tone = _RISK_TONES[RiskLevel(level)] if level in RiskLevel else "alarm"
    return badge(tone, f"{name}{score}")


def age(moment: datetime, now: datetime) -> SafeString:
    """Return how long ago something was, with the moment itself as a title."""
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), moment_text(moment), span(now - moment)
    )


def moment_text(moment: datetime) -> str:
    """Return a moment in the time zone in force, to the second."""
    return in_order(f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}")


def span(length: timedelta) -> str:
    """Return a length of time by its largest unit."""
    minutes = max(int(length.total_seconds() // 60), 0)
    if minutes < 60:
        return _("%d min") % minutes if minutes else _("now")
    if minutes < 48 * 60:
        return _("%d h") % (minutes // 60)
    return ngettext("%d day", "%d days", minutes // 1440) % (minutes // 1440)


def network(name: str, currency: str = "") -> str:
    """Return a network's name as wallets show it."""
    return network_name(name, currency) if name else NOTHING


def monitoring_contact(account: str) -> str:
    """Return whom staff ask about a payment on hold, in their language where the setting is its default."""
    contact = app_settings.of(account).MONITORING_CONTACT
    return _("the gateway's support") if contact == "the gateway's support" else contact


def transaction_link(txid: str, network: str, environment: str = "", *, is_short: bool = False) -> SafeString:
    """Return a transaction's id, as a link where a block explorer is known for its network (`explorers.py`)."""
    url = explorer_url(txid, network=network, environment=environment)
    shown = short_id(txid) if is_short else format_html('<code class="cp-id">{}</code>', txid)
    if not url:
        return shown
    return format_html(
        '<a class="cp-id" href="{}" rel="noopener noreferrer" target="_blank">{}</a>',
        url,
        shown if is_short else txid,
    )


def short_id(text: str) -> SafeString:
    """Return the beginning and the end of a long name, with all of it as a title: for columns of a table."""
    shown = text if len(text) <= 18 else f"{text[:8]}…{text[-6:]}"
    return format_html('<code class="cp-id" title="{}">{}</code>', text, shown)


def pretty_body(raw: bytes) -> str:
    """Return stored bytes laid out if they are JSON, as they are otherwise; what no page can hold as `\\udc00`."""
    try:
        text = json.dumps(json.loads(raw), indent=2, ensure_ascii=False)
        return text.encode("utf-8", "backslashreplace").decode()
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "backslashreplace")
