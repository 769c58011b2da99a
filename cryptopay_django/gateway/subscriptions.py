"""Defines subscriptions, for which the gateway mails an invoice each period, as a frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from .message_base import WireObject
from .values import Amount, Code, Moment, Name, Reference, Text, Url


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription(WireObject):
    """A subscription as the gateway reported it. It is `active` from its creation, paid or not.

    `current_period_paid` says whether it is paid; `current_period_ends_at` is the deadline of that payment.
    """

    facts = frozenset({"id", "custom_id", "status", "amount", "currency", "current_period_paid"})

    id: UUID
    custom_id: Reference | None = None
    status: Code
    name: Name | None = None
    amount: Amount
    currency: Code
    period: Code | None = None
    period_quantity: int | None = None
    current_period_starts_at: Moment | None = None
    current_period_ends_at: Moment | None = None
    current_period_paid: bool
    payer_email: Name | None = None
    payer_name: Name | None = None
    product_name: Name | None = None
    product_description: Text | None = None
    # The merchant's own, of any scheme, as those of invoices are.
    success_redirect_url: Url | None = None
    unsuccess_redirect_url: Url | None = None
    created_at: Moment | None = None
    cancelled_at: Moment | None = None
