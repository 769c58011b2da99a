"""Makes, changes and pays channels, and decides what becomes of their payments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from .addresses import make_address
from .amounts import EXACT, ZERO, cut, fee_of
from .channels import Channel, ChannelPayment, ChannelStatus, HoldReason, PaymentStatus, is_risky
from .invoice_payments import make_transaction
from .invoices import Risk
from .ledger import project_id, record
from .merchant_calls import find_refund_address
from .refusals import RefusalError, duplicate_custom_id, invalid, is_too_small, not_found, not_now, not_one_of
from .simulated_coins import Coin, places_of
from .state import State
from .withdrawal_orders import send_back

CANCEL_AFTER = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class ChannelForm:
    """A checked request for a channel."""

    name: str
    description: str | None
    receiver_currency: str
    coin: Coin
    network: str
    custom_id: str | None
    customer_id: str | None


def create_channel(state: State, form: ChannelForm) -> Channel:
    """Make a channel with an address of its own."""
    if form.custom_id is not None and any(one.custom_id == form.custom_id for one in state.channels.values()):
        raise duplicate_custom_id()
    channel_id = state.make_id("channel")
    address, tag = make_address(form.network, seed=state.seed, index=state.count("address"))
    channel = Channel(
        id=channel_id,
        custom_id=form.custom_id,
        customer_id=form.customer_id,
        name=form.name,
        description=form.description,
        receiver_currency=form.receiver_currency,
        pay_currency=form.coin.code,
        network=form.network,
        address=address,
        tag=tag,
        project_id=project_id(state),
        hosted_page_url=f"{state.base_url}/channels/{channel_id}",
    )
    state.channels[channel.id] = channel
    return channel


def find_channel(state: State, channel_id: str) -> Channel:
    """Return a channel by its id; RefusalError (404) when there is none."""
    channel = state.channels.get(channel_id.lower())
    if channel is None:
        raise not_found()
    return channel


def find_channel_by_custom_id(state: State, custom_id: str) -> Channel:
    """Return a channel by the merchant's own id."""
    for channel in state.channels.values():
        if channel.custom_id == custom_id:
            return channel
    raise not_found()


def find_payment(channel: Channel, payment_id: str) -> ChannelPayment:
    """Return a payment of a channel by its id; RefusalError (404) when there is none."""
    for payment in channel.payments:
        if payment.id == payment_id.lower():
            return payment
    raise not_found()


def find_any_payment(state: State, payment_id: str) -> tuple[Channel, ChannelPayment]:
    """Return a payment by its id alone, with its channel: the API has no such call, the desk has."""
    for channel in state.channels.values():
        for payment in channel.payments:
            if payment.id == payment_id.lower():
                return channel, payment
    raise not_found()


def change_channel(state: State, channel: Channel, changes: dict[str, Any], at: datetime) -> Channel:
    """Change name, description, customer or status. Whether enabling releases payments on hold is a variant."""
    for name, value in changes.items():
        setattr(channel, name, value)
    if channel.status is ChannelStatus.ENABLED and state.variants["enabled_again"] == "completed":
        for payment in channel.payments:
            if payment.context is HoldReason.CHANNEL_DISABLED:
                payment.came_disabled, payment.context = False, None
                _judge(state, payment, at)
    return channel


def pay_channel(
    state: State, channel: Channel, *, amount: Decimal, risk: Risk, doomed: bool, at: datetime
) -> ChannelPayment:
    """Send coins to a channel from the customer's wallet. The service sees them at once, not yet confirmed.

    A `doomed` payment will be replaced by another spend of the same coins and never confirm.
    """
    if amount <= 0:
        raise invalid(is_too_small("amount"))
    coin, receiver = channel.pay_currency, channel.receiver_currency
    payment = ChannelPayment(
        id=state.make_id("channel payment"),
        channel_id=channel.id,
        custom_id=channel.custom_id,
        customer_id=channel.customer_id,
        address=channel.tagged_address,
        network=channel.network,
        paid_currency=coin,
        received_currency=receiver,
        transaction=make_transaction(
            state, coin=coin, network=channel.network, amount=amount, risk=risk, doomed=doomed, at=at
        ),
        rate=None if coin == receiver else state.rates.sell_rate(coin, receiver, at),
        came_disabled=channel.status is ChannelStatus.DISABLED,
        created_at=at,
    )
    channel.payments.append(payment)
    state.note(payment, at, f"transaction {payment.transaction.txid} of {amount:f} {coin} was seen")
    _move(state, payment, "created", at)
    if not doomed:
        state.schedule(at + payment.transaction.waits, "confirm_channel_payment", payment, channel.id)
    state.schedule(at + CANCEL_AFTER, "cancel_channel_payment", payment, channel.id)
    return payment


