"""Builds the context of the panel of a channel. All decisions are here, all markup is in the template."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..links import path_of
from ..qr import qr_svg
from ..services.channels.owner_state import ChannelProgress, ChannelState, Receipt, ReceiptState
from .formats import coin_name, moment, money, network_name, plain, tag_name
from .payment_panel import support, urls_of
from .wallet_uri import channel_link


class Message(NamedTuple):
    """`tone` selects the colour and the symbol: "open", "wait", "care" (in review) or "closed"."""

    tone: str
    title: Promise
    text: Promise


_MESSAGES = {
    ChannelState.PREPARING: Message(
        "wait",
        _("Preparing your address"),
        _("We are asking the payment service for an address. This page updates automatically."),
    ),
    ChannelState.OPEN: Message(
        "open",
        _("You can send at any time"),
        _(
            "Send any amount, as often as you like. Each payment is credited in %(currency)s, at the rate when it "
            "arrives."
        ),
    ),
    ChannelState.DISABLED: Message(
        "closed",
        _("This address is no longer in use"),
        _("Please do not send anything to it: it would not be credited. Ask us for the current address."),
    ),
    ChannelState.REVIEW: Message(
        "care",
        _("We are checking this address"),
        _("Please do not send anything yet. A person has to check this address first."),
    ),
    ChannelState.UNAVAILABLE: Message(
        "closed",
        _("This address can no longer be used"),
        _(
            "This payment page is out of date. Please do not send anything. Have you already sent? Then write to us, "
            "and do not pay again."
        ),
    ),
}

_ON_ITS_WAY = Message(
    "wait",
    _("Payment seen"),
    _("The network is confirming it. Then it is credited in %(currency)s. You may close this page."),
)

_RECEIPTS: dict[ReceiptState, tuple[str, Promise]] = {
    ReceiptState.PENDING: ("wait", _("Waiting for confirmation by the network")),
    ReceiptState.CREDITED: ("good", _("Credited to you")),
    ReceiptState.REVIEW: ("care", _("We are checking it")),
    ReceiptState.REFUNDED: ("closed", _("Sent back")),
    ReceiptState.CANCELLED: ("closed", _("Not confirmed by the network")),
}


# What the panel of an invoice shows and that of a channel does not: without a value here, it would be what a context
# processor of the project calls so.
_OF_INVOICES = dict.fromkeys(
    ("expected", "invoice", "promise", "receipt_url", "refund_url", "steps", "time_left", "transactions"), ""
)


def channel_panel_context(progress: ChannelProgress, *, is_embedded: bool = False) -> dict[str, Any]:
    """Return the context of `channel_panel.html` in the active language. Makes no query and no call."""
    channel = progress.channel
    is_coming = any(one.state is ReceiptState.PENDING for one in progress.receipts)
    message = _ON_ITS_WAY if progress.is_open and is_coming else _MESSAGES[progress.state]
    values = {"currency": channel.receiver_currency}
    return {
        **_OF_INVOICES,
        "channel": channel,
        "place": channel,
        "panel_template": "cryptopay_django/channel_panel.html",
        "progress": progress,
        "state": str(progress.state),
        "tone": message.tone,
        "title": str(message.title),
        "text": str(message.text) % values,
        "watch": _pace(progress, is_coming=is_coming),
        "coin": coin_name(channel.pay_currency, with_code=True),
        "receipts": [_receipt(one) for one in progress.receipts],
        "has_more": progress.is_cut,
        **support(channel),
        **urls_of(
            path_of("channel", channel.pk),
            path_of("channel-status", channel.pk),
            "",
            is_embedded=is_embedded,
        ),
        **_where(progress),
    }


def _where(progress: ChannelProgress) -> dict[str, Any]:
    """Return the data to send coins, or nothing if the customer must not pay."""
    channel = progress.channel
    if not progress.is_open:
        return {"can_pay": False}
    link = channel_link(channel)
    return {
        "can_pay": True,
        "network": network_name(channel.network, channel.pay_currency) if channel.network else "",
        "tag_name": tag_name(channel.network),
        "link": link,
        "qr": qr_svg(link.text, gettext("QR code for your wallet")),
    }


def _receipt(one: Receipt) -> dict[str, Any]:
    payment, credited = one.payment, one.credited_amount
    tone, text = _RECEIPTS[one.state]
    return {
        "tone": tone,
        "text": str(text),
        "paid": _in_coin(one),
        "credited": "" if credited is None else money(credited, payment.received_currency),
        "seen_at": payment.seen_at,
        "seen": moment(payment.seen_at),
        "txid": payment.txid,
    }


def _in_coin(one: Receipt) -> SafeString:
    amount, currency = plain(one.payment.paid_amount), one.payment.paid_currency
    return format_html('<span dir="ltr">{}\u00a0{}</span>', amount, currency)


def _pace(progress: ChannelProgress, *, is_coming: bool) -> str:
    """Return how often the page polls: slowly unless a payment or the address is on its way."""
    if progress.state is ChannelState.UNAVAILABLE:
        return "no"
    return "fast" if is_coming or progress.state is ChannelState.PREPARING else "slow"
