"""Applies what the gateway says of a payment on a channel: asks, locks the row, merges the answer, writes, commits.

Callbacks, reconciliation and staff all enter here, and nowhere else. No call is made while a row is locked. An answer
that was fetched before the lock counts only if the row still has the version that it had then.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from ...exceptions import ChannelBusyError, GatewayAnswerError
from ...gateway.channels import ChannelPaymentSnapshot
from ...logs import once_committed
from ...models import (
    Callback,
    CallbackOutcome,
    Channel,
    ChannelPayment,
    ChannelPaymentContext,
    ChannelPaymentStatus,
    ChannelStatus,
    InvoiceEvent,
)
from ...models.channel_payment import FINAL_PAYMENT_STATUSES
from ...models.locking import retried_while_locked, write_transaction
from ...tracing import Note, span
from ..accounts import client_of
from ..events.outbox import write_events
from ..snapshots.compare import Relation
from ..snapshots.finish_callback import finish_callback
from ..snapshots.quarantine_unreadable import lacks_a_fact
from .compare import brings_news, differences, relation, state_of
from .merge import STATUS_KINDS, Merge, begin_payment, merge_payment, payment_event, quarantine_payment

_POLL_ROUNDS = 5

TIERS = (
    (timedelta(hours=1), timedelta(minutes=1)),
    (timedelta(days=1), timedelta(minutes=10)),
    (timedelta(days=15), timedelta(hours=1)),
)
"""Up to this age, a payment that is not final is asked about again after that time. What is older: once a day."""

_OLDEST_TIER = timedelta(days=1)


@dataclass(frozen=True)
class IncomingPaymentCallback:
    """A callback about a payment on its way in: the row to mark, and what it says."""

    callback: Callback
    event: str
    snapshot: ChannelPaymentSnapshot

    @property
    def title(self) -> str:
        """The gateway's type and event, for people."""
        return f"ChannelPayment {self.event}"[:64]

    def is_older_than(self, polled_at: datetime | None) -> bool:
        """Whether it had arrived when the gateway was asked: then the answer knew all that it can say."""
        return polled_at is not None and (self.callback.last_received_at or self.callback.received_at) <= polled_at


@dataclass(frozen=True)
class Applied:
    """The result of an answer. `confirmed` is False if the gateway does not (yet) say what the callback says."""

    payment: ChannelPayment
    events: tuple[InvoiceEvent, ...]
    changed: bool
    confirmed: bool = True


def find_payment(channel: Channel, gateway_id: UUID) -> ChannelPayment | None:
    """Return our row of a payment, read without a lock."""
    rows = ChannelPayment.objects.primary().select_related("channel")
    return rows.filter(account=channel.account, environment=channel.environment, gateway_id=gateway_id).first()


def poll_payment(
    channel: Channel,
    gateway_id: UUID,
    *,
    timeout: float | None = None,
    incoming: IncomingPaymentCallback | None = None,
) -> Applied:
    """Ask the gateway about one payment of a channel and merge its answer; `timeout` in seconds, for each call.

    Raises GatewayError if it does not answer or has no such payment, OtherEnvironmentError, and ChannelBusyError if
    the row changes each time. An answer that lacks a fact is an error too, and quarantines the payment.
    """
    client = client_of(channel)
    for _ in range(_POLL_ROUNDS):
        known = find_payment(channel, gateway_id)
        asked_at = timezone.now()
        try:
            snapshot = client.retrieve_channel_payment(str(channel.gateway_id), str(gateway_id), timeout=timeout)
        except GatewayAnswerError as error:
            if known is not None and lacks_a_fact(error):
                _quarantine(known, f"what the gateway says of it cannot be read: {error.__cause__}")
            raise
        version = None if known is None else known.version
        applied = apply_payment(channel, snapshot, version=version, asked_at=asked_at, incoming=incoming)
        if applied is not None:
            _make_channel_due(applied.payment)
            return applied
    raise ChannelBusyError(
        f"payment {gateway_id} of channel {channel.pk} changed {_POLL_ROUNDS} times while the gateway was asked"
    )