def confirm_payment(state: State, payment: ChannelPayment, at: datetime) -> None:
    """Give a payment its last required confirmation, and decide on it."""
    if payment.status is PaymentStatus.PENDING and not payment.transaction.doomed:
        payment.transaction.confirmed_at = at
        state.note(payment, at, f"it was confirmed by {payment.transaction.required} blocks")
        _judge(state, payment, at)


def cancel_payment(state: State, payment: ChannelPayment, at: datetime) -> None:
    """Give up on a payment that was never confirmed."""
    if payment.status is PaymentStatus.PENDING:
        payment.transaction.dropped = True
        payment.status = PaymentStatus.CANCELLED
        _move(state, payment, "cancelled", at)


def decide_on_payment(state: State, payment: ChannelPayment, *, decision: str, at: datetime) -> None:
    """Let the monitoring team complete or refund a payment that is on hold, or send back one that was credited."""
    if payment.status is PaymentStatus.COMPLETED and decision == "refund":
        state.note(payment, at, "the monitoring team takes the credit back")
    elif payment.status is not PaymentStatus.ON_HOLD:
        raise not_now("Only a payment that is on hold is decided by the monitoring team")
    if decision == "complete":
        state.note(payment, at, "the monitoring team lets it through")
        _complete(state, payment, at)
    elif decision == "refund":
        state.note(payment, at, "the monitoring team sends the coins back")
        _send_back(state, payment, payment.transaction.source_address, at)
    else:
        raise invalid(not_one_of("decision", ("complete", "refund")))


def _judge(state: State, payment: ChannelPayment, at: datetime) -> None:
    """Decide on a confirmed payment.

    1. Coins that came while the channel was disabled are put on hold, whatever their risk.
    2. Risky coins go back by themselves where the customer has an address for them, else they are put on hold.
    3. All others are credited.
    """
    if payment.came_disabled:
        _hold(state, payment, HoldReason.CHANNEL_DISABLED, at)
    elif is_risky(payment):
        if not _returned_by_itself(state, payment, at):
            _hold(state, payment, HoldReason.ILLICIT_RESOURCE, at)
    else:
        _complete(state, payment, at)


def _hold(state: State, payment: ChannelPayment, reason: HoldReason, at: datetime) -> None:
    payment.status, payment.context = PaymentStatus.ON_HOLD, reason
    _move(state, payment, "on_hold", at)


def _complete(state: State, payment: ChannelPayment, at: datetime) -> None:
    """Credit what the coins were worth when they came, less the fee."""
    places = places_of(payment.received_currency)
    worth = payment.transaction.amount
    if payment.rate is not None:
        worth = cut(EXACT.multiply(worth, payment.rate), places)
    payment.fee = fee_of(worth, places, rate=state.account.fee_rate)
    payment.received_amount = EXACT.subtract(worth, payment.fee)
    payment.status, payment.context = PaymentStatus.COMPLETED, None
    _move(state, payment, "completed", at)


def _returned_by_itself(state: State, payment: ChannelPayment, at: datetime) -> bool:
    address = find_refund_address(state, payment.customer_id, payment.paid_currency, payment.network)
    if address is None:
        return False
    try:
        _send_back(state, payment, address, at)
    except RefusalError:
        # Less than what the network charges for sending it back.
        return False
    return True


def _send_back(state: State, payment: ChannelPayment, address: str, at: datetime) -> None:
    withdrawal = send_back(
        state,
        amount=payment.transaction.amount,
        currency=payment.paid_currency,
        network=payment.network,
        address=address,
        at=at,
        from_hold=True,
    )
    payment.refund_address, payment.coin_withdrawal_id = address, withdrawal.id
    payment.status, payment.context = PaymentStatus.REFUNDED, None
    payment.received_amount = payment.fee = ZERO  # of one that was credited, too
    _move(state, payment, "refunded", at)


def _move(state: State, payment: ChannelPayment, event: str, at: datetime) -> None:
    """Write the payment's row in the ledger as it is now, and notify the merchant."""
    record(
        state,
        reference_type="ChannelPayment",
        reference_id=payment.id,
        currency=payment.received_currency,
        amount=payment.received_amount,
        fee=payment.fee,
        fee_currency=payment.received_currency,
        custom_id=payment.custom_id,
        customer_id=payment.customer_id,
        status=payment.status.value,
        status_context=None if payment.context is None else payment.context.value,
        risk=payment.risk_to_wire(),
        moves=payment.received_amount,
        at=at,
    )
    state.announce(event, payment, at)
