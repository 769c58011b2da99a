"""Calculates exchange rates: of coins in fiat currencies and in each other, and between the great fiat currencies."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from functools import lru_cache
from itertools import combinations, product

from .addresses import derive
from .amounts import EXACT, round_half_up, round_up, spell
from .simulated_coins import COINS, FIAT

_IN_EUR = {
    "BTC": "52905.1734", "LTC": "165.5465", "BCH": "555.5841", "DOGE": "0.212345", "XRP": "0.941203",
    "ETH": "3400.4427", "USDT": "0.8824", "USDC": "0.8822", "DAI": "0.8821", "SHIB": "0.00002163",
    "XLM": "0.291507", "ADA": "1.884104", "BNB": "401.2207", "BUSD": "0.8823", "TRX": "0.083125",
    "SOL": "131.4402", "TON": "2.6104", "POL": "0.402115", "ARB": "0.611204",
}  # fmt: skip
_EUR_IN = {
    "EUR": "1", "USD": "1.1586", "GBP": "0.8471", "AUD": "1.7620", "BRL": "6.2011", "CAD": "1.5904", "CHF": "0.9312",
    "CLP": "1090.52", "CNY": "8.2450", "COP": "4475.20", "CZK": "24.31", "DKK": "7.4604", "HKD": "9.0180",
    "HUF": "396.11", "IDR": "19310.5", "INR": "103.42", "JPY": "171.32", "KRW": "1701.40", "KZT": "601.15",
    "MXN": "21.304", "MYR": "4.7850", "NOK": "11.741", "NZD": "2.0231", "PEN": "3.9040", "PLN": "4.2604",
    "RUB": "92.710", "SEK": "11.182", "SGD": "1.5012", "THB": "37.511", "TRY": "47.211", "TWD": "36.420",
    "UAH": "48.905", "VND": "30520.0", "ZAR": "19.842",
}  # fmt: skip

# Pairs of coins stand in one direction only: the earlier of these in the later, but for two.
_COIN_ORDER = (
    "SOL", "DOGE", "TRX", "ADA", "XLM", "BCH", "ETH", "XRP",
    "LTC", "BNB", "BTC", "SHIB", "BUSD", "DAI", "USDC", "USDT",
)  # fmt: skip
_TURNED = {("ETH", "BNB"): ("BNB", "ETH"), ("BUSD", "USDC"): ("USDC", "BUSD")}
_COIN_PAIRS = [_TURNED.get(pair, pair) for pair in combinations(_COIN_ORDER, 2)]
_FIAT_PAIRS = [
    *((base, quote) for base in ("EUR", "USD") for quote in FIAT if quote not in {"EUR", "GBP", base}),
    ("GBP", "EUR"),
    ("GBP", "USD"),
]
PAIRS = [*product(COINS, FIAT), *_COIN_PAIRS, *_FIAT_PAIRS]
"""What GET /api/rates shows: the pairs that were seen in July 2023, and those of newer coins in fiat currencies."""

# Recorded with other decimals than the rule below gives.
_ODD_PLACES = {("BCH", "XRP"): 8, ("ETH", "XRP"): 8, ("DOGE", "BNB"): 8, ("TRX", "BNB"): 8, ("BNB", "BTC"): 6}
_FINE, _COARSE = frozenset({"BTC", "ETH", "LTC", "BCH"}), frozenset({"SHIB"})

# Named from the merchant's side: coins are bought at the buy rate, the dearer one; an invoice is priced at the other.
_SPREAD = Decimal("1.0444")

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

    def sell_rate(self, base: str, quote: str, at: datetime) -> Decimal:
        """Return what one unit brings in another currency, also where that pair is not shown: invoices need any."""
        if base in COINS and quote in FIAT:
            worth = EXACT.multiply(
                EXACT.multiply(Decimal(_IN_EUR[base]), Decimal(_EUR_IN[quote])), self._walk(base, at)
            )
        else:
            worth = EXACT.divide(self._in_euro(base, at), self._in_euro(quote, at))
        return round_half_up(worth, _places(base, quote))

    def buy_rate(self, base: str, quote: str, at: datetime) -> Decimal:
        """Return what one unit costs the merchant who wants it, as withdrawals do."""
        return round_up(EXACT.multiply(self.sell_rate(base, quote, at), _SPREAD), _places(base, quote))

    def quote(self, base: str, quote: str, at: datetime, coins: Collection[str] = COINS) -> dict[str, str] | None:
        """Return both rates as GET /api/rates/{base}/{quote} does; None where no such pair of these coins is shown."""
        if not is_shown(base, quote) or not all(code in FIAT or code in coins for code in (base, quote)):
            return None
        buy, sell = self.buy_rate(base, quote, at), self.sell_rate(base, quote, at)
        return {"buy_rate": spell(buy), "sell_rate": spell(sell)}

    def table(self, at: datetime, coins: Collection[str] = COINS) -> dict[str, dict[str, str]]:
        """Return every pair of fiat currencies and these coins, spelt with and without a slash."""
        table = {}
        for base, quote in PAIRS:
            rates = self.quote(base, quote, at, coins)
            if rates is not None:
                table[f"{base}{quote}"] = table[f"{base}/{quote}"] = rates
        return table

    def _in_euro(self, code: str, at: datetime) -> Decimal:
        if code in FIAT:
            return EXACT.divide(Decimal(1), Decimal(_EUR_IN[code]))
        return EXACT.multiply(Decimal(_IN_EUR[code]), self._walk(code, at))

    def _walk(self, coin: str, at: datetime) -> Decimal:
        ticks = (at - self.opened_at) // _TICK
        return _stray(self.seed, coin, max(0, ticks))


def is_shown(base: str, quote: str) -> bool:
    """Return whether a pair is quoted in this direction."""
    return (base, quote) in _SHOWN


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


def _places(base: str, quote: str) -> int:
    """Return the decimals of a pair: more where the quote currency is worth much, few where it is worth little."""
    own = COINS[base].rate_places if base in COINS else 4
    if (base, quote) not in _SHOWN:
        return 18
    if (base, quote) in _ODD_PLACES:
        return _ODD_PLACES[base, quote]
    if quote in _COARSE:
        return 2
    return 8 if quote in _FINE and (base not in {"LTC", "BNB", "BTC"} or quote == "BTC") else own


def quoted_since(base: str, quote: str) -> int | None:
    """Return the year from which a pair is known: 2021, 2023, or None when it was never seen."""
    codes = {base, quote}
    if (base, quote) not in _SHOWN or codes & _NEWER:
        return None
    new = codes & (COINS.keys() - _OF_2021) or "CLP" in codes or (quote == "SGD" and base in _STABLE)
    return 2023 if new else 2021


_SHOWN = frozenset(PAIRS)
_NEWER = COINS.keys() - set(_COIN_ORDER)
_OF_2021 = frozenset({"BCH", "BTC", "DAI", "ETH", "LTC", "USDC", "USDT", "XRP"})
_STABLE = frozenset({"DAI", "USDC", "USDT"})