def apply_listed_payment(channel: Channel, snapshot: ChannelPaymentSnapshot, *, asked_at: datetime) -> Applied | None:
    """Merge one entry of a channel's list, fetched at `asked_at`, and commit; return None, nothing changed, if it must
    be asked for alone.

    That is so unless the entry is new here or ahead of our row: a list can lag. Nor does it change a row that has
    changed since the list was asked for, or quarantine a payment.
    """
    known = find_payment(channel, snapshot.id)
    if known is not None and (known.updated_at >= asked_at or relation(known, snapshot) is not Relation.AHEAD):
        return None
    payment = known or begin_payment(channel, snapshot, at=asked_at)
    is_empty = snapshot.status == ChannelPaymentStatus.COMPLETED and not snapshot.received_amount
    if is_empty or relation(payment, snapshot) is Relation.UNKNOWN or differences(payment, snapshot):
        return None
    applied = apply_payment(channel, snapshot, version=None if known is None else known.version, asked_at=asked_at)
    if applied is not None:
        _make_channel_due(applied.payment)
    return applied


def _make_channel_due(payment: ChannelPayment) -> None:
    """Make the channel due for a poll if the gateway holds a payment as it is disabled, but our row is enabled."""
    is_disabled = payment.status_context == ChannelPaymentContext.CHANNEL_DISABLED
    if is_disabled and payment.channel.status == ChannelStatus.ENABLED:
        Channel.objects.filter(pk=payment.channel_id).update(payments_due_at=timezone.now())


@retried_while_locked
def apply_payment(
    channel: Channel,
    snapshot: ChannelPaymentSnapshot,
    *,
    version: int | None,
    asked_at: datetime,
    incoming: IncomingPaymentCallback | None = None,
) -> Applied | None:
    """Merge the gateway's answer to a GET into a payment's row and commit. The first statement locks a row.

    `version` is that of the row before the GET, None if there was no row. Returns None, and changes nothing, if the
    row has changed since. A new row is inserted under the lock of its channel. The callback is marked done in the same
    transaction, unless the gateway's answer denies what it says.
    """
    with span("cryptopay.merge_channel_payment", channel_id=channel.pk) as note, write_transaction(ChannelPayment):
        payment = _lock(channel, snapshot)
        if payment is None or (None if payment._state.adding else payment.version) != version:
            note(outcome="moved on")
            return None
        return _apply_locked(payment, snapshot, note, asked_at=asked_at, incoming=incoming)


def _lock(channel: Channel, snapshot: ChannelPaymentSnapshot) -> ChannelPayment | None:
    """Lock the payment's row, or its channel and return a new one; None where the channel is gone."""
    key: dict[str, Any] = {"account": channel.account, "environment": channel.environment, "gateway_id": snapshot.id}
    payment = ChannelPayment.objects.lock(related=("channel",), **key)
    if payment is not None:
        return payment
    locked = Channel.objects.lock(pk=channel.pk)
    if locked is None:
        return None
    # Another process may have made it while this one waited for the channel.
    payment = ChannelPayment.objects.lock(related=("channel",), **key)
    return payment or begin_payment(locked, snapshot, at=timezone.now())


def _apply_locked(
    payment: ChannelPayment,
    snapshot: ChannelPaymentSnapshot,
    note: Note,
    *,
    asked_at: datetime,
    incoming: IncomingPaymentCallback | None,
) -> Applied:
    now, before, was_final = timezone.now(), state_of(payment), payment.finished_at is not None
    is_new = payment._state.adding
    merge = merge_payment(payment, snapshot, at=now)
    if was_final and state_of(payment) != before:
        _compare_with_notified(merge, payment, at=now)
        merge.events = _without_repeated(payment, merge.events)
    payment.polled_at = asked_at
    payment.poll_due_at = _next_poll(payment, now)
    _write(payment, merge, at=now)
    if is_new or state_of(payment) != before:
        _log_move(payment, "" if is_new else before)
    note(channel_payment_id=payment.pk, status=payment.status, outcome="changed" if merge else "no news")
    is_confirmed = (
        incoming is None
        or incoming.snapshot.status == snapshot.status
        or relation(payment, incoming.snapshot) is not Relation.AHEAD
    )
    if incoming is not None and is_confirmed:
        finish_payment_callback(incoming, payment, changed=bool(merge), at=now)
    return Applied(payment, tuple(merge.events), bool(merge), is_confirmed)


def _write(payment: ChannelPayment, merge: Merge, *, at: datetime) -> None:
    """Write the row, and the events of what changed. The version grows with every change."""
    looks: dict[str, Any] = {"polled_at": payment.polled_at, "poll_due_at": payment.poll_due_at}
    if payment._state.adding:
        payment.version, payment.updated_at = 1, at
        ChannelPayment.objects.insert(payment)
        Channel.objects.change(payment.channel, paid_at=at)
    else:
        changed = {name: getattr(payment, name) for name in sorted(merge.changed)}
        if merge:
            changed |= {"version": payment.version + 1, "updated_at": at}
        ChannelPayment.objects.change(payment, **changed, **looks)
    write_events(merge.events)


