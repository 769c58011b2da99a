"""Shows a customer the address of a channel, and the payments to it."""

from __future__ import annotations

from typing import Any

from ..channels import Channel, ChannelPayment, ChannelStatus, PaymentStatus
from ..core import Sandbox
from ..routing import Response
from ..simulated_coins import COINS, NETWORKS
from .channels import team_bar, wallet_bar
from .drawings import draw_qr
from .frame import frame
from .hosted_parts import Look, back_button, line, spell_coins, spell_money
from .html import Html, el
from .texts import PHASES, STATUSES

# How many payments the page shows, newest first.
SHOWN = 20


def show(sandbox: Sandbox, channel: Channel, look: Look) -> Response:
    """Return the hosted page with the wallet beside it."""
    card = el(
        "article",
        _banner(channel, look),
        _address(channel, look) if channel.status is ChannelStatus.ENABLED else None,
        _history(sandbox, channel, look),
        back_button(look, None),
        class_="card",
    )
    hands = el(
        "aside",
        el("p", "Sandbox: everything in this frame is for you, not for a customer.", class_="hint"),
        wallet_bar(channel),
        team_bar(channel),
        el("p", el("a", "Payments and callbacks of this channel", href=f"/channels/{channel.id}/desk"), class_="hint"),
        class_="hands",
        lang="en",
    )
    return frame(
        channel.name,
        el("main", card, hands, class_="hosted"),
        live=f"/channels/{channel.id}/state.json",
        theme=look.theme,
        locale=look.locale,
    )


def show_state(sandbox: Sandbox, channel: Channel) -> dict[str, Any]:
    """Return what the page polls: `mark` changes when there is something new to show."""
    seen = [(payment.id, payment.status, _blocks(sandbox, payment)) for payment in channel.payments]
    return {"mark": repr((channel.status, seen)), "status": channel.status, "speed": sandbox.clock.speed}


def _banner(channel: Channel, look: Look) -> Html:
    headline, sentence = PHASES[look.locale][channel.status]
    name = el(
        "header",
        el("p", channel.name, class_="order"),
        el("p", channel.description, class_="hint") if channel.description else None,
    )
    state = el("div", el("h1", headline), el("p", sentence), class_=f"phase {channel.status}", role="status")
    return el("div", name, state)


def _address(channel: Channel, look: Look) -> Html:
    labels, network = look.labels, NETWORKS[channel.network]
    lines = [
        line(labels["address"], el("code", channel.address), copy=channel.address, labels=labels),
        line(labels["network"], " · ".join(dict.fromkeys((COINS[channel.pay_currency].name, network.title)))),
    ]
    if network.tag_name:
        tag = [el("code", channel.tag), el("small", labels["tag"])]
        lines.insert(1, line(network.tag_name, tag, copy=str(channel.tag), labels=labels))
    link = el("a", labels["open"], href=channel.uri, class_="button plain") if ":" in channel.uri else None
    figure = el("figure", draw_qr(channel.uri), el("figcaption", labels["qr"], class_="unseen"))
    return el("div", figure, el("div", lines, link, class_="lines"), class_="payment")


def _history(sandbox: Sandbox, channel: Channel, look: Look) -> Html | None:
    if not channel.payments:
        return None
    rows = [_payment(sandbox, payment, look) for payment in channel.payments[: -SHOWN - 1 : -1]]
    return el("div", el("h2", look.labels["payments"]), rows, class_="lines")


def _payment(sandbox: Sandbox, payment: ChannelPayment, look: Look) -> Html:
    status = STATUSES[look.locale][payment.status]
    if payment.status is PaymentStatus.PENDING:
        status += f" {_blocks(sandbox, payment)}"
    elif payment.status is PaymentStatus.COMPLETED:
        status += f": {spell_money(payment.received_amount)} {payment.received_currency}"
    return line(
        f"{payment.created_at:%Y-%m-%d %H:%M}",
        f"{spell_coins(payment.transaction.amount)} {payment.paid_currency}, {status}",
    )


def _blocks(sandbox: Sandbox, payment: ChannelPayment) -> str:
    return f"{payment.transaction.confirmations(sandbox.clock.now())}/{payment.transaction.required}"
