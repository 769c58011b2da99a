"""Values a change of a balance: by the rate that the gateway used for it, or else by its rate of now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ...conf import app_settings, client_for
from ...exceptions import GatewayError
from ...fields import EXACT
from ...gateway.currencies import FIAT
from ...gateway.field_lengths import AMOUNT_INTEGER_DIGITS
from ...gateway.market_answers import Rate
from ...models import RateSource
from ..rate_limit_by_use import Share
from .movements import Fact

SOON = timedelta(minutes=15)
"""How long after it happened a rate of the market is still that of its moment."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What an amount was worth, and the rate by which that was found. Empty where no rate is known."""

    value: Decimal | None = None
    currency: str = ""
    rate: Decimal | None = None
    source: str = ""


def read_rates(account: str, share: Share) -> Mapping[str, Rate]:
    """Return the gateway's present rates by pair; none where they cannot be read."""
    try:
        return share.call(client_for(account).list_rates)
    except GatewayError:
        return {}


def worth_of(fact: Fact, amount: Decimal, *, rates: Mapping[str, Rate], now: datetime) -> Worth:
    """Return what a part of a fact's amount was worth.

    An amount in a fiat currency is its own value, and the rate is that of the coins that paid it. Of coins: the rate
    of an exchange; else the market's, if it is of that moment; else that of the order, and then the market's of now.
    """
    if not amount:
        return Worth()
    if fact.currency in FIAT:
        source = str(fact.rate_source) if fact.rate else ""
        return Worth(amount, fact.currency, fact.rate, source)
    own = fact.rate if fact.value_currency in FIAT and fact.coin == fact.currency else None
    if own and fact.rate_source == RateSource.PAYMENT:
        return _worth(amount, fact.value_currency, own, RateSource.PAYMENT)
    currency = fact.value_currency if own else app_settings.BOOKS_CURRENCY
    market = rates.get(f"{fact.currency}{currency}")
    is_soon = abs(now - fact.happened_at) <= SOON
    if market and is_soon:
        return _worth(amount, currency, market.sell_rate, RateSource.MARKET)
    if own:
        return _worth(amount, currency, own, fact.rate_source)
    return _worth(amount, currency, market.sell_rate, RateSource.MARKET_LATER) if market else Worth()


def _worth(amount: Decimal, currency: str, rate: Decimal, source: RateSource) -> Worth:
    value = EXACT.multiply(amount, rate)
    if value.adjusted() >= AMOUNT_INTEGER_DIGITS - 1 or rate.adjusted() >= AMOUNT_INTEGER_DIGITS - 1:
        return Worth()
    value = value.quantize(Decimal(1).scaleb(-FIAT[currency]), context=EXACT)
    return Worth(value, currency, rate, str(source))
