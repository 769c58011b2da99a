"""Parses requests for subscriptions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from .clock import spell_time
from .forms import Problems, check_url, is_missing, read_amount, read_currency, read_text
from .refusals import detail, is_too_small, not_one_of
from .simulated_coins import COINS, currencies_of
from .subscriptions import Period

SHORTEST_NOTICE = timedelta(days=3)
LONGEST_QUANTITY = 1_000
# In the order in which the object shows them.
_TEXTS = (
    "payer_email", "payer_name", "product_name", "product_description", "success_redirect_url",
    "unsuccess_redirect_url",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SubscriptionForm:
    """A checked request for a subscription."""

    name: str
    amount: Decimal
    currency: str
    period: Period
    period_quantity: int
    starts_at: datetime
    custom_id: str | None
    texts: dict[str, str | None]


def read_subscription(body: dict[str, Any], now: datetime, coins: Collection[str] = COINS) -> SubscriptionForm:
    """Check a request for a subscription; `coins` are those that there are."""
    problems = Problems()
    name = _read_required(body, "name", problems)
    currency = read_currency(body, "currency", problems, known=currencies_of(coins))
    amount = read_amount(body, "amount", currency, problems)
    period = _read_period(body, problems)
    quantity = _read_quantity(body, problems)
    starts_at = _read_start(body, now, problems)
    texts = {text: read_text(body, text, problems) for text in _TEXTS}
    email = texts["payer_email"]
    if not email:
        problems.add(is_missing("payer_email"))
    elif "@" not in email:
        problems.add(detail("invalid_format", "payer_email", "must be an email address"))
    for url in ("success_redirect_url", "unsuccess_redirect_url"):
        check_url(texts[url], url, problems)
    custom_id = read_text(body, "custom_id", problems)
    problems.check()
    return SubscriptionForm(name, amount, currency, period, quantity, starts_at, custom_id or None, texts)


def _read_required(body: dict[str, Any], name: str, problems: Problems) -> str:
    text = read_text(body, name, problems)
    if not body.get(name):
        problems.add(is_missing(name))
    return text or ""


def _read_period(body: dict[str, Any], problems: Problems) -> Period:
    period = body.get("period")
    if period in set(Period):
        return Period(period)
    problems.add(is_missing("period") if period is None else not_one_of("period", Period))
    return Period.MONTH


def _read_quantity(body: dict[str, Any], problems: Problems) -> int:
    quantity = body.get("period_quantity")
    if quantity is None:
        problems.add(is_missing("period_quantity"))
    elif isinstance(quantity, bool) or not isinstance(quantity, int):
        problems.add(detail("must_be_integer", "period_quantity", "must be an integer"))
    elif quantity < 1:
        problems.add(is_too_small("period_quantity"))
    elif quantity > LONGEST_QUANTITY:
        most = str(LONGEST_QUANTITY)
        message = f"must be less than or equal to {most}"
        problems.add(detail("must_be_less_than_or_equal", "period_quantity", message, value=most))
    else:
        return quantity
    return 1


def _read_start(body: dict[str, Any], now: datetime, problems: Problems) -> datetime:
    """Read the deadline of the first payment, in ISO 8601 or as `2023-07-24 08:46:28 UTC`."""
    value = body.get("starts_at")
    if value is None:
        problems.add(is_missing("starts_at"))
        return now
    starts_at = parse_time(value)
    earliest = now + SHORTEST_NOTICE
    if starts_at is None:
        problems.add(detail("must_be_date_time", "starts_at", "must be a date time"))
        return now
    if starts_at < earliest.replace(microsecond=0):
        least = spell_time(earliest)
        message = f"must be greater than or equal to {least}"
        problems.add(detail("must_be_greater_than_or_equal", "starts_at", message, value=least))
    return starts_at.replace(microsecond=0)


def parse_time(value: object) -> datetime | None:
    """Read a time; one without an offset is in UTC. None when it is no time."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.removesuffix(" UTC"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
