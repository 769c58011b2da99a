"""Checks the entries of CRYPTOPAY_ACCOUNTS: their keys, secrets and URLs, and credentials that two of them share."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from ..conf import Account, account_names, app_settings, get_account, is_development, own_options
from ..redaction import hide_locals
from .options import check_values, option_names

_SHORTEST_SECRET = 16
_EVERYBODY_KNOWS = frozenset({"sandbox-api-key", "sandbox-api-secret", "sandbox-callback-secret"})


def check_accounts(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return E001 for a missing or malformed account, E002 for its options, and the checks of well-formed accounts.

    W028 if the accounts come from a callable that fails.
    """
    found: list[CheckMessage] = []
    try:
        names = account_names()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="cryptopay.E001")]
    except Exception as error:  # noqa: BLE001  the project's own callable: `migrate` may yet have to make its table
        return [
            CheckWarning(
                f"the callable of CRYPTOPAY_ACCOUNTS failed ({type(error).__name__}): no account was checked",
                hint="Before the first `migrate` its table is missing; then run `check` again afterwards.",
                id="cryptopay.W028",
            )
        ]
    if not names and not isinstance(getattr(settings, "CRYPTOPAY_ACCOUNTS", None), dict):
        return []  # of a database that has none yet
    if not names:
        found.append(Error("CRYPTOPAY_ACCOUNTS is empty: it needs at least one account", id="cryptopay.E001"))
    for name in names:
        try:
            found.extend(_account_messages(get_account(name)))
        except ImproperlyConfigured as error:
            found.append(Error(str(error), id="cryptopay.E001"))
        own = [option for option in option_names() if option in own_options(name)]
        found.extend(check_values(app_settings.of(name), own))
    return found


def _account_messages(account: Account) -> Iterator[CheckMessage]:
    where = f'CRYPTOPAY_ACCOUNTS["{account.name}"]'
    host = urlsplit(account.base_url).hostname or ""
    if _is_loopback(host) and not is_development():
        yield Error(
            f'{where}["BASE_URL"] points at this machine while DEBUG is off: invoices would be paid with play money',
            hint='Set it to "production", or to "sandbox" for the gateway\'s own test environment.',
            id="cryptopay.E003",
        )
    if account.base_url.startswith("http://") and not _is_loopback(host):
        yield Error(f'{where}["BASE_URL"] is not https', id="cryptopay.E004")
    if account.api_secret in account.callback_secrets:
        yield Error(
            f'{where}: "API_SECRET" is also in "CALLBACK_SECRETS"; the account shows two different ones',
            id="cryptopay.E005",
        )
    if len(set(account.callback_secrets)) != len(account.callback_secrets):
        yield CheckWarning(f'{where}["CALLBACK_SECRETS"] lists a secret twice', id="cryptopay.W006")
    if any(len(secret) < _SHORTEST_SECRET for secret in account.callback_secrets):
        yield CheckWarning(
            f'{where}["CALLBACK_SECRETS"] has a secret of fewer than {_SHORTEST_SECRET} characters: was it cut?',
            id="cryptopay.W007",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@hide_locals
def check_credentials(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return E012 for the sandbox's public credentials, and E013 for credentials that two accounts share."""
    accounts = list(_well_formed_accounts())
    return [*_published_secrets(accounts), *_shared_credentials(accounts)]


def _well_formed_accounts() -> Iterator[Account]:
    """Yield the accounts that have no E001."""
    try:
        names = account_names()
    except Exception:  # noqa: BLE001  the check above says so
        return
    for name in names:
        try:
            yield get_account(name)
        except ImproperlyConfigured:
            continue


def _published_secrets(accounts: Sequence[Account]) -> Iterator[CheckMessage]:
    for account in accounts:
        known = _EVERYBODY_KNOWS.intersection({account.api_key, account.api_secret, *account.callback_secrets})
        if known and not is_development():
            yield Error(
                f'CRYPTOPAY_ACCOUNTS["{account.name}"] has credentials of the sandbox while DEBUG is off: everybody '
                "knows them, and can sign callbacks that say that an order was paid",
                hint="Read the account's own credentials from the environment.",
                id="cryptopay.E012",
            )


def _shared_credentials(accounts: Sequence[Account]) -> Iterator[CheckMessage]:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for account in accounts:
        for secret in {account.api_key, account.api_secret, *account.callback_secrets}:
            owners[secret].append(account.name)
    for names in sorted({tuple(names) for names in owners.values() if len(names) > 1}):
        yield Error(
            f"the accounts {', '.join(names)} of CRYPTOPAY_ACCOUNTS share a key or a secret: a callback "
            "for one would also be accepted for the other",
            hint="Each entry is one account at the gateway, with its own keys and secrets.",
            id="cryptopay.E013",
        )
