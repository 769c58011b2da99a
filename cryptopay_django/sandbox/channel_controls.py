"""Changes channels from outside the API: as the customer's wallet, in the account, or as the monitoring team."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from . import channel_payments
from .amounts import round_half_up
from .channel_routes import read_changes, read_channel
from .channels import Channel, ChannelPayment
from .core import Sandbox, choose_risk, read_number
from .simulated_coins import COINS, coins_of


def find(sandbox: Sandbox, channel_id: str) -> Channel:
    """Return a channel by its id; RefusalError (404) when there is none."""
    with sandbox.changed:
        sandbox.settle_now()
        return channel_payments.find_channel(sandbox.state, channel_id)


def create(sandbox: Sandbox, body: dict[str, Any]) -> Channel:
    """Make a channel by hand, as a merchant does in the account."""
    with sandbox.acting() as (state, _):
        return channel_payments.create_channel(state, read_channel(body, coins_of(state.variants["coins"])))


def change(sandbox: Sandbox, channel_id: str, status: str) -> Channel:
    """Enable or disable a channel ("enabled", "disabled"), by hand in the account."""
    with sandbox.acting() as (state, now):
        channel = channel_payments.find_channel(state, channel_id)
        return channel_payments.change_channel(state, channel, read_changes({"status": status}), now)


def pay(
    sandbox: Sandbox, channel_id: str, amount: str | Decimal, *, risk: str = "low", double_spend: bool = False
) -> ChannelPayment:
    """Send an amount of coins to a channel. A double spend is seen but never confirms."""
    with sandbox.acting() as (state, now):
        channel = channel_payments.find_channel(state, channel_id)
        coins = round_half_up(read_number("amount", amount), COINS[channel.pay_currency].precision)
        return channel_payments.pay_channel(
            state, channel, amount=coins, risk=choose_risk(risk), doomed=double_spend, at=now
        )


def confirm(sandbox: Sandbox, channel_id: str) -> Channel:
    """Bring all confirmations that the channel's payments still need, without moving the clock."""
    with sandbox.acting() as (state, now):
        channel = channel_payments.find_channel(state, channel_id)
        for payment in channel.waiting:
            channel_payments.confirm_payment(state, payment, now)
        return channel


def decide(sandbox: Sandbox, payment_id: str, decision: str) -> ChannelPayment:
    """Let the monitoring team "complete" or "refund" a payment on hold, or "refund" one that was credited."""
    with sandbox.acting() as (state, now):
        _, payment = channel_payments.find_any_payment(state, payment_id)
        channel_payments.decide_on_payment(state, payment, decision=decision, at=now)
        return payment
