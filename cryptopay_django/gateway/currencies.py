"""Checks currencies and amounts of prices and payments, offline. Has the table of fiat currencies.

The coins are in `coins.py`. The gateway has the last word; this module checks what does not need a call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from ..exceptions import AmountError, CurrencyError, NetworkError
from .coins import COINS, Coins
from .field_lengths import AMOUNT_DECIMALS, AMOUNT_INTEGER_DIGITS

_PLAIN_DECIMAL = re.compile(r"[+-]?[0-9]{1,64}(?:\.[0-9]{1,64})?")

_TWO_DECIMALS = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY
    COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR
    MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD
    SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD XCG YER ZAR ZMW ZWG
"""
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"

# ISO 4217, with the decimal places of the minor unit.
FIAT: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(_TWO_DECIMALS.split(), 2),
        **dict.fromkeys(_NO_DECIMALS.split(), 0),
        **dict.fromkeys(_THREE_DECIMALS.split(), 3),
    }
)


def precision_of(currency: str, network: str | None = None, *, coins: Coins = COINS) -> int:
    """Return the number of decimal places in amounts of a currency.

    For a coin: the number on this network, or without a network the largest number on any of its networks. Raises
    CurrencyError or NetworkError if the currency or the network is not known here.
    """
    if currency in FIAT:
        return FIAT[currency]
    check_pay_currency(currency, network, coins=coins)
    networks = coins[currency]
    return networks[network] if network is not None else max(networks.values())


def check_amount(amount: object, currency: str, *, network: str | None = None, coins: Coins = COINS) -> Decimal:
    """Return an amount as an exact Decimal, ready to be stored and sent; raise AmountError if it is not valid.

    A Decimal, an int, and a plain decimal as text are accepted. Zeros after the currency's last decimal place
    are cut, as in Decimal("100.00") JPY; any other digit there is refused, never rounded.
    """
    places = min(precision_of(currency, network, coins=coins), AMOUNT_DECIMALS)
    number = exact_amount(amount)
    if not number.is_finite() or number <= 0:
        raise AmountError(f"the amount must be a number above zero, not {_shown(amount)}")
    if number.adjusted() >= AMOUNT_INTEGER_DIGITS:
        raise AmountError(f"the amount has more than {AMOUNT_INTEGER_DIGITS} digits before the point")
    too_precise = f"{_shown(amount)} is too precise for {currency}, which has {places} decimal places: round it"
    if number.adjusted() < -places:
        raise AmountError(too_precise)
    whole, _, decimals = format(number, "f").partition(".")
    if decimals[places:].strip("0"):
        raise AmountError(too_precise)
    return Decimal(f"{whole}.{decimals[:places]}" if decimals[:places] else whole)


def check_price_currency(currency: str, *, coins: Coins = COINS) -> None:
    """Raise CurrencyError unless a price can be given in this currency, fiat or coin."""
    if currency not in FIAT and currency not in coins:
        raise CurrencyError(
            f"{_shown(currency)} is not a currency known here: use an ISO 4217 code such as EUR, or a coin"
            f"{_hint(currency, coins)}"
        )


def check_pay_currency(currency: str, network: str | None = None, *, coins: Coins = COINS) -> None:
    """Raise CurrencyError unless this is a coin, NetworkError unless it travels on the network, if one is given."""
    if currency not in coins:
        raise CurrencyError(f"{_shown(currency)} is not a coin known here: use one of these{_hint(currency, coins)}")
    if network is not None and network not in coins[currency]:
        raise NetworkError(
            f"{currency} is not on the network {_shown(network)}: use {', '.join(coins[currency])}, or leave it "
            "out. The setting CRYPTOPAY_EXTRA_COINS adds a network that is missing here"
        )


def exact_amount(amount: object) -> Decimal:
    """Return a Decimal, an int, or a plain decimal as text as a Decimal; raise AmountError for anything else."""
    if isinstance(amount, Decimal):
        return amount
    if isinstance(amount, int) and not isinstance(amount, bool):
        return Decimal(amount)
    if isinstance(amount, str):
        if not _PLAIN_DECIMAL.fullmatch(amount):
            raise AmountError(f'{_shown(amount)} is not an amount: write digits and a point, as in "10.50"')
        return Decimal(amount)
    raise AmountError(
        f'an amount cannot be a {type(amount).__name__}: give a Decimal, an int or text such as "10.50", '
        "for a float is not exact"
    )


def _hint(currency: object, coins: Coins) -> str:
    upper = currency.upper() if isinstance(currency, str) else ""
    meant = f" (did you mean {upper}?)" if upper != currency and (upper in coins or upper in FIAT) else ""
    return f" ({', '.join(sorted(coins))}){meant}. The setting CRYPTOPAY_EXTRA_COINS adds a coin that is missing here"


def _shown(value: object) -> str:
    """Cut what a caller gave to a length that fits a message; a long int cannot even be written."""
    if isinstance(value, int) and abs(value) >= 10**AMOUNT_INTEGER_DIGITS:
        return "a very long number"
    text = repr(value) if isinstance(value, str) else str(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 40:
        text = format(value, "f")
    return text if len(text) <= 60 else f"{text[:60]}…"
