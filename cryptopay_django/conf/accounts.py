"""Reads and checks `CRYPTOPAY_ACCOUNTS`: the gateway's URL and the credentials of each account."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac

from ..exceptions import AccountMissingError
from ..gateway.credentials import API_KEY, check_base_url
from ..redaction import hide_locals
from .option_descriptor import Option, read_accounts
from .settings import AppSettings

BASE_URLS = {
    "sandbox": "https://business-sandbox.cryptopay.me",
    "production": "https://business.cryptopay.me",
}
_ACCOUNT_NAME = re.compile(r"[a-z0-9_-]{1,32}", re.ASCII)
_KEY_NAME = re.compile(r"[A-Z_]{1,40}", re.ASCII)
# Stored callbacks have marks made with this salt. If it changed, the doctor could not match them to secrets.
_SALT = "cryptopay_django.conf"
ACCOUNT_KEYS = {
    "API_KEY": "The API key of the account.",
    "API_SECRET": "The secret of the API key. It signs our calls to the gateway.",
    "CALLBACK_SECRETS": "A list of the secrets that sign callbacks, the newest first.",
    "BASE_URL": 'The gateway: "production", "sandbox" (its test environment), or scheme://host[:port].',
    "OPTIONS": 'Settings of this account, without the prefix, as in {"SHOP_NAME": "Tern & Tide"}. Optional.',
}
"""The keys of an entry of CRYPTOPAY_ACCOUNTS, and their meanings."""


class UnknownAccountError(AccountMissingError, ImproperlyConfigured):
    """An account that is not there: for pages an error that they explain, for Django a wrong setting."""


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
        """The gateway of this account: "sandbox", "production", or the host and port of another URL."""
        return _environment(self.base_url)

    @property
    def secret_marks(self) -> tuple[str, ...]:
        """A fingerprint of each callback secret. Without SECRET_KEY, the secret cannot be guessed from it."""
        return tuple(_mark(secret, settings.SECRET_KEY) for secret in self.callback_secrets)


@lru_cache(maxsize=64)
def _environment(base_url: str) -> str:
    """Return the name of the gateway at a URL, in any spelling."""
    parts = urlsplit(base_url)
    for name, url in BASE_URLS.items():
        if (parts.hostname, parts.port or 443) == (urlsplit(url).hostname, 443):
            return name
    return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"


@lru_cache(maxsize=64)
@hide_locals
def _mark(secret: str, key: str) -> str:
    return salted_hmac(_SALT, secret, key, algorithm="sha256").hexdigest()[:16]


_read: dict[str, tuple[object, Account]] = {}
"""Accounts by name, each with the content of the entry that it was read from."""


@hide_locals
def get_account(name: str) -> Account:
    """Return the account of this name; raise ImproperlyConfigured, with the setting, if it is wrong.

    Every callback calls this, so an entry is checked once, and again only if it has changed.
    """
    accounts = _accounts()
    if name not in accounts:
        known = ", ".join(sorted(accounts)) or "none"
        raise UnknownAccountError(f'CRYPTOPAY_ACCOUNTS has no account "{name}" (it has: {known})')
    content = _content(accounts[name])
    if (before := _read.get(name)) and before[0] == content:
        return before[1]
    account = read_account(name, accounts[name])
    _read[name] = content, account
    return account


def _content(entry: object) -> object:
    """Return a copy of the parts of an entry that are checked. Of its OPTIONS, these are the names."""
    if not isinstance(entry, dict):
        return entry
    return {
        key: tuple(value) if isinstance(value, list | tuple) else set(value) if isinstance(value, Mapping) else value
        for key, value in entry.items()
    }


def read_account(name: str, entry: object) -> Account:
    """Return an entry of CRYPTOPAY_ACCOUNTS; raise ImproperlyConfigured, with the key, if it is wrong."""
    where = f'CRYPTOPAY_ACCOUNTS["{name}"]'
    if not _ACCOUNT_NAME.fullmatch(name):
        raise ImproperlyConfigured(
            f"{where}: a name must have 1 to 32 characters of a-z, 0-9, - and _, because it is part of a URL"
        )
    if not isinstance(entry, dict):
        raise ImproperlyConfigured(f"{where} must be a dictionary with {', '.join(sorted(ACCOUNT_KEYS))}")
    if unknown := set(entry) - set(ACCOUNT_KEYS):
        raise ImproperlyConfigured(f"{where} has unknown keys: {_key_names(unknown)}")
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
    """Return the keys that look like names. Other keys are hidden: they may be misplaced secrets."""
    names = sorted(key if isinstance(key, str) and _KEY_NAME.fullmatch(key) else "(not a name)" for key in unknown)
    return ", ".join(dict.fromkeys(names))


def _check_own_options(where: str, own: object) -> None:
    """Raise ImproperlyConfigured for an unknown option of an account. Values are checked when they are read."""
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
    """Return the names of all accounts; raise ImproperlyConfigured if CRYPTOPAY_ACCOUNTS gives no dictionary."""
    return list(_accounts())


def _accounts() -> Mapping[str, Any]:
    accounts = read_accounts()
    # Only a dictionary: Django's error report hides secrets by key, and would show those of another mapping.
    if not isinstance(accounts, dict) or not all(isinstance(name, str) for name in accounts):
        raise ImproperlyConfigured(
            'CRYPTOPAY_ACCOUNTS must be a dictionary such as {"default": {"API_KEY": ..., "API_SECRET": ..., '
            '"CALLBACK_SECRETS": [...], "BASE_URL": "sandbox"}}, or a callable that returns one'
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
