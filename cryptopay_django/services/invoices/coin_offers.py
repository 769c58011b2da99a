"""Lists the coins and networks with which an order can be paid, and about how much of each coin it takes.

Both lists come from the gateway and are kept in Django's cache (`account_coins.py`). If the gateway does not answer,
the old ones are used. The amounts are approximate; the invoice has the exact one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from django.db import models

from ...conf import app_settings, client_for
from ...exceptions import GatewayError
from ...fields import EXACT
from ..accounts import resolve_account
from .account_coins import keep_of_account, list_coins, obstacle_to

logger = logging.getLogger("cryptopay_django")

_RATES_FRESH, _RATES_KEPT = 60, 900


@dataclass(frozen=True, slots=True)
class Offer:
    """One coin on one network. `amount` is about what the price is in the coin, None where that is not known."""

    currency: str
    network: str
    coin_name: str
    network_name: str
    precision: int
    amount: Decimal | None = None

    @property
    def choice(self) -> str:
        """The value that a form sends for the coin: "USDT/tron"."""
        return f"{self.currency}/{self.network}"


def list_offers(
    *,
    price_amount: Decimal | None = None,
    price_currency: str | None = None,
    account: str | None = None,
    order: models.Model | None = None,
) -> list[Offer]:
    """Return what invoices of an account can be paid with, in the order of CRYPTOPAY_OFFERED_COINS or the gateway's.

    Without `account`, CRYPTOPAY_ACCOUNT_RESOLVER chooses it, by the order and the price. Coins that this version does
    not know are offered too; one that cannot be paid with here is left out and named in the log. Raises GatewayError
    when the coins are not known yet and the gateway does not say; rates that it does not say only leave the amounts
    out.
    """
    if account is None:
        price = {"price_amount": price_amount, "price_currency": price_currency}
        account = resolve_account(order, {name: value for name, value in price.items() if value is not None})
    offers = _wanted(_offers(account), app_settings.of(account).OFFERED_COINS)
    if price_amount is None or price_currency is None:
        return offers
    rates = _rates(account)
    return [
        Offer(
            offer.currency, offer.network, offer.coin_name, offer.network_name, offer.precision,
            _amount(offer, price_amount, price_currency, rates),
        )
        for offer in offers
    ]  # fmt: skip


def find_offer(choice: str, *, account: str | None = None, order: models.Model | None = None) -> Offer | None:
    """Return the offer that a form's choice names, or None if there is no such offer. Raises GatewayError."""
    offers = list_offers(account=account, order=order)
    return next((offer for offer in offers if offer.choice == choice), None)


def _offers(account: str) -> list[Offer]:
    known = app_settings.coins
    return [
        Offer(coin.currency, coin.network, coin.coin_name, coin.network_name, coin.precision)
        for coin in list_coins(account)
        if coin.takes_invoices and not obstacle_to(coin, known)
    ]


def _rates(account: str) -> dict[str, str]:
    """Return what a unit of each base currency is sold for, by pair; empty when nobody knows."""

    def fetch() -> dict[str, str]:
        rates = client_for(account).list_rates()
        return {pair: f"{rate.sell_rate:f}" for pair, rate in rates.items() if "/" in pair}

    try:
        rates: dict[str, str] = keep_of_account("rates", account, fetch, fresh=_RATES_FRESH, kept=_RATES_KEPT)
    except GatewayError as error:
        logger.warning(
            "account %s: the rates could not be read, so coins are offered without amounts: %s", account, error
        )
        return {}
    return rates


def _wanted(offers: Sequence[Offer], wanted: Sequence[str]) -> list[Offer]:
    if not wanted:
        return list(offers)
    chosen = [offer for entry in wanted for offer in offers if entry in (offer.currency, offer.choice)]
    return list(dict.fromkeys(chosen))


def _amount(offer: Offer, price: Decimal, currency: str, rates: dict[str, str]) -> Decimal | None:
    """Return what a price is in a coin, rounded up to its smallest unit."""
    if offer.currency == currency:
        return price
    rate = Decimal(rates.get(f"{offer.currency}/{currency}", "0"))
    if rate <= 0:
        return None
    unit = Decimal(1).scaleb(-offer.precision)
    return EXACT.divide(price, rate).quantize(unit, rounding=ROUND_UP, context=EXACT)
