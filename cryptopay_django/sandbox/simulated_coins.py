"""Lists the coins and networks as the service lists them. Facts about each: `gateway/coins.py` and `networks.py`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ..gateway import currencies
from ..gateway.coins import KNOWN_COINS
from ..gateway.networks import NETWORKS as KNOWN_NETWORKS

_QUOTED = """
    EUR USD GBP AUD BRL CAD CHF CLP CNY COP CZK DKK HKD HUF IDR INR JPY KRW KZT MXN MYR NOK NZD PEN PLN RUB SEK SGD THB
    TRY TWD UAH VND ZAR
"""
FIAT = {code: currencies.FIAT[code] for code in _QUOTED.split()}
"""Price currencies that are not coins, with their decimal places: those that the service quoted in July 2023."""


@dataclass(frozen=True, slots=True)
class Network:
    """A chain as the service lists it, and the numeric id of its test chain where links carry one."""

    name: str
    title: str
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
    quote_places: int
    rate_places: int

    def is_token_on(self, network: str) -> bool:
        """Return whether the coin is a contract on this network, not the network's own money."""
        return KNOWN_NETWORKS[network].native != self.code


# The titles and names of tags are the service's.
NETWORKS = {
    network.name: network
    for network in (
        Network("bitcoin", "Bitcoin"),
        Network("bitcoin_cash", "Bitcoin Cash"),
        Network("litecoin", "Litecoin"),
        Network("dogecoin", "Dogecoin"),
        Network("ethereum", "Ethereum (ERC20)", chain_id=5),
        Network("bnb_smart_chain", "BNB Smart Chain (BEP20)"),
        Network("tron", "Tron (TRC20)"),
        Network("ripple", "Ripple", tag_name="Destination tag", tag_required=True),
        Network("stellar", "Stellar", tag_name="Memo ID"),
        Network("solana", "Solana"),
        Network("cardano", "Cardano"),
        Network("ton", "TON"),
        Network("polygon", "Polygon", chain_id=80002),
        Network("arbitrum", "Arbitrum", chain_id=421614),
    )
}

# The order of GET /api/coins, and where amounts and rates have another number of places than the coin.
_LISTED = "BTC LTC BCH XRP ETH USDT DAI USDC SHIB XLM ADA BNB BUSD TRX DOGE SOL TON POL ARB"
_QUOTE_PLACES = {"BTC": 6, "BUSD": 6}
_RATE_PLACES = {"SHIB": 8, **dict.fromkeys(("XRP", "XLM", "ADA", "TRX", "DOGE", "SOL", "POL", "ARB"), 6)}
_NAMES = {"TRX": "TRON"}

COINS = {
    code: Coin(
        code,
        _NAMES.get(code, KNOWN_COINS[code].name),
        KNOWN_COINS[code].networks,
        KNOWN_COINS[code].places,
        _QUOTE_PLACES.get(code, KNOWN_COINS[code].places),
        _RATE_PLACES.get(code, 4),
    )
    for code in (*_LISTED.split(), *sorted(KNOWN_COINS.keys() - set(_LISTED.split())))
}

# Each of these coins was in the list of November 2022 on its own network, USDT on Tron as well. The list of July 2023
# added all other networks except those in `_NEWEST`.
_CHAINS_OF_2022 = ("BTC", "LTC", "BCH", "XRP", "ETH", "DAI", "XLM", "ADA", "USDC", "USDT", "BNB", "BUSD")
_OF_2022 = frozenset({*((code, COINS[code].networks[0]) for code in _CHAINS_OF_2022), ("USDT", "tron")})
_NEWEST = frozenset(
    {
        ("USDT", "solana"), ("USDT", "polygon"), ("USDC", "solana"), ("TON", "ton"), ("POL", "polygon"),
        ("ARB", "arbitrum"),
    }
)  # fmt: skip


def listed_since(code: str, network: str) -> int | None:
    """Return the year of the oldest list that has a coin on a network; None when it is in none."""
    if (code, network) in _NEWEST:
        return None
    return 2022 if (code, network) in _OF_2022 else 2023


@cache
def coins_of(edition: str) -> Mapping[str, Coin]:
    """Return the coins with their networks as they were listed: "as_2022", "as_2023", or "all" that there are."""
    if edition == "all":
        return COINS
    last = int(edition.removeprefix("as_"))
    known = {
        code: tuple(network for network in coin.networks if (listed_since(code, network) or last + 1) <= last)
        for code, coin in COINS.items()
    }
    return {code: replace(COINS[code], networks=networks) for code, networks in known.items() if networks}


_OLDEST_FIRST = (
    "BTC", "LTC", "XRP", "ETH", "BCH", "USDT", "USDC", "DAI", "SHIB", "XLM", "ADA", "BNB", "BUSD", "TRX", "DOGE",
    "SOL",
)  # fmt: skip


def oldest_first(codes: Collection[str]) -> list[str]:
    """Return coins in the order of recorded network fees and refusals, which is not that of GET /api/coins."""
    return [*(code for code in _OLDEST_FIRST if code in codes), *(code for code in codes if code not in _OLDEST_FIRST)]


def currencies_of(coins: Collection[str]) -> tuple[str, ...]:
    """Return what there are accounts in and prices of: every fiat currency, and these coins."""
    return (*FIAT, *coins)


_SIX_DECIMALS = frozenset({"USDT", "USDC"})


def chain_decimals(coin: str, network: str) -> int:
    """Return in how many decimals the chain itself counts: what payment links are written in."""
    if network in {"bnb_smart_chain", "ethereum", "polygon", "arbitrum"}:
        return 6 if coin in _SIX_DECIMALS and network != "bnb_smart_chain" else 18
    return 9 if network == "ton" else COINS[coin].precision


def places_of(currency: str) -> int:
    """Return the decimal places of a fiat currency or a coin; KeyError when it is neither."""
    return FIAT[currency] if currency in FIAT else COINS[currency].precision


def describe_coins(base_url: str, coins: Mapping[str, Coin] = COINS) -> list[dict[str, Any]]:
    """Return the answer of GET /api/coins."""
    return [
        {
            "currency": coin.code,
            "name": coin.name,
            "logo_url": f"{base_url}/logos/{coin.code}.svg",
            "networks": [_describe_network(coin, NETWORKS[name]) for name in coin.networks],
        }
        for coin in coins.values()
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
