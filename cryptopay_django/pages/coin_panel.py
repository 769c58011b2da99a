"""Builds the context of the list of coins: one entry for each coin, with its networks. The view: `choose_coin.py`."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils.translation import ngettext

from ..gateway.coins import KNOWN_COINS
from ..gateway.networks import NETWORKS
from ..services.invoices.coin_offers import Offer
from .formats import about, coin_name, network_name

FIELD = "coin"
COOKIE = "cryptopay_coin"


def remembered(request: HttpRequest | None) -> str:
    """Return the customer's last choice, as a form sends it. It may not be offered any more."""
    return request.COOKIES.get(COOKIE, "") if request else ""


def choice_context(offers: Iterable[Offer], *, chosen: str) -> dict[str, Any]:
    """Return the context of `coin_choice.html`."""
    coins: dict[str, dict[str, Any]] = {}
    for offer in offers:
        coin = coins.setdefault(offer.currency, _coin(offer))
        coin["networks"].append(
            {
                "choice": offer.choice,
                "name": _network(offer),
                "is_chosen": offer.choice == chosen,
            }
        )
        coin["is_chosen"] |= offer.choice == chosen
    for coin in coins.values():
        count = len(coin["networks"])
        coin["hint"] = (
            coin["networks"][0]["name"] if count == 1 else ngettext("%(count)d network", "%(count)d networks", count)
        ) % {"count": count}
    return {"coins": list(coins.values()), "field": FIELD}


def _coin(offer: Offer) -> dict[str, Any]:
    return {
        "currency": offer.currency,
        "name": coin_name(offer.currency) if offer.currency in KNOWN_COINS else offer.coin_name,
        "about": _about(offer.amount, offer.currency),
        "networks": [],
        "is_chosen": False,
    }


def _network(offer: Offer) -> str:
    return network_name(offer.network, offer.currency) if offer.network in NETWORKS else offer.network_name


def _about(amount: Decimal | None, currency: str) -> str:
    return "" if amount is None else f"≈\u00a0{about(amount, currency)}"
