"""Converts one currency to another: the pair, its present rate, and amounts exact to the last digit.

Recorded: the service sells coins at its buy rate (what the merchant buys at), rounds what it pays out down and what it
charges up, and takes its share out of the fiat side.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from .amounts import EXACT, cut, fee_of, round_up
from .rates import Rates, is_shown
from .simulated_coins import FIAT, places_of

PREVIEW_LIFE = timedelta(seconds=30)
"""How long the rate of a preview is kept: it can be committed until then."""


@dataclass(frozen=True, slots=True)
class Market:
    """From `charged` to `received`. `buys` says that the received currency is the base of the pair.

    Without a pair both are the same currency, and nothing is converted.
    """

    charged: str
    received: str
    pair: str = ""
    rate: Decimal = Decimal(1)
    buys: bool = True

    @property
    def fee_currency(self) -> str:
        """The side that an exchange transfer's fee is taken from: the fiat one, else the charged one."""
        return self.received if self.received in FIAT and self.charged not in FIAT else self.charged

    def cut_to_received(self, amount: Decimal) -> Decimal:
        """Return what this much of the charged currency brings."""
        value = EXACT.divide(amount, self.rate) if self.buys else EXACT.multiply(amount, self.rate)
        return cut(value, places_of(self.received))

    def round_up_to_charged(self, amount: Decimal) -> Decimal:
        """Return how much of the charged currency brings this much."""
        value = EXACT.multiply(amount, self.rate) if self.buys else EXACT.divide(amount, self.rate)
        return round_up(value, places_of(self.charged))


def is_over(created_at: datetime, at: datetime) -> bool:
    """Return whether a preview is too old to be committed."""
    return at > created_at + PREVIEW_LIFE


def find_market(rates: Rates, charged: str, received: str, at: datetime) -> Market | None:
    """Return the way between two currencies at this moment; None where no pair of them is quoted."""
    if charged == received:
        return Market(charged, received)
    if is_shown(received, charged):
        return Market(charged, received, received + charged, rates.buy_rate(received, charged, at))
    if is_shown(charged, received):
        return Market(charged, received, charged + received, rates.sell_rate(charged, received, at), buys=False)
    return None


def price_by_charged(market: Market, charged: Decimal, share: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Return what is charged, the fee in it, and what this brings."""
    if market.fee_currency == market.charged:
        fee = fee_within(charged, share, market.charged)
        return charged, fee, market.cut_to_received(EXACT.subtract(charged, fee))
    gross = market.cut_to_received(charged)
    fee = fee_within(gross, share, market.received)
    return charged, fee, EXACT.subtract(gross, fee)


def price_by_received(market: Market, received: Decimal, share: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Return what has to be charged for this, the fee in it, and what was asked for."""
    if market.fee_currency == market.charged:
        net = market.round_up_to_charged(received)
        fee = fee_on_top(net, share, market.charged)
        return EXACT.add(net, fee), fee, received
    fee = fee_on_top(received, share, market.received)
    return market.round_up_to_charged(EXACT.add(received, fee)), fee, received


def fee_within(total: Decimal, share: Decimal, currency: str) -> Decimal:
    """Return the part of a total that the service keeps."""
    return fee_of(total, places_of(currency), rate=share)


def fee_on_top(net: Decimal, share: Decimal, currency: str) -> Decimal:
    """Return what has to be added so that this much is left when the service has taken its share of all."""
    return round_up(EXACT.divide(EXACT.multiply(net, share), EXACT.subtract(Decimal(1), share)), places_of(currency))
