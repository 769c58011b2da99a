"""Exchange rates of every coin in every fiat currency, both spellings of a pair."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from functools import lru_cache

from .addresses import derive
from .amounts import EXACT, cut, round_half_up, spell
from .coins import COINS, FIAT

_IN_EUR = {
    "BTC": "52905.1734", "LTC": "165.5465", "BCH": "555.5841", "DOGE": "0.212345", "XRP": "0.941203",
    "ETH": "3400.4427", "USDT": "0.8824", "USDC": "0.8822", "DAI": "0.8821", "SHIB": "0.0000216301",
    "XLM": "0.291507", "ADA": "1.884104", "BNB": "401.2207", "BUSD": "0.8823", "TRX": "0.083125",
    "SOL": "131.4402", "TON": "2.6104", "POL": "0.402115", "ARB": "0.611204",
}  # fmt: skip
_EUR_IN = {
    "EUR": "1", "USD": "1.1586", "GBP": "0.8471", "AUD": "1.7620", "CAD": "1.5904", "CHF": "0.9312", "CZK": "24.31",
    "DKK": "7.4604", "HUF": "396.11", "JPY": "171.32", "NOK": "11.741", "PLN": "4.2604", "RON": "5.0871",
    "SEK": "11.182", "TRY": "47.211",
}  # fmt: skip

# The service buys a little below what it sells for; an invoice is priced at what it sells for.
_SPREAD = Decimal("0.985")

# How often a rate moves, and in which waves: length in ticks, height as a share of the rate.
_TICK = timedelta(seconds=10)
_WAVES = {
    "minutes": (30, Decimal("0.002")),
    "hours": (1_000, Decimal("0.01")),
    "days": (40_000, Decimal("0.04")),
}


class Rates:
    """The market as a function of the seed and of the time since it opened: asked again, it answers the same."""

    def __init__(self, seed: str, opened_at: datetime) -> None:
        self.seed = seed
        self.opened_at = opened_at

    def sell_rate(self, coin: str, fiat: str, at: datetime) -> Decimal | None:
        """Return what one coin costs in this currency; None where there is no such market."""
        if coin not in COINS or fiat not in FIAT:
            return None
        euro = EXACT.multiply(Decimal(_IN_EUR[coin]), Decimal(_EUR_IN[fiat]))
        return round_half_up(EXACT.multiply(euro, self._walk(coin, at)), COINS[coin].rate_places)

    def quote(self, coin: str, fiat: str, at: datetime) -> dict[str, str] | None:
        """Return both rates as GET /api/rates/{base}/{quote} does."""
        rate = self.sell_rate(coin, fiat, at)
        if rate is None:
            return None
        buy = cut(EXACT.multiply(rate, _SPREAD), COINS[coin].rate_places)
        return {"buy_rate": spell(buy), "sell_rate": spell(rate)}

    def table(self, at: datetime) -> dict[str, dict[str, str]]:
        """Return every pair, spelt with and without a slash."""
        table = {}
        for coin in COINS:
            for fiat in FIAT:
                quote = self.quote(coin, fiat, at)
                if quote is not None:
                    table[f"{coin}{fiat}"] = table[f"{coin}/{fiat}"] = quote
        return table

    def _walk(self, coin: str, at: datetime) -> Decimal:
        ticks = (at - self.opened_at) // _TICK
        return _stray(self.seed, coin, max(0, ticks))


@lru_cache(maxsize=4096)
def _stray(seed: str, coin: str, ticks: int) -> Decimal:
    """Return by what factor a coin has strayed from where it began: a few slow waves, one on the other.

    A wave is a line through seeded points, so any moment is reached without the steps before it.
    """
    with localcontext(EXACT):
        factor = Decimal(1)
        for name, (length, height) in _WAVES.items():
            past, part = divmod(ticks, length)
            before, after = (_point(seed, coin, name, index) for index in (past, past + 1))
            factor += height * (before + (after - before) * part / length)
        return factor


def _point(seed: str, coin: str, wave: str, index: int) -> Decimal:
    if index == 0:
        return Decimal(0)
    return Decimal(int.from_bytes(derive(seed, "rate", coin, wave, index, size=4))) / (1 << 31) - 1
