"""Bills subscriptions: an invoice for each period, mailed to the payer, until one is unpaid or it is cancelled.

The first payment is due at `starts_at`, which is when the first period begins. What no source shows: the next period
begins where the last one ended, and is to be paid before it ends.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from . import merchant_calls
from .amounts import spell
from .clock import spell_time
from .forms import read_invoice
from .refusals import duplicate_custom_id, not_found, not_now

if TYPE_CHECKING:
    from .invoices import Invoice
    from .state import State
    from .subscription_forms import SubscriptionForm


class Period(StrEnum):
    """The unit of a period's length."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_DAYS = {Period.DAY: 1, Period.WEEK: 7}
_MONTHS = {Period.MONTH: 1, Period.YEAR: 12}


@dataclass(slots=True)
class Subscription:
    """One subscription. `begun` says that its first period was paid, and so has begun or will."""

    type: ClassVar[str] = "Subscription"
    absent_in_2022: ClassVar[frozenset[str]] = frozenset()

    id: str
    custom_id: str | None
    name: str
    amount: Decimal
    currency: str
    period: Period
    period_quantity: int
    current_period_starts_at: datetime
    current_period_ends_at: datetime
    texts: dict[str, str | None]
    created_at: datetime
    status: str = "active"
    current_period_paid: bool = False
    begun: bool = False
    cancelled_at: datetime | None = None
    timeline: list[tuple[datetime, str]] = field(default_factory=list)

    def to_wire(self) -> dict[str, Any]:
        """Return the object as the API shows it."""
        return {
            "id": self.id,
            "status": self.status,
            "custom_id": self.custom_id,
            "name": self.name,
            "amount": spell(self.amount),
            "currency": self.currency,
            "period": self.period.value,
            "period_quantity": self.period_quantity,
            "current_period_starts_at": spell_time(self.current_period_starts_at),
            "current_period_ends_at": spell_time(self.current_period_ends_at),
            "current_period_paid": self.current_period_paid,
            **self.texts,
            "created_at": spell_time(self.created_at),
            "cancelled_at": None if self.cancelled_at is None else spell_time(self.cancelled_at),
        }

    def to_callback(self) -> dict[str, Any]:
        """Return the object as callbacks show it."""
        return self.to_wire()


def create_subscription(state: State, form: SubscriptionForm, at: datetime) -> Subscription:
    """Make a subscription, active at once and unpaid. The first payment is due at its `starts_at`."""
    known = (subscription.custom_id for subscription in state.subscriptions.values())
    if form.custom_id is not None and form.custom_id in known:
        raise duplicate_custom_id()
    at = at.replace(microsecond=0)
    subscription = Subscription(
        id=state.make_id("subscription"),
        custom_id=form.custom_id,
        name=form.name,
        amount=form.amount,
        currency=form.currency,
        period=form.period,
        period_quantity=form.period_quantity,
        current_period_starts_at=at,
        current_period_ends_at=form.starts_at,
        texts=form.texts,
        created_at=at,
    )
    state.subscriptions[subscription.id] = subscription
    state.note(subscription, at, "created")
    state.schedule(form.starts_at, "end_period", subscription, spell_time(form.starts_at))
    return subscription


def bill(state: State, subscription: Subscription, pay_currency: str, network: str | None, at: datetime) -> Invoice:
    """Let the payer open the mail and choose a coin: the invoice for the current period."""
    if subscription.status != "active" or subscription.current_period_paid:
        what = "paid" if subscription.current_period_paid else subscription.status
        raise not_now(f"The subscription is {what}: there is nothing to pay")
    texts = subscription.texts
    request = {
        "price_amount": subscription.amount,
        "price_currency": subscription.currency,
        "pay_currency": pay_currency,
        "network": network,
        "name": texts["product_name"] or subscription.name,
        "description": texts["product_description"],
        "success_redirect_url": texts["success_redirect_url"],
        "unsuccess_redirect_url": texts["unsuccess_redirect_url"],
    }
    return merchant_calls.create_invoice(state, read_invoice(request), at, subscription_id=subscription.id)


def settle(state: State, invoice: Invoice, at: datetime) -> None:
    """Mark the current period as paid, now that its invoice was: in full, and before the period's end."""
    subscription = state.subscriptions.get(invoice.subscription_id or "")
    if subscription is None or subscription.status != "active" or subscription.current_period_paid:
        return
    if invoice.price_amount < subscription.amount:
        return
    subscription.current_period_paid = True
    if not subscription.begun:
        subscription.begun = True
        _begin_next_period(state, subscription)
    state.announce("paid", subscription, at)


def end_period(state: State, subscription_id: str, end: str, at: datetime) -> None:
    """Cancel a subscription whose period ends unpaid; else begin its next period, which is to be paid."""
    subscription = state.subscriptions[subscription_id]
    if subscription.status != "active" or end != spell_time(subscription.current_period_ends_at):
        return
    if not subscription.current_period_paid:
        cancel_subscription(state, subscription, at)
        return
    subscription.current_period_paid = False
    _begin_next_period(state, subscription)
    state.note(subscription, at, "the next period begins, unpaid")


def cancel_subscription(state: State, subscription: Subscription, at: datetime) -> Subscription:
    """End a subscription for good, and notify the merchant."""
    if subscription.status != "active":
        raise not_now("The subscription is cancelled")
    subscription.status = "cancelled"
    subscription.cancelled_at = at
    state.announce("cancelled", subscription, at)
    return subscription


def find_subscription(state: State, subscription_id: str) -> Subscription:
    """Return a subscription by its id; RefusalError (404) when there is none."""
    subscription = state.subscriptions.get(subscription_id.lower())
    if subscription is None:
        raise not_found()
    return subscription


def find_subscription_by_custom_id(state: State, custom_id: str) -> Subscription:
    """Return a subscription by the merchant's own id."""
    for subscription in state.subscriptions.values():
        if subscription.custom_id == custom_id:
            return subscription
    raise not_found()


def _begin_next_period(state: State, subscription: Subscription) -> None:
    start = subscription.current_period_ends_at
    end = add_period(start, subscription.period, subscription.period_quantity)
    subscription.current_period_starts_at, subscription.current_period_ends_at = start, end
    state.schedule(end, "end_period", subscription, spell_time(end))


def add_period(start: datetime, period: Period, quantity: int) -> datetime:
    """Return the end of a period; of one that would end on the 31st of a short month, its last day."""
    if period in _DAYS:
        return start + timedelta(days=_DAYS[period] * quantity)
    years, month = divmod(start.month - 1 + _MONTHS[period] * quantity, 12)
    year = start.year + years
    return start.replace(year=year, month=month + 1, day=min(start.day, calendar.monthrange(year, month + 1)[1]))
