"""Lists the coins that are known offline: the one place where a coin is added. Its networks: `networks.py`.

A coin that is missing here is taken from the gateway's own list (`services/invoices/account_coins.py`), or added by a
shop with the setting CRYPTOPAY_EXTRA_COINS. The gateway has the last word.

To add a coin, add a line to `_KNOWN`. If its network is new, add that to `networks.py` and
`sandbox/simulated_coins.py`, and the form of its addresses to `addresses.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Coins = Mapping[str, Mapping[str, int]]
"""The decimal places of each coin on each of its networks."""

_BSC = "bnb_smart_chain"


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin, the decimal places of its amounts, and the networks on which it is sent, its own network first."""

    code: str
    name: str
    places: int
    networks: tuple[str, ...]


# Decimal places are from the gateway's own list of coins. A coin has the same number on each network.
_KNOWN = (
    Coin("ADA", "Cardano", 6, ("cardano", _BSC)),
    Coin("ARB", "Arbitrum", 8, ("arbitrum",)),
    Coin("BCH", "Bitcoin Cash", 8, ("bitcoin_cash", _BSC)),
    Coin("BNB", "BNB", 8, (_BSC,)),
    Coin("BTC", "Bitcoin", 8, ("bitcoin", _BSC)),
    Coin("BUSD", "Binance USD", 8, (_BSC,)),
    Coin("DAI", "Dai", 8, ("ethereum", _BSC)),
    Coin("DOGE", "Dogecoin", 8, ("dogecoin", _BSC)),
    Coin("ETH", "Ethereum", 8, ("ethereum", _BSC)),
    Coin("LTC", "Litecoin", 8, ("litecoin", _BSC)),
    Coin("POL", "Polygon", 8, ("polygon",)),
    Coin("SHIB", "Shiba Inu", 0, ("ethereum", _BSC)),
    Coin("SOL", "Solana", 9, ("solana", _BSC)),
    Coin("TON", "Toncoin", 8, ("ton",)),
    Coin("TRX", "Tron", 6, ("tron", _BSC)),
    Coin("USDC", "USD Coin", 6, ("ethereum", "tron", _BSC, "solana")),
    Coin("USDT", "Tether", 6, ("ethereum", "tron", _BSC, "solana", "polygon")),
    Coin("XLM", "Stellar Lumens", 7, ("stellar", _BSC)),
    Coin("XRP", "XRP", 6, ("ripple", _BSC)),
)

KNOWN_COINS: Mapping[str, Coin] = MappingProxyType({coin.code: coin for coin in _KNOWN})

COINS: Coins = MappingProxyType({coin.code: dict.fromkeys(coin.networks, coin.places) for coin in _KNOWN})
