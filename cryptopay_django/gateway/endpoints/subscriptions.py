"""Makes the calls about subscriptions. The gateway mails an invoice for each period of a subscription."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ...redaction import hide_locals
from ..lists import Page
from ..subscriptions import Subscription
from .base import Endpoints, amount_text, given, route_to, time_text, with_query


class SubscriptionEndpoints(Endpoints):
    """`/api/subscriptions`. There is no call to change one."""

    @hide_locals
    def create_subscription(
        self,
        *,
        name: str,
        amount: Decimal,
        currency: str,
        period: str,
        period_quantity: int,
        starts_at: datetime,
        payer_email: str,
        payer_name: str | None = None,
        custom_id: str | None = None,
        product_name: str | None = None,
        product_description: str | None = None,
        success_redirect_url: str | None = None,
        unsuccess_redirect_url: str | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """Create a subscription; `period` is `day`, `week`, `month` or `year`, and `period_quantity` how many of it.

        `starts_at` is no start: it is the deadline of the first payment, at least three days ahead, and has a time
        zone. The `custom_id` makes it safe to ask again: a second one raises GatewayConflictError.
        """
        params = given(
            name=name,
            amount=amount_text("amount", amount),
            currency=currency,
            period=period,
            period_quantity=period_quantity,
            starts_at=time_text("starts_at", starts_at),
            payer_email=payer_email,
            payer_name=payer_name,
            custom_id=custom_id,
            product_name=product_name,
            product_description=product_description,
            success_redirect_url=success_redirect_url,
            unsuccess_redirect_url=unsuccess_redirect_url,
        )
        route, read = route_to("/api/subscriptions"), Subscription.from_wire
        return self._send("POST", route, params, read, timeout, custom_id=custom_id)

    def cancel_subscription(self, subscription_id: UUID | str, *, timeout: float | None = None) -> Subscription:
        """Cancel a subscription, for good."""
        route = route_to("/api/subscriptions/{subscription_id}/cancel", subscription_id=subscription_id)
        return self._send("POST", route, {}, Subscription.from_wire, timeout, id=subscription_id)

    def retrieve_subscription(self, subscription_id: UUID | str, *, timeout: float | None = None) -> Subscription:
        """Return a subscription by the gateway's id."""
        route = route_to("/api/subscriptions/{subscription_id}", subscription_id=subscription_id)
        return self._get(route, Subscription.from_wire, timeout, id=subscription_id)

    def retrieve_subscription_by_custom_id(self, custom_id: str, *, timeout: float | None = None) -> Subscription:
        """Return a subscription by the id that the shop gave it."""
        route = route_to("/api/subscriptions/custom_id/{custom_id}", custom_id=custom_id)
        return self._get(route, Subscription.from_wire, timeout, custom_id=custom_id)

    def list_subscriptions(
        self, *, starting_after: UUID | str | None = None, timeout: float | None = None
    ) -> Page[Subscription]:
        """Return one page of subscriptions. Its invoices: `list_invoices` with `subscription_id`."""
        route = with_query(route_to("/api/subscriptions"), starting_after=starting_after)
        return self._get_page(route, Subscription.from_wire, timeout)
