"""Describes channels and the payments on them for staff: badges, amounts, and what a state means."""

from __future__ import annotations

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ..models import Channel, ChannelPayment, ChannelPaymentContext, ChannelPaymentStatus, ChannelStatus, Refund
from ..services.accounts import is_in_force
from ..services.channels.totals import Totals
from . import display

_PAYMENT_TONES = {
    ChannelPaymentStatus.PENDING: "waiting",
    ChannelPaymentStatus.ON_HOLD: "alarm",
    ChannelPaymentStatus.COMPLETED: "good",
    ChannelPaymentStatus.REFUNDED: "plain",
    ChannelPaymentStatus.CANCELLED: "plain",
}


def channel_badges(channel: Channel) -> SafeString:
    """Return the status and quarantine of a channel as badges, and its environment unless that is the live one."""
    badges = [display.badge("good" if channel.status == ChannelStatus.ENABLED else "plain", _status_of(channel))]
    if channel.gateway_id is None:
        badges.append(display.badge("warning", _("no answer yet")))
    return _joined([*badges, *_common_badges(channel)])


def payment_badges(payment: ChannelPayment) -> SafeString:
    """Return the status, context and quarantine of a payment as badges."""
    tone = _PAYMENT_TONES.get(ChannelPaymentStatus(payment.status), "plain")
    badges = [display.badge(tone, ChannelPaymentStatus(payment.status).label)]
    if payment.status_context:
        badges.append(display.badge(tone, display.context_name(payment.status_context)))
    return _joined([*badges, *_common_badges(payment)])


def place_of(row: Channel | Refund, *, is_short: bool = False) -> SafeString | str:
    """Return the address with its tag."""
    if not row.address:
        return display.NOTHING
    whole = format_html('<code class="cp-id">{}</code>', row.address)
    address = display.short_id(row.address) if is_short else whole
    if not row.destination_tag:
        return address
    tag = _("tag %(tag)s") % {"tag": row.destination_tag}
    return format_html('{}<br><strong class="cp-id">{}</strong>', address, tag)


def totals_text(totals: Totals) -> str:
    """Return what was credited, by currency."""
    sums = [display.amount(amount, currency) for currency, amount in sorted(totals.credited.items())]
    text = ", ".join(sums) or display.NOTHING
    return _("more than %(amount)s") % {"amount": text} if totals.is_cut else text


def credited(payment: ChannelPayment) -> str:
    """Return the amount that the gateway has credited, or a dash."""
    if payment.status != ChannelPaymentStatus.COMPLETED:
        return display.NOTHING
    return display.amount(payment.received_amount, payment.received_currency)


def rate(payment: ChannelPayment) -> str:
    """Return the rate of the receipt."""
    return display.rate(payment.exchange_rate, payment.paid_currency, payment.received_currency)


def channel_meaning(channel: Channel) -> str:
    """Return a sentence or two: what the state of a channel means, and what staff have to do."""
    if not is_in_force(channel):
        return _(
            "Created in another environment (%(environment)s) than its account uses now. It can only be viewed."
        ) % {"environment": channel.environment or "?"}
    if channel.quarantine_reason:
        return _(
            "Quarantined: %(reason)s. The customer does not see the address. Compare the channel with the account at "
            "the gateway. If you disable it, the customer can get another one."
        ) % {"reason": display.in_order(channel.quarantine_reason.rstrip("."))}
    if channel.gateway_id is None:
        return _(
            "The gateway has not confirmed yet that it created this channel. The worker looks for it, and the shop "
            "can ask for it again."
        )
    if channel.status == ChannelStatus.ENABLED:
        return _("Payments to this address are converted to %(currency)s and credited. Nothing to do.") % {
            "currency": channel.receiver_currency
        }
    return _(
        "Disabled: the customer does not see the address. The gateway holds what still arrives and does not credit it."
    )


def payment_meaning(payment: ChannelPayment, *, is_delivered: bool) -> str:
    """Return a sentence or two: what the state of a payment means, and what staff have to do."""
    if not is_in_force(payment):
        return _(
            "Created in another environment (%(environment)s) than its account uses now. It can only be viewed."
        ) % {"environment": payment.environment or "?"}
    if payment.quarantine_reason:
        return _(
            "Quarantined: %(reason)s. The shop does not credit it meanwhile. Ask the gateway which data is correct, "
            "then release it."
        ) % {"reason": display.in_order(payment.quarantine_reason.rstrip("."))}
    if payment.status == ChannelPaymentStatus.COMPLETED and not is_delivered:
        return _("Credited by the gateway. The shop was not notified yet, so it credits nothing: see the timeline.")
    if payment.status == ChannelPaymentStatus.ON_HOLD:
        return _on_hold(payment.status_context)
    texts = {
        ChannelPaymentStatus.PENDING: _(
            "Detected on the network, but not confirmed yet. Wait. After 14 days the gateway cancels it."
        ),
        ChannelPaymentStatus.COMPLETED: _("Credited by the gateway, and the shop was notified. Nothing to do."),
        ChannelPaymentStatus.REFUNDED: _("Refunded to its sender. Nothing was credited. Nothing to do."),
        ChannelPaymentStatus.CANCELLED: _("Not confirmed by the network within 14 days. Nothing was credited."),
    }
    return texts[ChannelPaymentStatus(payment.status)]


def _on_hold(context: str) -> str:
    texts = {
        ChannelPaymentContext.ILLICIT_RESOURCE: _(
            "The gateway holds it as high-risk and examines it. Its team completes or refunds it. Nothing can be done "
            "here. Do not promise the customer anything until then."
        ),
        ChannelPaymentContext.CHANNEL_DISABLED: _(
            "It arrived after the channel was disabled, so the gateway holds it. Ask the gateway's support what "
            "happens to it. If you enable the channel, the gateway may still hold it."
        ),
    }
    if context in ChannelPaymentContext:
        return texts[ChannelPaymentContext(context)]
    return _("The gateway holds it for a reason that this app does not know: %(context)s. Ask its support.") % {
        "context": context or "?"
    }


def _status_of(channel: Channel) -> str:
    return str(ChannelStatus(channel.status).label)


def _common_badges(row: Channel | ChannelPayment) -> list[SafeString]:
    badges = display.environment_badges(row)
    if row.quarantine_reason:
        badges.append(display.badge("alarm", _("quarantined")))
    return badges


def _joined(badges: list[SafeString]) -> SafeString:
    return format_html_join(" ", "{}", ((one,) for one in badges))
