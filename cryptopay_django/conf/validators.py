"""Checks the values of settings. Each function returns the value to use, or raises TypeError.

Its docstring is the type in docs/settings.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.dispatch import Signal
from django.utils.module_loading import import_string

from .. import signals
from ..gateway.currencies import FIAT

_SHORTEST_SECRET = 20

NOTICE_KINDS = ("unresolved", "held", "quarantined", "high_risk", "undelivered", "approval", "unknown_resolution")

MAILS = ("created", "partly_paid", "expired", "paid", "review", "refunded")
"""The mails to a customer, in the order of a payment."""

EVENT_KINDS = tuple(
    name for name, value in vars(signals).items() if isinstance(value, Signal) and name != "notice_sent"
)


def boolean(value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise TypeError("True or False")
    return value


def seconds(value: object) -> float:
    """A positive number of seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise TypeError("a positive number of seconds")
    return float(value)


def pause(value: object) -> float:
    """A number of seconds, or 0 for never."""
    return 0.0 if value == 0 and not isinstance(value, bool) else seconds(value)


def fraction(value: object) -> Decimal:
    """A Decimal from 0 up to, but not including, 1."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not 0 <= value < 1:
        raise TypeError('a Decimal from 0 up to, but not including, 1, such as Decimal("0.005")')
    return Decimal(value)


def mode(value: object) -> str:
    """One of "request", "worker" and "task"."""
    if value not in ("request", "worker", "task"):
        raise TypeError('"request", "worker" or "task"')
    return str(value)


def coins(value: object) -> Mapping[str, Mapping[str, int]]:
    """Decimal places by coin and network."""
    if not isinstance(value, Mapping) or not all(
        isinstance(coin, str)
        and isinstance(networks, Mapping)
        and all(isinstance(name, str) and isinstance(places, int) for name, places in networks.items())
        for coin, networks in value.items()
    ):
        raise TypeError('a mapping such as {"SOL": {"solana": 9}}: coin, network, decimal places')
    return value


def function(value: object) -> Callable[..., Any] | None:
    """A callable, the dotted path of one, or None."""
    if isinstance(value, str):
        try:
            value = import_string(value)
        except ImportError as error:
            raise TypeError(f"importable ({error})") from error
    if value is not None and not callable(value):
        raise TypeError("None, a callable, or the dotted path of one")
    return value


def text(value: object) -> str:
    """Text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise TypeError("a text that is not empty")
    return value


def secret(value: object) -> str:
    """At least 20 ASCII characters, or nothing."""
    if not isinstance(value, str) or 0 < len(value) < _SHORTEST_SECRET or not value.isascii():
        raise TypeError(f"empty, or at least {_SHORTEST_SECRET} ASCII characters")
    return value


def count(value: object) -> int:
    """A whole number, 1 at least."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise TypeError("a whole number from 1 on")
    return value


def amounts(value: object) -> Mapping[str, Decimal]:
    """Amounts by currency."""
    if not isinstance(value, Mapping) or not all(
        isinstance(currency, str)
        and isinstance(amount, (int, Decimal))
        and not isinstance(amount, bool)
        and Decimal(amount).is_finite()
        and amount >= 0
        for currency, amount in value.items()
    ):
        raise TypeError('a mapping such as {"EUR": Decimal(1000)}: price currency, amount')
    return {currency: Decimal(amount) for currency, amount in value.items()}


def recipients(value: object) -> Mapping[str, Sequence[str]]:
    """Lists of e-mail addresses by kind of notice."""
    if not isinstance(value, Mapping) or not all(
        kind in NOTICE_KINDS
        and isinstance(addresses, (list, tuple))
        and all(isinstance(address, str) and "@" in address for address in addresses)
        for kind, addresses in value.items()
    ):
        raise TypeError(
            f'a mapping such as {{"held": ["fraud@shop.example"]}}; the kinds are {", ".join(NOTICE_KINDS)}'
        )
    return value


def events(value: object) -> Sequence[str]:
    """A list of events."""
    if not isinstance(value, (list, tuple)) or not all(kind in EVENT_KINDS for kind in value):
        raise TypeError(f'a list such as ["invoice_completed"]; the events are {", ".join(EVENT_KINDS)}')
    return value


def mails(value: object) -> Sequence[str]:
    """A list of mails."""
    if not isinstance(value, (list, tuple)) or not all(name in MAILS for name in value):
        raise TypeError(f'a list such as ["paid", "refunded"]; the mails are {", ".join(MAILS)}')
    return value


def sender(value: object) -> str:
    """An e-mail address, alone or with a name, or nothing."""
    if not isinstance(value, str) or (value and not re.fullmatch(r"[^@\n\r]+@[^@\n\r]+", value)):
        raise TypeError('empty, or such as "Tern & Tide <pay@shop.example>"')
    return value


def days(value: object) -> int:
    """A whole number of days, or 0 for none."""
    return 0 if value == 0 and not isinstance(value, bool) else count(value)


def site(value: object) -> str:
    """The address of a site, or nothing."""
    if not isinstance(value, str) or (value and urlsplit(value).scheme not in ("http", "https")):
        raise TypeError('empty, or such as "https://shop.example"')
    return value.rstrip("/")


def policy(value: object) -> Mapping[str, str | None] | None:
    """Directives of a Content-Security-Policy by name, or None."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(
        isinstance(name, str)
        and re.fullmatch(r"[a-z][a-z-]*", name)
        and (sources is None or (isinstance(sources, str) and re.fullmatch(r"[ -:<-~]*", sources)))
        for name, sources in value.items()
    ):
        raise TypeError("""None, or a mapping such as {"frame-ancestors": "'self'"}: directive, sources""")
    return value


