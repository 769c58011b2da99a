"""Writes what the gateway says of a channel into its row: address and page when it is made, later its status."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from ...exceptions import ChannelBusyError
from ...gateway.channels import ChannelSnapshot
from ...logs import once_committed
from ...models import Callback, CallbackOutcome, Channel, ChannelStatus
from ...models.channel import own_slot
from ...models.locking import retried_while_locked, write_transaction
from ..accounts import client_of
from .compare import channel_differences, reasons_of

_POLL_ROUNDS = 5


@retried_while_locked
def apply_channel(channel_id: UUID, snapshot: ChannelSnapshot, *, version: int | None = None) -> Channel | None:
    """Merge the gateway's answer about a channel and commit; return the row. The first statement locks it.

    `version` is that of the row before the GET. If the row has changed since, nothing is written and None is returned.
    Without `version`, it is the answer to a creation. What contradicts the row is not merged: it quarantines the
    channel.
    """
    with write_transaction(Channel):
        channel = Channel.objects.lock(pk=channel_id)
        if channel is None or (version is not None and channel.version != version):
            return None
        merge = _Merge(channel)
        is_new = channel.gateway_id is None
        found = channel_differences(channel, snapshot)
        if found:
            merge.quarantine({name: said for name, (_, said) in found.items()}, reasons_of(found))
        else:
            merge.fill(snapshot)
            if is_new or version is not None:
                merge.switch(snapshot.status)
        now = timezone.now()
        if merge.changed:
            merge.set(version=channel.version + 1, updated_at=now)
        if version is not None:
            merge.set(polled_at=now)
        if is_new and "gateway_id" in merge.changed:
            merge.set(payments_due_at=now)
        if merge.changed:
            Channel.objects.change(channel, **{name: getattr(channel, name) for name in sorted(merge.changed)})
        if is_new and "gateway_id" in merge.changed:
            _expect_orphans(channel)
    return channel


def poll_channel(channel: Channel, *, timeout: float | None = None) -> Channel:
    """Ask the gateway about a channel, merge its answer and return the row; `timeout` in seconds, for each call.

    One that has no id yet is asked for by its custom_id: that is our UUID, which no other system uses. Raises
    GatewayError when there is no answer, or no such channel, OtherEnvironmentError, ChannelBusyError.
    """
    client = client_of(channel)
    for _ in range(_POLL_ROUNDS):
        if channel.gateway_id is None:
            snapshot = client.retrieve_channel_by_custom_id(channel.custom_id, timeout=timeout)
        else:
            snapshot = client.retrieve_channel(str(channel.gateway_id), timeout=timeout)
        try:
            taken = apply_channel(channel.pk, snapshot, version=channel.version)
        except IntegrityError:  # another channel has become its owner's meanwhile
            taken = None
        if taken is not None:
            return taken
        channel = Channel.objects.primary().get(pk=channel.pk)
    raise ChannelBusyError(f"channel {channel.pk} changed {_POLL_ROUNDS} times while the gateway was asked about it")


def _expect_orphans(channel: Channel) -> None:
    """Make callbacks due that arrived before the channel had its id. In the transaction that writes the id."""
    orphans = Callback.objects.filter(
        account=channel.account, gateway_id=channel.gateway_id, outcome=CallbackOutcome.ORPHAN
    )
    orphans.update(next_attempt_at=timezone.now())


@dataclass
class _Merge:
    """Changes a locked row in memory, and remembers which columns."""

    channel: Channel
    changed: set[str] = field(default_factory=set)

    def set(self, **values: Any) -> None:
        for name, value in values.items():
            if getattr(self.channel, name) != value:
                setattr(self.channel, name, value)
                self.changed.add(name)

    def fill(self, snapshot: ChannelSnapshot) -> None:
        """Fill in what the gateway decided at creation. Once known, none of it changes."""
        address, tag = snapshot.address_and_tag
        known = {
            "gateway_id": snapshot.id,
            "address": address,
            "destination_tag": tag,
            "uri": snapshot.uri,
            "hosted_page_url": snapshot.hosted_page_url,
        }
        for name, value in known.items():
            if value not in (None, "") and getattr(self.channel, name) in (None, ""):
                self.set(**{name: value})

    def switch(self, status: str) -> None:
        """Follow the gateway's status. A channel that is enabled again is its owner's, unless there is another."""
        channel = self.channel
        if status == channel.status:
            return
        before = channel.slot
        if status == ChannelStatus.DISABLED:
            channel.disable()
        elif status == ChannelStatus.ENABLED:
            slot = own_slot(channel)
            is_taken = slot is not None and Channel.objects.primary().filter(slot=slot).exists()
            channel.enable(slot=None if is_taken else slot)
        else:
            self.quarantine({"status": status}, [f"its status is unknown here: {status}"])
            return
        self.changed |= {"status"} if channel.slot == before else {"status", "slot"}
        extra = {"channel_id": str(channel.pk), "account": channel.account, "status": channel.status}
        once_committed(Channel, logging.INFO, "channel %s is %s", channel.pk, channel.status, extra=extra)

    def quarantine(self, said: dict[str, str], reasons: list[str]) -> None:
        """Quarantine the channel, once for each contradiction."""
        channel = self.channel
        if all(channel.contradicted.get(name) == value for name, value in said.items()):
            return
        known = channel.quarantine_reason.split("; ") if channel.quarantine_reason else []
        reason = "; ".join([*known, *(one for one in reasons if one not in known)])
        self.set(contradicted={**channel.contradicted, **said}, quarantine_reason=reason)
        extra: dict[str, object] = {"channel_id": str(channel.pk), "account": channel.account}
        once_committed(Channel, logging.ERROR, "channel %s is held for a person: %s", channel.pk, reason, extra=extra)
