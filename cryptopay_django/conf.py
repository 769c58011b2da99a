"""Everything a shop can set, each a typed attribute read live, so that `override_settings` just works.

`app_settings.NAME` is the Django setting `CRYPTOPAY_NAME`; `app_settings.of(account).NAME` is what is in force
for one account. `get_account` reads one entry of `CRYPTOPAY_ACCOUNTS`, `client_for` turns it into a client that
is kept a thread.
How a value is checked stands in `options.py`.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac
from requests.adapters import BaseAdapter

from .gateway.calls import API_KEY, check_base_url
from .gateway.client import Client
from .gateway.currencies import COINS
from .options import (
    Option,
    amounts,
    boolean,
    coins,
    count,
    email,
    events,
    explorers,
    fraction,
    function,
    label,
    link,
    mode,
    names,
    offered,
    order_fields,
    pause,
    recipients,
    seconds,
    secret,
    site,
    text,
)
from .redaction import hide_locals

BASE_URLS = {
    "sandbox": "https://business-sandbox.cryptopay.me",
    "production": "https://business.cryptopay.me",
}
_ACCOUNT_NAME = re.compile(r"[a-z0-9_-]{1,32}", re.ASCII)
_KEY_NAME = re.compile(r"[A-Z_]{1,40}", re.ASCII)
ACCOUNT_KEYS = {
    "API_KEY": "The API key, as the account shows it.",
    "API_SECRET": "Its secret: it signs our calls to the gateway.",
    "CALLBACK_SECRETS": "A list of the secrets that callbacks may be signed with, the newest first.",
    "BASE_URL": 'Where the gateway is: "production", "sandbox" (its test environment), or scheme://host[:port].',
    "OPTIONS": 'Settings of this account, without the prefix, as in {"SHOP_NAME": "Tern & Tide"}. May be left out.',
}
"""What an entry of CRYPTOPAY_ACCOUNTS has, and what it means."""


class AppSettings:
    """The settings of the app. Read an attribute to get the checked value in force.

    Those marked `per_account` may have another value in one account: {"OPTIONS": {"SHOP_NAME": "Tern & Tide"}}.
    """

    PROCESSING = Option(
        "request",
        mode,
        "Where a stored callback is processed: at once in the request that brought it, by cryptopay_worker, or as a "
        "task of Django's task framework.",
    )
    TASK_BACKEND = Option(
        "default", text, 'The entry of TASKS that tasks are enqueued with, where CRYPTOPAY_PROCESSING is "task".'
    )
    TASK_QUEUE = Option("default", text, "The queue of that backend that they are put into.")
    REQUEST_BUDGET = Option(
        5.0,
        seconds,
        "Seconds a callback's request may spend on processing; the gateway waits ten for its answer.",
    )
    CONFIRM_WITH_API = Option(
        True,
        boolean,
        "Ask the gateway (GET) before a callback moves a status or adds a transaction, an amount or a risk. What "
        "names an invoice's identity, contradicts it or goes back on its end is checked in any case.",
    )
    SHORTFALL_TOLERANCE = Option(
        Decimal(0),
        fraction,
        "Fraction of the ordered amount by which a settled amount may fall short and still count as paid.",
        per_account=True,
    )
    FULFIL_SHORT_SETTLEMENTS = Option(
        False,
        boolean,
        "Send invoice_completed for a short settlement too. For shops that credit settled_amount to a balance.",
        per_account=True,
    )
    CONNECT_TIMEOUT = Option(3.05, seconds, "Seconds to wait for a connection to the gateway.")
    TOTAL_TIMEOUT = Option(10.0, seconds, "Seconds one call to the gateway may take, retries of a GET included.")
    EXTRA_COINS: Option[Mapping[str, Mapping[str, int]]] = Option(
        {},
        coins,
        'Coins and networks that the built-in list lacks: {"SOL": {"solana": 9}} (coin, network, decimal places).',
    )
    HTTP_ADAPTER: Option[Callable[[str], BaseAdapter] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an account's name and returns the `requests` adapter to use.",
    )

    FOUR_EYES_ABOVE: Option[Mapping[str, Decimal]] = Option(
        {},
        amounts,
        'Amounts by price currency, as in {"EUR": Decimal(1000)}: a settlement or refund of more waits for a second '
        "person. Currencies that are not named need none.",
        per_account=True,
    )
    MONITORING_CONTACT = Option(
        "the service's support",
        text,
        "Whom staff contact about a payment on hold (illicit_resource): an address, a name, a telephone number.",
        per_account=True,
    )
    NOTICE_RECIPIENTS: Option[Mapping[str, Sequence[str]]] = Option(
        {},
        recipients,
        "E-mail addresses by kind of notice: unresolved, held, quarantined, high_risk, undelivered, "
        "unknown_resolution.",
        per_account=True,
    )
    NOTICE_INTERVAL = Option(
        900.0,
        seconds,
        "Seconds between two notices of a kind; what happens in between is told in one digest.",
    )
    NOTICE_FAILED_DELIVERIES = Option(
        5,
        count,
        "After how many failed deliveries of an event, to receivers or to one handler, the teams are told.",
    )
    REQUIRED_EVENTS: Option[Sequence[str]] = Option(
        ("invoice_completed",),
        events,
        "Events that a shop must not miss. Where neither a receiver nor a handler is connected to one, it stays "
        "pending, and `check` and the doctor say so. Other events without a receiver count as delivered.",
    )
    SEPARATE_DATABASES: Option[Sequence[str]] = Option(
        (),
        names,
        "Databases beside that of this app which the project writes to, and receivers do not, or only together with "
        "`event.uuid`: what cryptopay.E016 accepts.",
    )
    HANDLER_ATTEMPTS = Option(
        15,
        count,
        "After how many failed calls a durable handler is given up for an event, until somebody tries it again. "
        "The pauses grow from ten seconds to an hour: fifteen calls are six and a half hours.",
    )
    NOTIFIER: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "What sends a notice: a callable (or its dotted path) for a Notice and its recipients. Default: e-mail.",
    )
    SITE_URL = Option(
        "",
        site,
        "Where the site is, as in https://shop.example: links in notices begin with it. Empty: no links.",
    )

    BLOCK_EXPLORERS: Option[Mapping[str, str]] = Option(
        {},
        explorers,
        'Where staff look a transaction up, by network: {"bitcoin": "https://explorer.example/tx/{txid}"}.',
    )
    ORDER_SEARCH: Option[Mapping[str, str]] = Option(
        {},
        order_fields,
        'By which field of which model staff find an order\'s invoices: {"shop.Order": "reference"}. It is compared '
        "in full; give the field an index.",
    )

    SHOP_NAME = Option(
        "",
        label,
        "What the payment page calls the shop. Empty: the invoice's own name.",
        per_account=True,
    )
    SUPPORT_EMAIL = Option(
        "",
        email,
        "Whom customers ask about a payment: an address that the payment page shows.",
        per_account=True,
    )
    SUPPORT_URL = Option(
        "",
        link,
        "Where customers ask about a payment: a page that the payment page links to.",
        per_account=True,
    )
    NEW_INVOICE_URL: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an invoice and returns the URL where its customer gets a new one. "
        "Default: the invoice's unsuccess_redirect_url.",
    )
    OFFERED_COINS: Option[Sequence[str]] = Option(
        (),
        offered,
        'What customers may choose to pay with, in this order: ["BTC", "USDT/tron"]. Empty: all that the account has.',
        per_account=True,
    )
    MAX_STREAMS = Option(
        1000,
        count,
        "How many payment pages one ASGI process keeps informed by server-sent events; further ones poll.",
    )

    RETENTION_DAYS = Option(
        365,
        count,
        "After how many days cryptopay_prune deletes processed callbacks and delivered events.",
    )
    RECONCILE_INTERVAL = Option(
        300.0,
        pause,
        "Seconds between two rounds in which cryptopay_worker asks the gateway about open invoices, the older the "
        "less often. 0: never.",
    )
    MONITORING_TOKEN = Option(
        "",
        secret,
        "What monitoring sends as `Authorization: Bearer ...` to see figures of cryptopay_django.health_urls. "
        "Empty: nobody sees them.",
    )
    ACCOUNT_RESOLVER: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "A callable (or its dotted path) that takes an order (or None) and a mapping of what is known of the request, "
        'and returns the name of the account for it. Default: the account "default".',
    )

    CHECKLIST_ORDER: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "For cryptopay_checklist: a callable (or its dotted path) that takes a django.test.Client, places an order "
        "with the shop's own code, and returns its Invoice.",
    )
    CHECKLIST_PROBE: Option[Callable[..., Any] | None] = Option(
        None,
        function,
        "For cryptopay_checklist: a callable (or its dotted path) that takes an Invoice and returns the total that "
        "the shop has credited for it, in the price currency.",
    )

    def __init__(self, account: str | None = None) -> None:
        self.account = account

    def of(self, account: str) -> AppSettings:
        """Return the settings in force for one account: its own OPTIONS, and the general ones for the rest."""
        return AppSettings(account)

    @property
    def coins(self) -> Mapping[str, Mapping[str, int]]:
        """The built-in coins with those of EXTRA_COINS laid over them."""
        merged = {coin: dict(networks) for coin, networks in COINS.items()}
        for coin, networks in self.EXTRA_COINS.items():
            merged.setdefault(coin, {}).update(networks)
        return merged


app_settings = AppSettings()


def is_development() -> bool:
    """Return whether DEBUG is on, or was before Django's test runner switched it off for its tests."""
    test_state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return bool(settings.DEBUG or getattr(getattr(test_state, "saved_data", None), "debug", False))


