"""Calculates the fees of the networks for sending coins, in the coin itself. Market fees change every minute."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from .addresses import derive
from .amounts import EXACT, round_up, spell
from .simulated_coins import COINS, coins_of, oldest_first

if TYPE_CHECKING:
    from .state import State

LEVELS = ("slow", "average", "fast")

# Recorded in July 2023, in the coin itself.
_OF_COINS = {
    ("BTC", "bitcoin"): "0.00001944", ("LTC", "litecoin"): "0.001", ("XRP", "ripple"): "0.000015",
    ("ETH", "ethereum"): "0.00029184", ("BCH", "bitcoin_cash"): "0.0001", ("XLM", "stellar"): "0.1",
    ("ADA", "cardano"): "0.155381", ("BNB", "bnb_smart_chain"): "0.00037836", ("TRX", "tron"): "1",
    ("DOGE", "dogecoin"): "0.45", ("SOL", "solana"): "0.00001", ("TON", "ton"): "0.01",
    ("POL", "polygon"): "0.01", ("ETH", "arbitrum"): "0.00001",
}  # fmt: skip
# Of everything else that a network carries, in EUR: about what was recorded of tokens.
_IN_EUR = {
    "ethereum": "1.95", "bnb_smart_chain": "0.31", "tron": "2.6",
    "solana": "0.02", "polygon": "0.02", "arbitrum": "0.05",
}  # fmt: skip
_WITH_A_MARKET = frozenset({"bitcoin", "ethereum", "bnb_smart_chain", "polygon", "arbitrum"})
_LEVEL_FACTORS = {"slow": Decimal("0.8"), "average": Decimal(1), "fast": Decimal("1.6")}


def levels_of(coin: str, network: str) -> tuple[str, ...]:
    """Return the levels to choose from: only bitcoin has more than one."""
    return LEVELS if (coin, network) == ("BTC", "bitcoin") else ("average",)


def network_fee(state: State, coin: str, network: str, level: str, at: datetime) -> Decimal:
    """Return what it costs to send this coin on this network now."""
    own = _OF_COINS.get((coin, network))
    if own is not None:
        fee = Decimal(own)
    else:
        fee = EXACT.divide(Decimal(_IN_EUR[network]), state.rates.sell_rate(coin, "EUR", at))
    if network in _WITH_A_MARKET:
        fee = EXACT.multiply(fee, _stray(state.seed, network, int(at.timestamp()) // 60))
    return round_up(EXACT.multiply(fee, _LEVEL_FACTORS[level]), COINS[coin].precision)


def list_network_fees(state: State, at: datetime, *, all_networks: bool) -> list[dict[str, str]]:
    """Return the fee of every coin, on its first network or on all of them."""
    coins = coins_of(state.variants["coins"])
    return [
        {
            "level": level,
            "fee": spell(network_fee(state, code, network, level, at)),
            "currency": code,
            "network": network,
        }
        for code in oldest_first(coins)
        for network in (coins[code].networks if all_networks else coins[code].networks[:1])
        for level in reversed(levels_of(code, network))
    ]


def _stray(seed: str, network: str, minute: int) -> Decimal:
    """Return a factor from 0.9 to 1.1, one for each minute."""
    steps = int.from_bytes(derive(seed, "network fee", network, minute, size=2)) % 201
    return Decimal(900 + steps).scaleb(-3)
