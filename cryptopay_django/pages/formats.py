"""Formats coins, networks, money and times for people. Only `plain` is for wallets: a value to copy or scan."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils import numberformat, timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language

from ..fields import canonical
from ..gateway.coins import KNOWN_COINS
from ..gateway.currencies import FIAT
from ..gateway.networks import NETWORKS

# Django's formats differ from what people in these languages read. Numbers: no grouping, and a comma in Arabic. Times:
# in Arabic the month first, as in the United States; in Italian capitals; in Japanese no space before the hour; in
# Korean the hour before "a.m.". English is read all over the world, where 06/07 is not the same day: the month is a
# word. The hours of a day are 0 to 23 everywhere.
_OWN_NUMBERS = frozenset({"ar", "zh-hans"})
_OWN_TIMES = {
    "ar": {"SHORT_DATETIME_FORMAT": "Y-m-d H:i", "DATETIME_FORMAT": "j F Y H:i", "TIME_FORMAT": "H:i"},
    "en": {"SHORT_DATETIME_FORMAT": "j M Y, H:i", "DATETIME_FORMAT": "j F Y, H:i", "TIME_FORMAT": "H:i"},
    "it": {"DATETIME_FORMAT": "d/m/Y H:i"},
    "ja": {"DATETIME_FORMAT": "Y年n月j日 G:i"},
    "ko": {"DATETIME_FORMAT": "Y년 n월 j일 H:i", "TIME_FORMAT": "H:i"},
}


def coin_name(currency: str, *, with_code: bool = False) -> str:
    """Return a coin's name, or its code if no name is known. `with_code` returns Bitcoin (BTC)."""
    name = KNOWN_COINS[currency].name if currency in KNOWN_COINS else currency
    return f"{name} ({currency})" if with_code and name != currency else name


def network_name(network: str, currency: str = "") -> str:
    """Return a network's name with the token standard that wallets show: Tron (TRC-20)."""
    known = NETWORKS.get(network)
    if known is None:
        return network.replace("_", " ").title()
    is_token = currency not in ("", known.native)
    return f"{known.title} ({known.standard})" if known.standard and is_token else known.title


def tag_name(network: str) -> str:
    """Return the name that wallets on this network use for the tag or memo."""
    known = NETWORKS.get(network)
    return (known.tag if known else "") or "Destination tag"


def plain(amount: Decimal) -> str:
    """Format an amount for wallets: a decimal point, no grouping, no exponent, no rounding."""
    return f"{canonical(amount):f}"


def shortened(address: str) -> str:
    """Return the beginning and the end of an address: enough to know it again."""
    return f"{address[:8]}…{address[-6:]}" if len(address) > 16 else address


def isolated(text: str) -> str:
    """Return a text that stays in one piece, left to right, within a sentence of any direction. Not for copying."""
    return f"\u2066{text}\u2069"


def money(amount: Decimal, currency: str) -> str:
    """Format a price in the customer's language, with its currency and without rounding."""
    amount = canonical(amount)
    shown = max(FIAT.get(currency, 0), -int(amount.as_tuple().exponent))
    return f"{_number(amount, shown)}\u00a0{currency}"


def about(amount: Decimal, currency: str) -> str:
    """Format the approximate value of a price in a coin, with five digits."""
    digits = max(0, 4 - amount.adjusted())
    places = min(digits, max(0, -int(canonical(amount).as_tuple().exponent)))
    return f"{_number(round(amount, places), places)}\u00a0{currency}"


def decimal_sign() -> str:
    """Return the sign before the decimal places of a price in the customer's language: a point or a comma."""
    return _number(Decimal("0.5"), 1)[1]


def moment(time: datetime, style: str = "SHORT_DATETIME_FORMAT") -> str:
    """Format a time for people: the current time zone, the customer's language.

    `style` may also be DATETIME_FORMAT or TIME_FORMAT.
    """
    own = _OWN_TIMES.get((get_language() or "").partition("-")[0], {})
    return date_format(timezone.localtime(time), own.get(style, style))


def _number(amount: Decimal, places: int) -> str:
    """Format a number with the digits 0-9, grouped, with this many places."""
    if get_language() in _OWN_NUMBERS:
        return numberformat.format(amount, ".", places, 3, ",", force_grouping=True, use_l10n=True)
    return number_format(amount, decimal_pos=places, use_l10n=True, force_grouping=True)