@dataclass(frozen=True, slots=True)
class Account:
    """One entry of `CRYPTOPAY_ACCOUNTS`. Its repr shows no secret."""

    name: str
    base_url: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    callback_secrets: tuple[str, ...] = field(repr=False)

    @property
    def environment(self) -> str:
        """The gateway that it is an account of: "sandbox", "production", or the host, and port, of another one."""
        return _environment(self.base_url)

    @property
    def secret_marks(self) -> tuple[str, ...]:
        """A name for each callback secret, from which nobody without SECRET_KEY can tell the secret."""
        return tuple(_mark(secret, settings.SECRET_KEY) for secret in self.callback_secrets)


@lru_cache(maxsize=64)
def _environment(base_url: str) -> str:
    """Return the name of the gateway at a URL, however that is spelled."""
    parts = urlsplit(base_url)
    for name, url in BASE_URLS.items():
        if (parts.hostname, parts.port or 443) == (urlsplit(url).hostname, 443):
            return name
    return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"


@lru_cache(maxsize=64)
@hide_locals
def _mark(secret: str, key: str) -> str:
    return salted_hmac(__name__, secret, key, algorithm="sha256").hexdigest()[:16]


_read: dict[str, tuple[object, Account]] = {}
"""Accounts by name, each with the content of the entry that it was read from."""


