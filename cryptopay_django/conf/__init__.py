"""The settings of the app, and the accounts at the gateway. Both are read live from Django's settings.

`settings.py` has every option, `options.py` and `validators.py` declare and check one; `accounts.py` has the
credentials, `clients.py` the clients that use them.
"""

from .accounts import ACCOUNT_KEYS, BASE_URLS, Account, account_names, get_account
from .clients import client_for
from .options import Option, own_options
from .settings import AppSettings, app_settings, is_development
from .validators import NOTICE_KINDS

__all__ = [
    "ACCOUNT_KEYS",
    "BASE_URLS",
    "NOTICE_KINDS",
    "Account",
    "AppSettings",
    "Option",
    "account_names",
    "app_settings",
    "client_for",
    "get_account",
    "is_development",
    "own_options",
]
