"""Finds the coins of an account that this version does not know, or cannot offer."""

from __future__ import annotations

from collections.abc import Iterator

from ...conf import Account, app_settings
from ...gateway.coins import Coins
from ...gateway.lists import Page
from ...gateway.market_answers import Coin
from ..invoices.account_coins import ListedCoin, obstacle_to, read_coins
from .check_result import CheckResult, Level


def judge_coins(coins: Page[Coin], account: Account) -> CheckResult:
    """Compare the gateway's list with the built-in table and CRYPTOPAY_EXTRA_COINS.

    A warning for what customers could choose and is not offered. Coins that CRYPTOPAY_OFFERED_COINS does not name
    are no loss.
    """
    known, wanted = app_settings.coins, app_settings.of(account.name).OFFERED_COINS
    listed = [coin for coin in read_coins(coins) if coin.takes_invoices]
    left_out = [
        f"{coin.choice} is not offered: {why}"
        for coin in listed
        if (why := obstacle_to(coin, known)) and (not wanted or coin.currency in wanted or coin.choice in wanted)
    ]
    unread = [f"an entry cannot be read: {note}" for note in coins.notes]
    remedy = ""
    if left_out or unread:
        remedy = (
            "A newer version of the app may know it. CRYPTOPAY_EXTRA_COINS offers it all the same, and "
            "CRYPTOPAY_OFFERED_COINS names what you do offer."
        )
    found = [f"{len(listed)} coins and networks take invoices", *left_out, *unread, *_news(listed, known)]
    level = Level.WARNING if remedy else Level.OK
    return CheckResult("coins", level, "; ".join(found), remedy, account.name, "not-offered" if remedy else "")


def _news(listed: list[ListedCoin], known: Coins) -> Iterator[str]:
    """Name what is offered although only the gateway's list knows it, or knows it better."""
    for coin in listed:
        precision = known.get(coin.currency, {}).get(coin.network)
        if precision is None and not obstacle_to(coin, known):
            yield f"{coin.choice} is not known to this version, and offered by what the gateway says of it"
        elif precision is not None and precision != coin.precision:
            yield f"{coin.choice} has {coin.precision} decimal places, not {precision} as this version has it"
