"""Refreshes, enables and disables a channel. The gateway holds what a disabled one still receives: it is not lost."""

from __future__ import annotations

from django.db import IntegrityError
from django.utils import timezone

from ...exceptions import ChannelInUseError, ChannelRequestError, GatewayError, InvoiceChangedError
from ...models import Channel, ChannelPayment, ChannelStatus
from ...models.channel import own_slot
from ...permissions import Act
from ..accounts import client_of
from ..events.deliver import deliver_or_dispatch
from ..invoices.create_at_gateway import committed
from ..resolution.people import Actor, check_permitted, person_of
from .apply import poll_payment
from .channel_rows import apply_channel, poll_channel


def refresh_channel(channel: Channel) -> Channel:
    """Ask the gateway about a channel, merge its answer and return the row as it is then. Its payments are not read.

    Commits. Raises GatewayError if there is no answer, ChannelBusyError if the row keeps changing.
    """
    return poll_channel(Channel.objects.primary().get(pk=channel.pk))


def refresh_channel_payment(payment: ChannelPayment) -> ChannelPayment:
    """Poll a payment, merge the answer, deliver its events, and return the row.

    Commits. Raises GatewayError if there is no answer, ChannelBusyError if the row keeps changing.
    """
    applied = poll_payment(payment.channel, payment.gateway_id)
    deliver_or_dispatch(applied.payment, applied.events)
    return applied.payment


def disable_channel(channel: Channel, *, actor: Actor | None = None, expected_version: int | None = None) -> Channel:
    """Disable a channel at the gateway; return the row. Its owner can have another one made from then on.

    The gateway holds what still arrives at its address (`channel_disabled`). With `expected_version`, only the
    channel that the person saw is disabled. Of an `actor` that is a user the permission
    `cryptopay_django.switch_channel` is checked. Both are checked under the lock of the row, before the call. Commits,
    and must not run in a transaction. Raises GatewayError, TransactionOpenError, ChannelRequestError,
    InvoiceChangedError, NotPermittedError.
    """
    return _switch(channel, ChannelStatus.DISABLED, actor, expected_version)


def enable_channel(channel: Channel, *, actor: Actor | None = None, expected_version: int | None = None) -> Channel:
    """Enable a channel at the gateway; return the row. Checks and raises as `disable_channel`.

    ChannelInUseError where the owner has another enabled channel for the same coin, network and currency.
    """
    return _switch(channel, ChannelStatus.ENABLED, actor, expected_version)


def _switch(channel: Channel, status: ChannelStatus, actor: Actor | None, expected_version: int | None) -> Channel:
    with committed():
        row = _checked(channel, status, actor, expected_version)
    try:
        snapshot = client_of(row).update_channel(str(row.gateway_id), status=status.value)
    except GatewayError as error:
        if not error.outcome_unknown:
            raise
        found = poll_channel(row)
        if found.status == status:
            return found
        raise
    try:
        applied = apply_channel(row.pk, snapshot, version=row.version)
    except IntegrityError:  # another channel has become its owner's meanwhile
        applied = None
    return applied or poll_channel(Channel.objects.primary().get(pk=row.pk))


def _checked(channel: Channel, status: ChannelStatus, actor: Actor | None, expected_version: int | None) -> Channel:
    """Lock the row and return it, if it may be switched by this person and is as the person saw it.

    The channel is due to be read: if the answer is lost, or this process dies, the next round sees what became of it.
    """
    row = Channel.objects.lock(pk=channel.pk)
    if row is None:
        raise ChannelRequestError(f"channel {channel.pk} does not exist any more")
    if actor is not None:
        person = person_of(actor)
        if not person.name:
            raise ChannelRequestError(f"switching channel {row.pk} needs an actor with a name: who decides it")
        check_permitted(person, Act.SWITCH_CHANNEL)
    if expected_version is not None and row.version != expected_version:
        raise InvoiceChangedError(f"channel {row.pk} has changed meanwhile. Look at it again")
    if row.gateway_id is None:
        raise ChannelRequestError(f"the gateway has not confirmed channel {row.pk} yet: call create_channel again")
    if status == ChannelStatus.ENABLED and (slot := own_slot(row)):
        others = Channel.objects.primary().filter(slot=slot).exclude(pk=row.pk)
        if other := others.first():
            raise ChannelInUseError(
                f"channel {row.pk} cannot be enabled: its owner has channel {other.pk} for the same coin, network and "
                "currency. Disable that one first"
            )
    Channel.objects.change(row, payments_due_at=timezone.now())
    return row
