"""Reads the app's settings and the accounts at the gateway, live from Django's settings.

`settings.py` defines every setting, with `options.py` and `validators.py`. `accounts.py` reads the credentials,
`clients.py` creates clients from them.
"""

from .accounts import ACCOUNT_KEYS, BASE_URLS, Account, UnknownAccountError, account_names, get_account
from .clients import client_for, client_for_entry, limit_with
from .option_descriptor import Option, own_options
from .settings import AppSettings, app_settings, is_development
from .validators import NOTICE_KINDS

__all__ = [
    "ACCOUNT_KEYS",
    "BASE_URLS",
    "NOTICE_KINDS",
    "Account",
    "AppSettings",
    "Option",
    "UnknownAccountError",
    "account_names",
    "app_settings",
    "client_for",
    "client_for_entry",
    "get_account",
    "is_development",
    "limit_with",
    "own_options",
]
