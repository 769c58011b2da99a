"""Processes a callback about a payment on a channel: asks the gateway, and merges the answer, not the callback."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from ...conf import get_account
from ...exceptions import ChannelBusyError, GatewayNotFoundError
from ...gateway.channels import ChannelPaymentSnapshot
from ...models import Callback, CallbackOutcome, Channel, ChannelPayment, ChannelPaymentStatus
from ..accounts import in_force
from ..events.outbox import Written
from ..snapshots.compare import Relation
from ..snapshots.finish_callback import finish_callback
from ..time_for_a_call import time_for_a_call
from .apply import IncomingPaymentCallback, find_payment, finish_payment_callback, poll_payment
from .channel_rows import poll_channel
from .compare import brings_news, relation

_MAX_UNCONFIRMED = 10


class UnconfirmedError(ChannelBusyError):
    """The gateway does not (yet) say what a callback says, which waits. `written` is what the answer brought."""

    def __init__(self, error: str, written: Written | None) -> None:
        super().__init__(error)
        self.written = written


def process_payment_callback(incoming: IncomingPaymentCallback, *, deadline: float | None) -> Written | None:
    """Take in what a callback says of a payment, as far as the gateway confirms it; return the row and its new events.

    1. A payment of a channel that is not here leaves an orphan, due again when the channel gets this id.
    2. What is behind our row, or says nothing new, is stale: no call.
    3. Else the gateway is asked about the payment, and its answer is merged. A status that it does not confirm leaves
       the callback pending; after ten refusals it is stale.

    Raises UnconfirmedError, GatewayError or another CryptopayError for what has to wait.
    """
    callback, snapshot = incoming.callback, incoming.snapshot
    channel = _find_channel(callback.account, snapshot)
    if channel is not None and channel.gateway_id is None:
        channel = _identified(channel, snapshot, timeout=time_for_a_call(deadline))
    if channel is None:
        _leave_orphan(incoming)
        return None
    known = find_payment(channel, snapshot.id)
    if known is not None and not _is_worth_a_call(known, incoming):
        finish_payment_callback(incoming, known, changed=False, at=timezone.now())
        return None
    try:
        applied = poll_payment(channel, snapshot.id, timeout=time_for_a_call(deadline), incoming=incoming)
    except GatewayNotFoundError:
        _refuse(incoming, "the gateway, when asked, does not know this payment", known, None)
        return None
    # What was merged is delivered, whatever becomes of the callback.
    written = Written(applied.payment, applied.events)
    if not applied.confirmed:
        said = f"it says {snapshot.status}, but the gateway, when asked, says {applied.payment.status}"
        _refuse(incoming, said, applied.payment, written)
    return written


def _find_channel(account: str, snapshot: ChannelPaymentSnapshot) -> Channel | None:
    """Find our row by the gateway's id, or by custom_id where the gateway's answer is still on its way."""
    match = Q(gateway_id=snapshot.channel_id)
    if snapshot.custom_id:
        match |= Q(gateway_id=None, custom_id=snapshot.custom_id)
    environment = get_account(account).environment
    found = list(Channel.objects.primary().filter(match, account=account, environment=environment))
    return next((row for row in found if row.gateway_id == snapshot.channel_id), found[0] if found else None)


def _identified(channel: Channel, snapshot: ChannelPaymentSnapshot, *, timeout: float | None) -> Channel | None:
    """Ask for the id of a channel whose creation has no answer yet; return it if the payment is its own."""
    try:
        channel = poll_channel(channel, timeout=timeout)
    except GatewayNotFoundError:
        return None
    return channel if channel.gateway_id == snapshot.channel_id else None


def _is_worth_a_call(payment: ChannelPayment, incoming: IncomingPaymentCallback) -> bool:
    """Return whether a callback can say something that our row does not have."""
    how, is_old = relation(payment, incoming.snapshot), incoming.is_older_than(payment.polled_at)
    if how is Relation.BEHIND:
        # A late callback says `pending`; only `on_hold` can mean that the end was taken back.
        return not is_old and payment.is_final and incoming.snapshot.status == ChannelPaymentStatus.ON_HOLD
    if how is Relation.SAME:
        return not is_old and brings_news(payment, incoming.snapshot)
    return True


def _leave_orphan(incoming: IncomingPaymentCallback) -> None:
    """Keep a callback for a payment of a channel that is not here (yet).

    A channel can get this id just before the orphan is committed, and find no orphan to mark: hence the look
    afterwards.
    """
    callback, snapshot = incoming.callback, incoming.snapshot
    finish_callback(
        callback,
        CallbackOutcome.ORPHAN,
        event=incoming.title,
        gateway_id=snapshot.channel_id,
        attempts=callback.attempts + 1,
        error=f"no channel {snapshot.channel_id} in account {callback.account}",
        at=timezone.now(),
    )
    here = Channel.objects.primary().filter(in_force(), account=callback.account, gateway_id=snapshot.channel_id)
    if here.exists():
        Callback.objects.filter(pk=callback.pk, outcome=CallbackOutcome.ORPHAN).update(next_attempt_at=timezone.now())


def _refuse(
    incoming: IncomingPaymentCallback, error: str, payment: ChannelPayment | None, written: Written | None
) -> None:
    """Leave a callback pending that the gateway does not confirm, or end it as stale after ten refusals."""
    callback = incoming.callback
    if callback.attempts + 1 < _MAX_UNCONFIRMED:
        raise UnconfirmedError(error, written)
    finish_callback(
        callback,
        CallbackOutcome.STALE,
        channel_payment_id=None if payment is None else payment.pk,
        event=incoming.title,
        error=error,
        at=timezone.now(),
    )