def fonts(value: object) -> Mapping[str, str]:
    """Font files by language."""
    if not isinstance(value, Mapping) or not all(
        isinstance(language, str) and isinstance(path, str) and Path(path).is_file()
        for language, path in value.items()
    ):
        raise TypeError(
            'a mapping such as {"": "/fonts/DejaVuSans.ttf", "ar": ...}: language, a font file that exists'
        )
    return value


def explorers(value: object) -> Mapping[str, str | None]:
    """URLs with {txid} by network, or None for a network."""
    if not isinstance(value, Mapping) or not all(
        isinstance(network, str)
        and (
            template is None
            or (isinstance(template, str) and urlsplit(template).scheme in ("http", "https") and "{txid}" in template)
        )
        for network, template in value.items()
    ):
        raise TypeError('a mapping such as {"bitcoin": "https://explorer.example/tx/{txid}"}: network, URL')
    return value


def order_fields(value: object) -> Mapping[str, str]:
    """Names of fields by model."""
    if not isinstance(value, Mapping) or not all(
        isinstance(label, str) and label.count(".") == 1 and isinstance(name, str) and name
        for label, name in value.items()
    ):
        raise TypeError('a mapping such as {"shop.Order": "reference"}: model, field')
    return value


def label(value: object) -> str:
    """One line of text, or nothing."""
    if not isinstance(value, str) or len(value.splitlines()) > 1:
        raise TypeError("one line of text, or empty")
    return value.strip()


def fiat(value: object) -> str:
    """The code of a fiat currency."""
    if not isinstance(value, str) or value not in FIAT:
        raise TypeError('the code of a fiat currency, such as "EUR"')
    return value


def email(value: object) -> str:
    """An e-mail address, or nothing."""
    if not isinstance(value, str) or (value and not re.fullmatch(r"[^@\s<>?&]+@[^@\s<>?&]+", value)):
        raise TypeError('empty, or an address such as "help@shop.example"')
    return value


def link(value: object) -> str:
    """The URL of a page, or nothing."""
    if not isinstance(value, str) or (value and urlsplit(value).scheme not in ("http", "https")):
        raise TypeError('empty, or such as "https://shop.example/help"')
    return value


def names(value: object) -> Sequence[str]:
    """A list of names."""
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        raise TypeError('a list of names, such as ["analytics"]')
    return value


def price_currencies(value: object) -> Sequence[str]:
    """A list of national currencies, at least one."""
    if (
        not isinstance(value, (list, tuple))
        or not value
        or not all(isinstance(entry, str) and entry in FIAT for entry in value)
    ):
        raise TypeError('a list of ISO 4217 codes with at least one, such as ["EUR"]')
    return value


def offered(value: object) -> Sequence[str]:
    """A list of coins, each alone or with one network."""
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(entry, str) and re.fullmatch(r"[A-Z0-9]+(/[a-z0-9_]+)?", entry) for entry in value
    ):
        raise TypeError('a list such as ["BTC", "USDT/tron"]: a coin on all its networks, or on one')
    return value