def _compare_with_notified(merge: Merge, payment: ChannelPayment, *, at: datetime) -> None:
    """Quarantine a payment that ends as before, if the shop would not learn the change: an end is notified once.

    That is so if the credit is another one, or if another end was notified since: then shops take the credit back.
    """
    due, kinds = payment_event(payment, at=at), [STATUS_KINDS[status] for status in FINAL_PAYMENT_STATUSES]
    notified = list(InvoiceEvent.objects.primary().filter(subject=payment.pk, kind__in=kinds).order_by("pk"))
    before = next((event for event in notified if due is not None and event.once == due.once), None)
    if due is None or before is None:
        return
    reasons = []
    figures = [f"{one.detail.get('received_amount')} {one.detail.get('received_currency')}" for one in (before, due)]
    if payment.status == ChannelPaymentStatus.COMPLETED and figures[0] != figures[1]:
        reasons.append(f"it is completed again with {figures[1]}, and was completed with {figures[0]}")
    if notified[-1] != before:
        said = f"it is {payment.status} again after {notified[-1].kind}"
        reasons.append(f"{said}, and no event is sent twice: correct the books")
    quarantine_payment(merge, payment, reasons, at=at)


def _without_repeated(payment: ChannelPayment, events: list[InvoiceEvent]) -> list[InvoiceEvent]:
    """Leave out what happens once to a payment and has happened: an end that the gateway took back and repeats."""
    once = [event.once for event in events if event.once]
    written = InvoiceEvent.objects.primary().filter(subject=payment.pk, once__in=once) if once else ()
    happened = {event.once for event in written}
    return [event for event in events if event.once is None or event.once not in happened]


def _next_poll(payment: ChannelPayment, now: datetime) -> datetime | None:
    """Return when the gateway is asked about a payment next without a callback: the older, the less often."""
    if payment.is_final:
        return None
    return now + next((pause for age, pause in TIERS if now - payment.seen_at < age), _OLDEST_TIER)


def put_off(payment: ChannelPayment) -> None:
    """Ask about a payment later: the gateway has not answered about it, or a list has shown it as it is here.

    A payment that is final is not asked about.
    """
    now = timezone.now()
    if payment.poll_due_at is None:
        return
    ChannelPayment.objects.claim(payment, "poll_due_at", _next_poll(payment, now) or now + _OLDEST_TIER)


def _log_move(payment: ChannelPayment, before: str) -> None:
    after = state_of(payment)
    extra = about_payment(payment, status=payment.status, status_before=before)
    message, values = "channel payment %s: from %s to %s", (payment.pk, before or "unknown", after)
    once_committed(ChannelPayment, logging.INFO, message, *values, extra=extra)


def about_payment(payment: ChannelPayment, **more: object) -> dict[str, object]:
    """Return the `extra` of a log message about a payment."""
    return {
        "channel_payment_id": str(payment.pk),
        "channel_id": str(payment.channel_id),
        "account": payment.account,
        **more,
    }


def finish_payment_callback(
    incoming: IncomingPaymentCallback, payment: ChannelPayment, *, changed: bool, at: datetime
) -> None:
    """Mark a callback done, with what the gateway denied of it: when it is received again, that may have changed."""
    how, denied = relation(payment, incoming.snapshot), ""
    if how in (Relation.CONFLICT, Relation.UNKNOWN):
        denied = f"it says {state_of(incoming.snapshot)}, but the gateway, when asked, said {state_of(payment)}"
    elif how is Relation.SAME and brings_news(payment, incoming.snapshot):
        denied = "it says otherwise of the payment than the gateway, when asked, said"
    finish_callback(
        incoming.callback,
        CallbackOutcome.APPLIED if changed else CallbackOutcome.STALE,
        channel_payment_id=payment.pk,
        event=incoming.title,
        error=denied[:2000],
        taken_version=None if denied else payment.version,
        at=at,
    )


@retried_while_locked
def _quarantine(payment: ChannelPayment, reason: str) -> None:
    """Quarantine a payment. Locks the payment; commits."""
    with write_transaction(ChannelPayment):
        locked = ChannelPayment.objects.lock(pk=payment.pk, related=("channel",))
        if locked is None:
            return
        now, merge = timezone.now(), Merge()
        quarantine_payment(merge, locked, [reason], at=now)
        if merge:
            locked.polled_at = now
            _write(locked, merge, at=now)
