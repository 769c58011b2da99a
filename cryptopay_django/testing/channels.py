"""Plays channels in the in-process sandbox: pays, confirms and decides, by our row or the gateway's id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Protocol

from ..sandbox import channel_controls
from ..sandbox.channels import Channel, ChannelPayment
from ..sandbox.core import Sandbox
from ..sandbox.invoices import Invoice
from ..sandbox.refusals import RefusalError


class ChannelRow(Protocol):
    """A channel: a row of ours, or the gateway's own view."""

    receiver_currency: Any
    pay_currency: Any


class ChannelPaymentRow(Protocol):
    """A payment of a channel: a row of ours, or the gateway's own view."""

    received_currency: Any
    paid_currency: Any


class ChannelHands(ABC):
    """Shows a test the channels at the gateway, and changes them from outside the API."""

    @abstractmethod
    def all_accounts(self) -> Iterable[Sandbox]:
        """Return the sandboxes of all accounts that were used."""

    def channel(self, channel: ChannelRow | object) -> Channel:
        """Return the gateway's own view of a channel: `status`, `address`, `payments`, ..."""
        return self._locate_channel(channel)[1]

    def change_channel(self, channel: ChannelRow | object, status: str) -> Channel:
        """Make a channel "enabled" or "disabled" by hand in the account, without the shop."""
        sandbox, found = self._locate_channel(channel)
        return channel_controls.change(sandbox, found.id, status)

    def _find_channel(self, reference: object) -> tuple[Sandbox, Channel] | None:
        channel_id = id_of(reference)
        for sandbox in self.all_accounts():
            if channel_id in sandbox.state.channels:
                return sandbox, channel_controls.find(sandbox, channel_id)
        return None

    def _find_payment(self, reference: object) -> tuple[Sandbox, str] | None:
        payment_id = id_of(reference)
        for sandbox in self.all_accounts():
            if any(payment.id == payment_id for one in sandbox.state.channels.values() for payment in one.payments):
                return sandbox, payment_id
        return None

    def _locate_channel(self, reference: object) -> tuple[Sandbox, Channel]:
        found = self._find_channel(reference)
        if found is None:
            raise RefusalError(404, "not_found", f"the sandbox has no channel {id_of(reference)}")
        return found


def id_of(reference: object) -> str:
    """Return the id at the gateway of a row of ours, of an object of the sandbox's, or of the id itself."""
    if isinstance(reference, Invoice | Channel | ChannelPayment):
        return reference.id
    return str(getattr(reference, "gateway_id", reference))
