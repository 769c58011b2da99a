"""Makes the calls about channels and the payments to them."""

from __future__ import annotations

from uuid import UUID

from ...exceptions import WireError
from ..channels import ChannelPaymentSnapshot, ChannelSnapshot
from ..lists import Page
from ..rate_limit import Purpose, calling_for
from .base import Endpoints, given, route_to, with_query


class ChannelEndpoints(Endpoints):
    """`/api/channels` and what is below it."""

    def create_channel(
        self,
        *,
        name: str,
        pay_currency: str,
        receiver_currency: str,
        network: str | None = None,
        description: str | None = None,
        custom_id: str | None = None,
        customer_id: str | None = None,
        timeout: float | None = None,
    ) -> ChannelSnapshot:
        """Create a channel. The `custom_id` makes it safe to ask again: a second one raises GatewayConflictError."""
        params = given(
            name=name,
            pay_currency=pay_currency,
            receiver_currency=receiver_currency,
            network=network,
            description=description,
            custom_id=custom_id,
            customer_id=customer_id,
        )
        route, read = route_to("/api/channels"), ChannelSnapshot.from_wire
        with calling_for(Purpose.CREATION):
            return self._send("POST", route, params, read, timeout, custom_id=custom_id)

    def update_channel(
        self,
        channel_id: UUID | str,
        *,
        name: str | None = None,
        description: str | None = None,
        status: str | None = None,
        customer_id: str | None = None,
        timeout: float | None = None,
    ) -> ChannelSnapshot:
        """Change what is given of a channel; `status` is `enabled` or `disabled`.

        What is paid to a disabled channel is held by the gateway, not refused.
        """
        route = route_to("/api/channels/{channel_id}", channel_id=channel_id)
        params = given(name=name, description=description, status=status, customer_id=customer_id)
        return self._send("PATCH", route, params, ChannelSnapshot.from_wire, timeout, id=channel_id)

    def retrieve_channel(self, channel_id: UUID | str, *, timeout: float | None = None) -> ChannelSnapshot:
        """Return a channel by the gateway's id."""
        route = route_to("/api/channels/{channel_id}", channel_id=channel_id)
        return self._get(route, ChannelSnapshot.from_wire, timeout, id=channel_id)

    def retrieve_channel_by_custom_id(self, custom_id: str, *, timeout: float | None = None) -> ChannelSnapshot:
        """Return a channel by the id that the shop gave it."""
        route = route_to("/api/channels/custom_id/{custom_id}", custom_id=custom_id)
        return self._get(route, ChannelSnapshot.from_wire, timeout, custom_id=custom_id)

    def list_channels(
        self,
        *,
        customer_id: str | None = None,
        starting_after: UUID | str | None = None,
        timeout: float | None = None,
    ) -> Page[ChannelSnapshot]:
        """Return one page of channels."""
        route = with_query(route_to("/api/channels"), customer_id=customer_id, starting_after=starting_after)
        return self._get_page(route, ChannelSnapshot.from_wire, timeout)

    def list_channel_payments(
        self, channel_id: UUID | str, *, starting_after: UUID | str | None = None, timeout: float | None = None
    ) -> Page[ChannelPaymentSnapshot]:
        """Return one page of the payments to a channel, newest first.

        No call lists those of all channels: see `list_transactions`, with `reference_type="ChannelPayment"`.
        """

        def read(value: object, path: str) -> ChannelPaymentSnapshot:
            payment = ChannelPaymentSnapshot.from_wire(value, path)
            if str(payment.channel_id) != str(channel_id).lower():
                raise WireError(f"{path}.channel_id", f"is another channel, {payment.channel_id}")
            return payment

        route = route_to("/api/channels/{channel_id}/payments", channel_id=channel_id)
        return self._get_page(with_query(route, starting_after=starting_after), read, timeout)

    def retrieve_channel_payment(
        self, channel_id: UUID | str, payment_id: UUID | str, *, timeout: float | None = None
    ) -> ChannelPaymentSnapshot:
        """Return a payment to a channel. It cannot be looked up without its channel."""
        route = route_to(
            "/api/channels/{channel_id}/payments/{payment_id}", channel_id=channel_id, payment_id=payment_id
        )
        return self._get(route, ChannelPaymentSnapshot.from_wire, timeout, id=payment_id, channel_id=channel_id)
