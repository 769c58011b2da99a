"""Declares a setting: its default, its check and its meaning. `settings.py` uses it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ..redaction import hide_locals
from .validators import function, secret

T = TypeVar("T")


class Option(Generic[T]):
    """A `CRYPTOPAY_*` setting: its default, its check and its meaning.

    With `per_account`, an entry of CRYPTOPAY_ACCOUNTS can override it under "OPTIONS".
    """

    def __init__(self, default: T, check: Callable[[object], T], help_text: str, *, per_account: bool = False) -> None:
        self.default = default
        self.check = check
        self.help_text = help_text
        self.per_account = per_account

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.setting = f"CRYPTOPAY_{name}"

    @hide_locals
    def __get__(self, instance: object, owner: type) -> T:
        where, value = self.setting, getattr(settings, self.setting, self.default)
        account = getattr(instance, "account", None)
        if self.per_account and account is not None and self.name in (own := own_options(account)):
            where, value = f'CRYPTOPAY_ACCOUNTS["{account}"]["OPTIONS"]["{self.name}"]', own[self.name]
        try:
            return self.check(value)
        except TypeError as error:
            but = "" if self.check is secret else f", not {value!r}"
            raise ImproperlyConfigured(f"{where} must be {error}{but}") from error


@hide_locals
def own_options(account: str) -> Mapping[str, Any]:
    """Return the settings that an account overrides, or nothing if the account does not exist or is malformed."""
    accounts = read_accounts()
    entry = accounts.get(account) if isinstance(accounts, dict) else None
    own = entry.get("OPTIONS") if isinstance(entry, dict) else None
    return own if isinstance(own, Mapping) else {}


def read_accounts() -> object:
    """Return CRYPTOPAY_ACCOUNTS, or what the callable that it is, or names, returns now.

    Raises what the callable raises, and ImproperlyConfigured if it cannot be imported. The result is not checked.
    """
    accounts = getattr(settings, "CRYPTOPAY_ACCOUNTS", None)
    if isinstance(accounts, str) or callable(accounts):
        try:
            find = function(accounts)
        except TypeError as error:
            raise ImproperlyConfigured(f"CRYPTOPAY_ACCOUNTS must be a dictionary, or {error}") from error
        return find() if find else None
    return accounts
