"""Everything a shop can set, each a typed attribute read live, so that `override_settings` just works.

`app_settings.NAME` is the Django setting `CRYPTOPAY_NAME`. `get_account` reads one entry of
`CRYPTOPAY_ACCOUNTS`, `client_for` turns it into a client that is kept a thread.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string
from requests.adapters import BaseAdapter

from .gateway.client import Client
from .gateway.currencies import COINS

T = TypeVar("T")

BASE_URLS = {
    "sandbox": "https://business-sandbox.cryptopay.me",
    "production": "https://business.cryptopay.me",
}
_ACCOUNT_NAME = re.compile(r"[a-z0-9_-]{1,32}", re.ASCII)
_ACCOUNT_KEYS = {"API_KEY", "API_SECRET", "CALLBACK_SECRETS", "BASE_URL"}


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError("True or False")
    return value


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        raise TypeError("a positive number of seconds")
    return float(value)


def _fraction(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not 0 <= value < 1:
        raise TypeError('a Decimal from 0 up to, but not including, 1, such as Decimal("0.005")')
    return Decimal(value)


def _mode(value: object) -> str:
    if value not in ("request", "worker"):
        raise TypeError('"request" or "worker"')
    return str(value)


def _coins(value: object) -> Mapping[str, Mapping[str, int]]:
    if not isinstance(value, Mapping) or not all(
        isinstance(coin, str)
        and isinstance(networks, Mapping)
        and all(isinstance(name, str) and isinstance(places, int) for name, places in networks.items())
        for coin, networks in value.items()
    ):
        raise TypeError('a mapping such as {"SOL": {"solana": 9}}: coin, network, decimal places')
    return value


def _adapter(value: object) -> Callable[[str], BaseAdapter] | None:
    if isinstance(value, str):
        try:
            value = import_string(value)
        except ImportError as error:
            raise TypeError(f"importable ({error})") from error
    if value is not None and not callable(value):
        raise TypeError("None, a callable that takes an account's name, or the dotted path of one")
    return value


class Option(Generic[T]):
    """One `CRYPTOPAY_*` setting: its default, how it is checked, and what it means."""

    def __init__(self, default: T, check: Callable[[object], T], help_text: str) -> None:
        self.default = default
        self.check = check
        self.help_text = help_text

    def __set_name__(self, owner: type, name: str) -> None:
        self.setting = f"CRYPTOPAY_{name}"

    def __get__(self, instance: object, owner: type) -> T:
        value = getattr(settings, self.setting, self.default)
        try:
            return self.check(value)
        except TypeError as error:
            raise ImproperlyConfigured(f"{self.setting} must be {error}, not {value!r}") from error


class AppSettings:
    """The settings of the app. Read an attribute to get the checked value in force."""

    PROCESSING = Option(
        "request",
        _mode,
        "Where a stored callback is processed: at once in the request that brought it, or by cryptopay_worker.",
    )
    REQUEST_BUDGET = Option(
        5.0,
        _seconds,
        "Seconds a callback's request may spend on processing; the gateway waits ten for its answer.",
    )
    CONFIRM_WITH_API = Option(
        True,
        _boolean,
        "Ask the gateway (GET) before a callback may finish an invoice. A callback that contradicts a finished "
        "invoice is checked in any case.",
    )
    SHORTFALL_TOLERANCE = Option(
        Decimal(0),
        _fraction,
        "Fraction of the ordered amount by which a settled amount may fall short and still count as paid.",
    )
    FULFIL_SHORT_SETTLEMENTS = Option(
        False,
        _boolean,
        "Send invoice_completed for a short settlement too. For shops that credit settled_amount to a balance.",
    )
    CONNECT_TIMEOUT = Option(3.05, _seconds, "Seconds to wait for a connection to the gateway.")
    TOTAL_TIMEOUT = Option(10.0, _seconds, "Seconds one call to the gateway may take, retries of a GET included.")
    EXTRA_COINS: Option[Mapping[str, Mapping[str, int]]] = Option(
        {},
        _coins,
        'Coins and networks that the built-in list lacks: {"SOL": {"solana": 9}} (coin, network, decimal places).',
    )
    HTTP_ADAPTER: Option[Callable[[str], BaseAdapter] | None] = Option(
        None,
        _adapter,
        "A callable (or its dotted path) that takes an account's name and returns the `requests` adapter to use.",
    )

    @property
    def coins(self) -> Mapping[str, Mapping[str, int]]:
        """The built-in coins with those of EXTRA_COINS laid over them."""
        merged = {coin: dict(networks) for coin, networks in COINS.items()}
        for coin, networks in self.EXTRA_COINS.items():
            merged.setdefault(coin, {}).update(networks)
        return merged


app_settings = AppSettings()


@dataclass(frozen=True, slots=True)
class Account:
    """One entry of `CRYPTOPAY_ACCOUNTS`. Its repr shows no secret."""

    name: str
    base_url: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    callback_secrets: tuple[str, ...] = field(repr=False)


def get_account(name: str) -> Account:
    """Return the account of this name; raise ImproperlyConfigured, naming the setting, when it is not right."""
    accounts = _accounts()
    if name not in accounts:
        known = ", ".join(sorted(accounts)) or "none"
        raise ImproperlyConfigured(f'CRYPTOPAY_ACCOUNTS has no account "{name}" (it has: {known})')
    where = f'CRYPTOPAY_ACCOUNTS["{name}"]'
    entry = accounts[name]
    if not _ACCOUNT_NAME.fullmatch(name):
        raise ImproperlyConfigured(f"{where}: a name is 1 to 32 of a-z, 0-9, - and _, for it is part of a URL")
    if not isinstance(entry, Mapping):
        raise ImproperlyConfigured(f"{where} must be a dictionary with {', '.join(sorted(_ACCOUNT_KEYS))}")
    if unknown := set(entry) - _ACCOUNT_KEYS:
        raise ImproperlyConfigured(f"{where} has keys that mean nothing: {', '.join(sorted(map(str, unknown)))}")
    for key in ("API_KEY", "API_SECRET"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise ImproperlyConfigured(f'{where}["{key}"] must be a non-empty string')
    secrets = entry.get("CALLBACK_SECRETS")
    if (
        not isinstance(secrets, (list, tuple))
        or not secrets
        or not all(isinstance(secret, str) and secret for secret in secrets)
    ):
        raise ImproperlyConfigured(
            f'{where}["CALLBACK_SECRETS"] must be a list of non-empty strings, the newest secret first'
        )
    return Account(
        name, _base_url(where, entry.get("BASE_URL")), entry["API_KEY"], entry["API_SECRET"], tuple(secrets)
    )


def account_names() -> list[str]:
    """Return the names of all configured accounts; raise ImproperlyConfigured when there is no such mapping."""
    return list(_accounts())


def _accounts() -> Mapping[str, Any]:
    accounts = getattr(settings, "CRYPTOPAY_ACCOUNTS", None)
    if not isinstance(accounts, Mapping) or not all(isinstance(name, str) for name in accounts):
        raise ImproperlyConfigured(
            'CRYPTOPAY_ACCOUNTS must be a dictionary such as {"default": {"API_KEY": ..., "API_SECRET": ..., '
            '"CALLBACK_SECRETS": [...], "BASE_URL": "sandbox"}}'
        )
    return accounts


def _base_url(where: str, value: object) -> str:
    url = BASE_URLS.get(value, value) if isinstance(value, str) else ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ImproperlyConfigured(
            f'{where}["BASE_URL"] must be "sandbox", "production", or scheme://host[:port] without a path'
        )
    return url.rstrip("/")


_kept = threading.local()


def client_for(account_name: str) -> Client:
    """Return this thread's client for an account, with its pool of connections; made anew when settings change.

    The process id is part of the key: a connection must not be shared across a fork.
    """
    account = get_account(account_name)
    adapter = app_settings.HTTP_ADAPTER
    key = (os.getpid(), account, adapter, app_settings.CONNECT_TIMEOUT, app_settings.TOTAL_TIMEOUT)
    clients: dict[str, tuple[Any, Client]] = _kept.__dict__.setdefault("clients", {})
    if account_name not in clients or clients[account_name][0] != key:
        clients[account_name] = (
            key,
            Client(
                account.api_key,
                account.api_secret,
                account.base_url,
                adapter=adapter(account_name) if adapter else None,
                connect_timeout=app_settings.CONNECT_TIMEOUT,
                total_timeout=app_settings.TOTAL_TIMEOUT,
            ),
        )
    return clients[account_name][1]
