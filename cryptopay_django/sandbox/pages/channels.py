"""Shows channels to the person at the sandbox: all of them, one of them, and what can be done to it."""

from __future__ import annotations

from itertools import islice

from ..channels import Channel, ChannelPayment, ChannelStatus, PaymentStatus
from ..clock import spell_time
from ..core import Sandbox
from ..routing import Response
from ..simulated_coins import COINS, FIAT, NETWORKS
from .desk import SHOWN, callback_section
from .frame import badge, button, desk_page, facts, field, form, select
from .hosted_parts import spell_coins, spell_money
from .html import Html, el

_PAYMENTS: tuple[tuple[str, dict[str, object], str], ...] = (
    ("Risky", {"risk": "high"}, "Pay from a wallet of ill repute"),
    ("Double spend", {"double_spend": True}, "Pay, and spend the same coins elsewhere"),
)
# An amount for a button that pays at one click: small in every coin.
_A_LITTLE = "0.01"


def show_channels(sandbox: Sandbox) -> Response:
    """Return the list of channels, newest first, and a form for a new one."""
    channels = sandbox.state.channels
    rows = [_channel_row(channel) for channel in islice(reversed(channels.values()), SHOWN)]
    nothing = el("p", "None yet. Create one here, or let your shop do it.", class_="hint")
    return desk_page(
        sandbox,
        "Channels",
        "/channels",
        el("section", el("h2", "New channel"), _new_channel(), aria_label="New channel"),
        el(
            "section",
            el("h2", "Channels", el("small", f" {len(channels)}")),
            el("ul", rows, class_="list") if rows else nothing,
            aria_label="Channels",
        ),
    )


def show_channel(sandbox: Sandbox, channel: Channel) -> Response:
    """Return everything about one channel, and everything that can be done to it."""
    ids = {payment.id for payment in channel.payments}
    callbacks = [entry for entry in sandbox.state.outbox.log.values() if entry.subject_id in ids]
    payments = [_payment(sandbox, payment) for payment in islice(reversed(channel.payments), SHOWN)]
    return desk_page(
        sandbox,
        f"Channel {channel.custom_id or channel.id[:8]}",
        "",
        el("section", el("h1", channel.name), _facts_of(channel), _switch(channel)),
        wallet_bar(channel),
        team_bar(channel),
        el("section", el("h2", "Payments"), payments or el("p", "None yet.", class_="hint"), aria_label="Payments"),
        callback_section(callbacks),
    )


def wallet_bar(channel: Channel) -> Html:
    """Return the customer's wallet and the chain."""
    subject = {"channel_id": channel.id}
    amount = _A_LITTLE if COINS[channel.pay_currency].precision else "1000"
    buttons = [
        button(f"Pay {amount}", "pay", subject | {"amount": amount}, kind="main"),
        *(button(label, "pay", subject | {"amount": amount} | how, hint=hint) for label, how, hint in _PAYMENTS),
    ]
    any_amount = form(
        "pay",
        el("input", type="hidden", name="channel_id", value=channel.id),
        el(
            "input", name="amount", inputmode="decimal", required=True, placeholder="Any amount", autocomplete="off",
            aria_label=f"Any amount of {channel.pay_currency}",
        ),
        el("span", channel.pay_currency),
        el("button", "Pay", type="submit"),
        class_="row any",
    )  # fmt: skip
    confirm = button("Confirm now", "confirm", subject, kind="main" if channel.waiting else "")
    rows = (el("div", buttons, class_="grid"), any_amount, el("div", confirm, class_="row"))
    title = el("h2", "Wallet", el("small", " plays the customer"))
    return el("section", title, rows, class_="wallet", aria_label="Wallet")


def team_bar(channel: Channel) -> Html | None:
    """Return what the monitoring team can do with payments on hold."""
    held = [payment for payment in channel.payments if payment.status is PaymentStatus.ON_HOLD]
    if not held:
        return None
    rows = [
        el(
            "div",
            el(
                "span",
                f"{spell_coins(payment.transaction.amount)} {payment.paid_currency} ",
                badge(payment.status, payment.context),
            ),
            button("Let it through", "decide", {"payment_id": payment.id, "decision": "complete"}, kind="main"),
            button("Send it back", "decide", {"payment_id": payment.id, "decision": "refund"}),
            class_="row",
        )
        for payment in held
    ]
    words = el("p", "Only the service's own team decides on a payment that is on hold.", class_="hint")
    return el("section", el("h2", "Monitoring team"), words, rows, class_="decision", aria_label="Monitoring team")


def _new_channel() -> Html:
    coins = {code: f"{code} · {coin.name}" for code, coin in COINS.items()}
    return form(
        "channel",
        field("Name", el("input", name="name", value="Customer 4711", required=True)),
        field("Paid in", select("pay_currency", coins, "BTC")),
        field("Credited in", select("receiver_currency", {code: code for code in (*FIAT, *COINS)}, "EUR")),
        el("button", "Create", type="submit", class_="main"),
    )


def _switch(channel: Channel) -> Html:
    enabled = channel.status is ChannelStatus.ENABLED
    wanted = "disabled" if enabled else "enabled"
    body = {"channel_id": channel.id, "status": wanted}
    return el("p", button("Disable" if enabled else "Enable", "channel", body, hint="By hand in the account"))


def _facts_of(channel: Channel) -> Html:
    network = NETWORKS[channel.network]
    known: dict[str, object] = {
        "Status": badge(channel.status),
        "Paid in": f"{channel.pay_currency}, {network.title}",
        "Credited in": channel.receiver_currency,
        "Address": el("code", channel.address),
        "custom_id": channel.custom_id or "none",
        "Customer": channel.customer_id or "none",
        "Hosted page": el("a", "what the customer sees", href=f"/channels/{channel.id}"),
    }
    return facts(known | ({network.tag_name: str(channel.tag)} if network.tag_name else {}))


def _channel_row(channel: Channel) -> Html:
    return el(
        "li",
        el("a", channel.name, href=f"/channels/{channel.id}/desk"),
        el("span", f"{channel.pay_currency} to {channel.receiver_currency}", class_="number"),
        el("span", f"{len(channel.payments)} payments", class_="number hint"),
        badge(channel.status),
        el("a", "hosted page", href=f"/channels/{channel.id}", class_="hint"),
    )


def _payment(sandbox: Sandbox, payment: ChannelPayment) -> Html:
    done, needed = payment.transaction.confirmations(sandbox.clock.now()), payment.transaction.required
    timeline = [
        el("li", el("time", f"{at:%m-%d %H:%M:%S}", datetime=spell_time(at)), " ", text)
        for at, text in payment.timeline
    ]
    return el(
        "details",
        el(
            "summary",
            el("code", payment.txid[:16], "…"),
            f" {_paid(payment)} ",
            badge(payment.status, payment.context),
            f" {spell_money(payment.received_amount)} {payment.received_currency} credited, {done} of {needed} blocks",
        ),
        el("ol", timeline, class_="timeline"),
        id=f"payment-{payment.id}",
    )


def _paid(payment: ChannelPayment) -> str:
    return f"{spell_coins(payment.transaction.amount)} {payment.paid_currency}"
