"""Writes coins, networks and money for people. What is copied or scanned is never written here."""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import number_format

from ..fields import canonical
from ..gateway.currencies import FIAT

COIN_NAMES = {
    "ADA": "Cardano", "ARB": "Arbitrum", "BCH": "Bitcoin Cash", "BNB": "BNB", "BTC": "Bitcoin", "BUSD": "Binance USD",
    "DAI": "Dai", "DOGE": "Dogecoin", "ETH": "Ethereum", "LTC": "Litecoin", "POL": "Polygon", "SHIB": "Shiba Inu",
    "SOL": "Solana", "TON": "Toncoin", "TRX": "Tron", "USDC": "USD Coin", "USDT": "Tether", "XLM": "Stellar Lumens",
    "XRP": "XRP",
}  # fmt: skip

NETWORK_NAMES = {
    "arbitrum": "Arbitrum One", "bitcoin": "Bitcoin", "bitcoin_cash": "Bitcoin Cash",
    "bnb_smart_chain": "BNB Smart Chain", "cardano": "Cardano", "dogecoin": "Dogecoin", "ethereum": "Ethereum",
    "litecoin": "Litecoin", "polygon": "Polygon", "ripple": "XRP Ledger", "solana": "Solana", "stellar": "Stellar",
    "ton": "TON", "tron": "Tron",
}  # fmt: skip

# What wallets and exchanges call a token on these networks.
_TOKEN_STANDARDS = {"ethereum": ("ERC-20", "ETH"), "bnb_smart_chain": ("BEP-20", "BNB"), "tron": ("TRC-20", "TRX")}

TAG_NAMES = {"stellar": "Memo ID", "ton": "Memo"}
"""What wallets call the number beside the address; "Destination tag" where nothing is said here."""


def coin_name(currency: str, *, with_code: bool = False) -> str:
    """Return a coin's name, or its code where it has none here; `with_code`: Bitcoin (BTC)."""
    name = COIN_NAMES.get(currency, currency)
    return f"{name} ({currency})" if with_code and name != currency else name


def network_name(network: str, currency: str = "") -> str:
    """Return a network's name with the token standard by which wallets list it: Tron (TRC-20)."""
    name = NETWORK_NAMES.get(network) or network.replace("_", " ").title()
    standard, native = _TOKEN_STANDARDS.get(network, ("", ""))
    return f"{name} ({standard})" if standard and currency and currency != native else name


def tag_name(network: str) -> str:
    """Return what wallets on this network call the number beside the address."""
    return TAG_NAMES.get(network, "Destination tag")


def plain(amount: Decimal) -> str:
    """Write an amount as wallets take it: a point, no grouping, no exponent, nothing rounded."""
    return f"{canonical(amount):f}"


def money(amount: Decimal, currency: str) -> str:
    """Write a price in the customer's language, with its currency; never rounded."""
    amount = canonical(amount)
    shown = max(FIAT.get(currency, 0), -int(amount.as_tuple().exponent))
    number = number_format(amount, decimal_pos=shown, use_l10n=True, force_grouping=True)
    return f"{number}\u00a0{currency}"


def about(amount: Decimal, currency: str) -> str:
    """Write what a price is worth in a coin at the moment: five digits are enough for an indication."""
    digits = max(0, 4 - amount.adjusted())
    places = min(digits, max(0, -int(canonical(amount).as_tuple().exponent)))
    number = number_format(round(amount, places), decimal_pos=places, use_l10n=True, force_grouping=True)
    return f"{number}\u00a0{currency}"
