"""Maps each kind of step that only time takes to its function: expiry, confirmation, the end of a period."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from . import channel_payments, invoice_payments, resolutions, subscriptions, withdrawals
from .channels import ChannelPayment
from .state import State

# What falls due: the id of what it is about, which part of it, when. Each family brings its own kinds.
AGENDA: dict[str, Callable[[State, str, str, datetime], None]] = {
    "expire": lambda state, invoice_id, _, at: invoice_payments.expire(state, state.find(invoice_id), at),
    "cancel": lambda state, invoice_id, _, at: invoice_payments.cancel(state, state.find(invoice_id), at),
    "confirm": lambda state, invoice_id, txid, at: invoice_payments.confirm(state, state.find(invoice_id), txid, at),
    "broadcast_refund": lambda state, invoice_id, refund_id, at: resolutions.broadcast_refund(
        state, state.find(invoice_id), refund_id, at
    ),
    "email_refund": lambda state, invoice_id, _, at: resolutions.refund_by_email(state, state.find(invoice_id), at),
    "confirm_channel_payment": lambda state, payment_id, channel_id, at: channel_payments.confirm_payment(
        state, _find_payment(state, channel_id, payment_id), at
    ),
    "cancel_channel_payment": lambda state, payment_id, channel_id, at: channel_payments.cancel_payment(
        state, _find_payment(state, channel_id, payment_id), at
    ),
    "advance_withdrawal": withdrawals.advance,
    "end_period": subscriptions.end_period,
}


def _find_payment(state: State, channel_id: str, payment_id: str) -> ChannelPayment:
    return channel_payments.find_payment(channel_payments.find_channel(state, channel_id), payment_id)
