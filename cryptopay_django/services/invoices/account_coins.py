"""Reads the coins and networks of an account from the gateway's list, which is kept in Django's cache.

`list_coins` returns the list. `coins_for` returns the built-in table (`gateway/coins.py`). It adds the list to it only
if the table is not enough for a request; then the list's precision wins over the table's.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ...caching import claim, keep, recall
from ...conf import app_settings, client_for, get_account
from ...exceptions import GatewayError
from ...gateway.coins import Coins
from ...gateway.currencies import FIAT
from ...gateway.field_lengths import AMOUNT_DECIMALS
from ...gateway.market_answers import Coin
from ...gateway.tags import LARGEST_TAG

logger = logging.getLogger("cryptopay_django")

_FRESH, _KEPT = 600, 7 * 86_400
_ONE_ASKS_FOR = 15
_FAILURE_KEPT = 5  # Page after page asks while there is no list to serve.


@dataclass(frozen=True, slots=True)
class ListedCoin:
    """One coin on one network, as the gateway lists it. `tag_name` is what its addresses have beside them, or ""."""

    currency: str
    network: str
    coin_name: str
    network_name: str
    precision: int
    tag_name: str
    takes_invoices: bool

    @property
    def choice(self) -> str:
        """The value that a form sends for the coin: "USDT/tron"."""
        return f"{self.currency}/{self.network}"


def obstacle_to(coin: ListedCoin, known: Coins) -> str:
    """Return why customers cannot pay with a coin here, or "" if they can. They can with every coin in `known`."""
    if coin.network in known.get(coin.currency, ()):
        return ""
    if coin.currency in FIAT:
        return "its code is that of a national currency"
    if coin.precision > AMOUNT_DECIMALS:
        return f"it has {coin.precision} decimal places, and {AMOUNT_DECIMALS} can be stored"
    if coin.tag_name and coin.network not in LARGEST_TAG:
        return f"its addresses have a {coin.tag_name}, which this version cannot ask for in a refund"
    return ""


def list_coins(account: str) -> list[ListedCoin]:
    """Return the gateway's list for an account; raise GatewayError if it cannot be read and none is in the cache."""

    def fetch() -> list[tuple[Any, ...]]:
        coins = list(read_coins(client_for(account).list_coins()))
        known = app_settings.coins
        if odd := "; ".join(f"{coin.choice}: {why}" for coin in coins if (why := obstacle_to(coin, known))):
            logger.warning("account %s has coins that are not offered here: %s", account, odd)
        return [
            (
                coin.currency, coin.network, coin.coin_name, coin.network_name, coin.precision, coin.tag_name,
                coin.takes_invoices,
            )
            for coin in coins
        ]  # fmt: skip

    rows = keep_of_account("listed-coins", account, fetch, fresh=_FRESH, kept=_KEPT)
    return [ListedCoin(*row) for row in rows]


def read_coins(coins: Iterable[Coin]) -> Iterator[ListedCoin]:
    """Yield each network of each coin of the gateway's answer."""
    for coin in coins:
        for network in coin.networks:
            tag = network.destination_tag
            yield ListedCoin(
                coin.currency,
                network.network,
                coin.name or coin.currency,
                network.name or network.network,
                network.precision,
                # If the tag's description cannot be read, addresses have a tag all the same.
                tag.name if tag else "tag" if "destination_tag" in network.extra else "",
                network.invoices_enabled,
            )


def coins_for(account: str, *, price_currency: str, pay_currency: str, network: str) -> Coins:
    """Return the coins with their networks and precision, as far as a request needs them; `network` may be "".

    These are the built-in coins and CRYPTOPAY_EXTRA_COINS. The gateway's list is added only for a price in a coin, or
    for a coin or network that is not among these; then its precision wins. If the list cannot be read, nothing is
    added.
    """
    known = app_settings.coins
    if price_currency in FIAT and (
        pay_currency in FIAT or (pay_currency in known and network in ("", *known[pay_currency]))
    ):
        return known
    try:
        listed = list_coins(account)
    except GatewayError as error:
        logger.warning("the coins of account %s are not known: %s", account, error)
        return known
    merged = {coin: dict(networks) for coin, networks in known.items()}
    for coin in listed:
        if not obstacle_to(coin, known):
            merged.setdefault(coin.currency, {})[coin.network] = coin.precision
    return merged


def keep_of_account(what: str, account: str, fetch: Callable[[], Any], *, fresh: int, kept: int) -> Any:
    """Return what is in the cache, or fetch it: one process at a time while there is an old one to serve."""
    configured = get_account(account)
    whose = hashlib.sha256(f"{configured.base_url} {configured.api_key}".encode()).hexdigest()[:16]
    key = f"cryptopay_django:{what}:{account}:{whose}"
    entry = recall(key)
    if entry is not None and (time.time() - entry[0] < fresh or not claim(f"{key}:asked", _ONE_ASKS_FOR)):
        return entry[1]
    failed: tuple[type[GatewayError], str] | None = None if entry is not None else recall(f"{key}:failed")
    if failed is not None:
        raise failed[0](failed[1])
    try:
        value = fetch()
    except GatewayError as error:
        if entry is None:
            keep(f"{key}:failed", (type(error), str(error)), _FAILURE_KEPT)
            raise
        logger.warning("account %s: the %s could not be read, so cached ones are used: %s", account, what, error)
        return entry[1]
    keep(key, (time.time(), value), kept)
    return value
