"""The coins to pay with, their networks, their precision and the blocks that they need."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..gateway import currencies

_QUOTED = """
    EUR USD GBP AUD BRL CAD CHF CLP CNY COP CZK DKK HKD HUF IDR INR JPY KRW KZT MXN MYR NOK NZD PEN PLN RUB SEK SGD THB
    TRY TWD UAH VND ZAR
"""
FIAT = {code: currencies.FIAT[code] for code in _QUOTED.split()}
"""Price currencies that are not coins, with their decimal places: those that the service quoted in July 2023."""


@dataclass(frozen=True, slots=True)
class Network:
    """One chain: its name, its pace, and the numeric chain id where links carry one."""

    name: str
    title: str
    block_seconds: int
    chain_id: int | None = None
    tag_name: str | None = None
    tag_required: bool = False


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin. `quote_places` is the precision of a pay amount that was converted from fiat."""

    code: str
    name: str
    networks: tuple[str, ...]
    precision: int
    quote_places: int = -1
    rate_places: int = 4

    def __post_init__(self) -> None:
        if self.quote_places < 0:
            object.__setattr__(self, "quote_places", self.precision)

    def is_token_on(self, network: str) -> bool:
        """Return whether the coin is a contract on this network, not the network's own money."""
        return _NATIVE[network] != self.code


NETWORKS = {
    network.name: network
    for network in (
        Network("bitcoin", "Bitcoin", 600),
        Network("bitcoin_cash", "Bitcoin Cash", 600),
        Network("litecoin", "Litecoin", 150),
        Network("dogecoin", "Dogecoin", 60),
        Network("ethereum", "Ethereum (ERC20)", 12),
        Network("bnb_smart_chain", "BNB Smart Chain (BEP20)", 3),
        Network("tron", "Tron (TRC20)", 3),
        Network("ripple", "Ripple", 4, tag_name="Destination tag", tag_required=True),
        Network("stellar", "Stellar", 5, tag_name="Memo ID"),
        Network("solana", "Solana", 1),
        Network("cardano", "Cardano", 20),
        Network("ton", "TON", 5),
        Network("polygon", "Polygon", 2, chain_id=80002),
        Network("arbitrum", "Arbitrum", 1, chain_id=421614),
    )
}

_NATIVE = {
    "bitcoin": "BTC", "bitcoin_cash": "BCH", "litecoin": "LTC", "dogecoin": "DOGE", "ethereum": "ETH",
    "bnb_smart_chain": "BNB", "tron": "TRX", "ripple": "XRP", "stellar": "XLM", "solana": "SOL",
    "cardano": "ADA", "ton": "TON", "polygon": "POL", "arbitrum": "ETH",
}  # fmt: skip

_BSC = "bnb_smart_chain"

COINS = {
    coin.code: coin
    for coin in (
        Coin("BTC", "Bitcoin", ("bitcoin", _BSC), 8, quote_places=6),
        Coin("LTC", "Litecoin", ("litecoin", _BSC), 8),
        Coin("BCH", "Bitcoin Cash", ("bitcoin_cash", _BSC), 8),
        Coin("DOGE", "Dogecoin", ("dogecoin", _BSC), 8, rate_places=6),
        Coin("XRP", "XRP", ("ripple", _BSC), 6, rate_places=6),
        Coin("ETH", "Ethereum", ("ethereum", _BSC), 8),
        Coin("USDT", "Tether", ("ethereum", "tron", _BSC, "solana", "polygon"), 6),
        Coin("USDC", "USD Coin", ("ethereum", "tron", _BSC, "solana"), 6),
        Coin("DAI", "Dai", ("ethereum", _BSC), 8),
        Coin("SHIB", "Shiba Inu", ("ethereum", _BSC), 0, rate_places=8),
        Coin("XLM", "Stellar Lumens", ("stellar", _BSC), 7, rate_places=6),
        Coin("ADA", "Cardano", ("cardano", _BSC), 6, rate_places=6),
        Coin("BNB", "BNB", (_BSC,), 8),
        Coin("BUSD", "Binance USD", (_BSC,), 8),
        Coin("TRX", "Tron", ("tron", _BSC), 6, rate_places=6),
        Coin("SOL", "Solana", ("solana", _BSC), 9, rate_places=6),
        Coin("TON", "Toncoin", ("ton",), 8),
        Coin("POL", "Polygon", ("polygon",), 8, rate_places=6),
        Coin("ARB", "Arbitrum", ("arbitrum",), 8, rate_places=6),
    )
}

_SIX_DECIMALS = frozenset({"USDT", "USDC"})


def chain_decimals(coin: str, network: str) -> int:
    """Return in how many decimals the chain itself counts: what payment links are written in."""
    if network in {_BSC, "ethereum", "polygon", "arbitrum"}:
        return 6 if coin in _SIX_DECIMALS and network != _BSC else 18
    return 9 if network == "ton" else COINS[coin].precision


# (up to and including this amount, confirmations), then the number for anything above.
_STEPS: dict[tuple[str, str | None], tuple[tuple[tuple[int | Decimal, int], ...], int]] = {
    ("bitcoin", None): (((1, 1), (10, 3)), 6),
    ("bitcoin_cash", None): (((1, 1), (10, 3)), 6),
    ("litecoin", None): (((100, 1), (1000, 3)), 6),
    ("dogecoin", None): ((), 6),
    ("ethereum", "ETH"): (((Decimal("0.3"), 2), (3, 3)), 6),
    ("ethereum", "USDT"): (((1000, 3), (5000, 5)), 6),
    ("ethereum", None): ((), 12),
    ("bnb_smart_chain", None): ((), 15),
    ("cardano", None): ((), 30),
    ("polygon", None): ((), 127),
    ("arbitrum", None): ((), 30),
}
_AT_ONCE: tuple[tuple[tuple[int | Decimal, int], ...], int] = ((), 1)


def required_confirmations(coin: str, network: str, amount: Decimal) -> int:
    """Return how many blocks the service waits for with this amount."""
    steps, above = _STEPS.get((network, coin)) or _STEPS.get((network, None)) or _AT_ONCE
    return next((blocks for limit, blocks in steps if amount <= limit), above)


def places_of(currency: str) -> int:
    """Return the decimal places of a fiat currency or a coin; KeyError when it is neither."""
    return FIAT[currency] if currency in FIAT else COINS[currency].precision


def describe_coins(base_url: str) -> list[dict[str, Any]]:
    """Return the answer of GET /api/coins."""
    return [
        {
            "currency": coin.code,
            "name": coin.name,
            "logo_url": f"{base_url}/logos/{coin.code}.svg",
            "networks": [_describe_network(coin, NETWORKS[name]) for name in coin.networks],
        }
        for coin in COINS.values()
    ]


def _describe_network(coin: Coin, network: Network) -> dict[str, Any]:
    tag = {"required": network.tag_required, "name": network.tag_name} if network.tag_name else None
    return {
        "network": network.name,
        "name": network.title,
        "precision": coin.precision,
        "destination_tag": tag,
        "invoices": {"enabled": True},
        "channels": {"enabled": True},
        "coin_withdrawals": {"enabled": True},
    }
