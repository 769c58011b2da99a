"""What `manage.py check` finds wrong before a customer does. Each message names the setting and the remedy."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django_fsm
from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from .conf import Account, AppSettings, account_names, app_settings, get_account, is_development
from .options import Option, own_options
from .services.events.receivers import unheard_kinds

_SHORTEST_SECRET = 16
_FSM_PROVIDERS = ("django-fsm-2", "django-fsm")


@register("cryptopay")
def check_accounts(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E001 for a missing or malformed account, E002 for an option of its own; what follows from well-formed ones."""
    found: list[CheckMessage] = []
    try:
        names = account_names()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="cryptopay.E001")]
    if not names:
        found.append(Error("CRYPTOPAY_ACCOUNTS is empty: it needs one account at least", id="cryptopay.E001"))
    for name in names:
        try:
            found.extend(_account_messages(get_account(name)))
        except ImproperlyConfigured as error:
            found.append(Error(str(error), id="cryptopay.E001"))
        own = [option.name for option in _options() if option.name in own_options(name)]
        found.extend(_option_messages(app_settings.of(name), own))
    return found


def _account_messages(account: Account) -> Iterator[CheckMessage]:
    where = f'CRYPTOPAY_ACCOUNTS["{account.name}"]'
    host = urlsplit(account.base_url).hostname or ""
    if _is_loopback(host) and not is_development():
        yield Error(
            f'{where}["BASE_URL"] points at this machine while DEBUG is off: invoices would be paid with play money',
            hint='Set it to "production", or to "sandbox" for the service\'s own test environment.',
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


@register("cryptopay")
def check_options(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E002 for every CRYPTOPAY_* option of a wrong type or value, W008 for one that does not exist."""
    found: list[CheckMessage] = list(_option_messages(app_settings, [option.name for option in _options()]))
    known = {*(option.setting for option in _options()), "CRYPTOPAY_ACCOUNTS"}
    found.extend(
        CheckWarning(f"{name} is not a setting of cryptopay_django", hint=f"There are: {', '.join(sorted(known))}.",
                id="cryptopay.W008")
        for name in dir(settings)
        if name.startswith("CRYPTOPAY_") and name not in known
    )  # fmt: skip
    return found


def _options() -> list[Option[Any]]:
    return [option for option in vars(AppSettings).values() if isinstance(option, Option)]


def _option_messages(values: AppSettings, names: Sequence[str]) -> Iterator[CheckMessage]:
    for name in names:
        try:
            getattr(values, name)
        except ImproperlyConfigured as error:
            yield Error(str(error), id="cryptopay.E002")


@register("cryptopay")
def check_installation(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """E009 without contenttypes; W010 when django_fsm is not, or not only, what we depend on."""
    found: list[CheckMessage] = []
    if not apps.is_installed("django.contrib.contenttypes"):
        found.append(
            Error('"django.contrib.contenttypes" must be in INSTALLED_APPS: invoices point at orders with it',
                  id="cryptopay.E009")
        )  # fmt: skip
    installed = [name for name in _FSM_PROVIDERS if _installed_files(name)]
    if installed != [_FSM_PROVIDERS[0]]:
        provider = imported_fsm_provider()
        found.append(
            CheckWarning(
                f"django_fsm is imported from {provider}; installed: {', '.join(installed) or 'neither distribution'}",
                hint="Both distributions install the same folder over each other. Uninstall both, then install "
                "django-fsm-2 alone.",
                id="cryptopay.W010",
            )
        )
    return found


@register("cryptopay")
def check_receivers(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """W030 for a required event to which neither a receiver nor a handler is connected."""
    try:
        kinds = sorted(unheard_kinds())
    except ImproperlyConfigured:
        return []  # E002 says so
    return [
        CheckWarning(
            f"neither a receiver nor a handler is connected to {kind}: its events stay pending, and no order is paid",
            hint="Import the module of the receivers in AppConfig.ready(); a shop that does not want the event takes "
            "it out of CRYPTOPAY_REQUIRED_EVENTS.",
            id="cryptopay.W030",
        )
        for kind in kinds
    ]


def imported_fsm_provider() -> str:
    """Name the distribution, with its version, whose record has the very file that is imported as django_fsm."""
    imported = Path(django_fsm.__file__)
    digest = hashlib.sha256(imported.read_bytes()).digest()
    recorded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    for name in _FSM_PROVIDERS:
        for file in _installed_files(name):
            if file.hash is not None and file.hash.value == recorded:
                return f"{name} {metadata.version(name)}"
    return f"an unknown source at {imported}"


def _installed_files(distribution: str) -> list[metadata.PackagePath]:
    """Return the records of `django_fsm/__init__.py` in a distribution, empty when it is not installed."""
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    return [file for file in files if file.parts == ("django_fsm", "__init__.py")]