@hide_locals
def get_account(name: str) -> Account:
    """Return the account of this name; raise ImproperlyConfigured, naming the setting, when it is not right.

    Each callback asks for it: an entry is checked once, and again when it has changed.
    """
    accounts = _accounts()
    if name not in accounts:
        known = ", ".join(sorted(accounts)) or "none"
        raise ImproperlyConfigured(f'CRYPTOPAY_ACCOUNTS has no account "{name}" (it has: {known})')
    content = _content(accounts[name])
    if (before := _read.get(name)) and before[0] == content:
        return before[1]
    account = _read_account(name, accounts[name])
    _read[name] = content, account
    return account


def _content(entry: object) -> object:
    """Return a copy of as much of an entry as an account is read from: of its OPTIONS the names."""
    if not isinstance(entry, dict):
        return entry
    return {
        key: tuple(value) if isinstance(value, list | tuple) else set(value) if isinstance(value, Mapping) else value
        for key, value in entry.items()
    }


def _read_account(name: str, entry: object) -> Account:
    where = f'CRYPTOPAY_ACCOUNTS["{name}"]'
    if not _ACCOUNT_NAME.fullmatch(name):
        raise ImproperlyConfigured(f"{where}: a name is 1 to 32 of a-z, 0-9, - and _, for it is part of a URL")
    if not isinstance(entry, dict):
        raise ImproperlyConfigured(f"{where} must be a dictionary with {', '.join(sorted(ACCOUNT_KEYS))}")
    if unknown := set(entry) - set(ACCOUNT_KEYS):
        raise ImproperlyConfigured(f"{where} has keys that mean nothing: {_key_names(unknown)}")
    for key in ("API_KEY", "API_SECRET"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise ImproperlyConfigured(f'{where}["{key}"] must be a non-empty string')
    if not API_KEY.fullmatch(entry["API_KEY"]):
        raise ImproperlyConfigured(f'{where}["API_KEY"] must be visible ASCII characters without a space')
    _check_own_options(where, entry.get("OPTIONS", {}))
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


def _key_names(unknown: Iterable[object]) -> str:
    """Return the keys that look like names. Another may be a secret that stands where a name should."""
    names = sorted(key if isinstance(key, str) and _KEY_NAME.fullmatch(key) else "(not a name)" for key in unknown)
    return ", ".join(dict.fromkeys(names))


def _check_own_options(where: str, own: object) -> None:
    """Raise ImproperlyConfigured for what is no option of an account. Their values are checked when they are read."""
    if not isinstance(own, Mapping):
        raise ImproperlyConfigured(f'{where}["OPTIONS"] must be a dictionary, such as {{"SHOP_NAME": "Tern & Tide"}}')
    known = {name for name, option in vars(AppSettings).items() if isinstance(option, Option) and option.per_account}
    if unknown := set(own) - known:
        raise ImproperlyConfigured(
            f'{where}["OPTIONS"] has {_key_names(unknown)}, which cannot be set for one account; these can: '
            f"{', '.join(sorted(known))}"
        )


@hide_locals
def account_names() -> list[str]:
    """Return the names of all configured accounts; raise ImproperlyConfigured when there is no such mapping."""
    return list(_accounts())


def _accounts() -> Mapping[str, Any]:
    accounts = getattr(settings, "CRYPTOPAY_ACCOUNTS", None)
    # A dictionary, for of other mappings Django's error report would show the secrets: it hides by key.
    if not isinstance(accounts, dict) or not all(isinstance(name, str) for name in accounts):
        raise ImproperlyConfigured(
            'CRYPTOPAY_ACCOUNTS must be a dictionary such as {"default": {"API_KEY": ..., "API_SECRET": ..., '
            '"CALLBACK_SECRETS": [...], "BASE_URL": "sandbox"}}'
        )
    return accounts


def _base_url(where: str, value: object) -> str:
    url = BASE_URLS.get(value, value) if isinstance(value, str) else ""
    try:
        check_base_url(url)
    except ValueError as error:
        raise ImproperlyConfigured(
            f'{where}["BASE_URL"] must be "sandbox", "production", or scheme://host[:port] without a user or a path'
        ) from error
    return url.rstrip("/")


_kept = threading.local()


@hide_locals
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
