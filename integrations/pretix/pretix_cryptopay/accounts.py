"""Gives cryptopay_django the accounts of all events: one for real money and one for pretix' test mode.

The credentials are in the settings of an event. Other events can use the account of that event: the gateway posts all
callbacks of an account to one URL, so an account must have one name here, however many events use it.
"""

from __future__ import annotations

from functools import lru_cache
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django_scopes import scopes_disabled
from pretix.base.models import Event
from pretix.base.models.event import Event_SettingsStore

from cryptopay_django.exceptions import CryptopayError

PREFIX = "payment_cryptopay_"
OWNER = "owner"
"""The setting with the id of another event, whose credentials are used for new payments.

An account stays while its credentials are there, also if its event uses another one: earlier invoices need it.
"""

SECRETS = ("api_key", "api_secret", "callback_secret")
NOT_DONE = (CryptopayError, ImproperlyConfigured)
"""What calls of cryptopay_django raise here: organizers can take credentials away at any time."""

MODES = {False: "live", True: "test"}
KEPT_FOR = 5.0
"""Seconds for which a process keeps the accounts, at most: cryptopay_django asks several times for each request."""


def words_for_staff(error: Exception) -> str:
    """Return what is wrong, without the names of other accounts."""
    if isinstance(error, ImproperlyConfigured):
        return _("The credentials for this payment are missing or wrong: see the payment settings of the event.")
    return str(error)


def account_name(event: Event, *, testmode: bool) -> str:
    """Return the name of the account of an event: "e12", or "e12-test" for orders in test mode."""
    return own_name(event.settings.get(PREFIX + OWNER) or event.pk, testmode=testmode)


def own_name(event_id: int | str, *, testmode: bool) -> str:
    """Return the name of the account whose credentials are in the settings of an event."""
    return f"e{event_id}-test" if testmode else f"e{event_id}"


def owner_id(name: str) -> int:
    """Return the id of the event that has the credentials of an account."""
    return int(name.removeprefix("e").removesuffix("-test"))


def base_url(*, testmode: bool) -> str:
    """Return the gateway of a mode. The operator can name another one in the section [cryptopay] of pretix.cfg."""
    mode = "sandbox" if testmode else "production"
    config: Any = settings.CONFIG_FILE  # type: ignore[misc]  # a setting that only pretix has
    found: str = config.get("cryptopay", f"{mode}_url", fallback=mode)
    return found


@sensitive_variables()
def entry_of(values: dict[str, str], *, testmode: bool) -> dict[str, Any] | None:
    """Return an entry of CRYPTOPAY_ACCOUNTS from the settings of an event, or None while credentials are missing."""
    found = [values.get(f"{MODES[testmode]}_{name}", "") for name in SECRETS]
    if not all(found):
        return None
    options: dict[str, Any] = {"OFFERED_COINS": values.get("coins", "").replace(",", " ").split()}
    if contact := values.get("contact_mail"):
        options["SUPPORT_EMAIL"] = contact
    return {
        "API_KEY": found[0],
        "API_SECRET": found[1],
        "CALLBACK_SECRETS": found[2].split(),
        "BASE_URL": base_url(testmode=testmode),
        "OPTIONS": options,
    }


def all_accounts() -> dict[str, Any]:
    """Return the accounts of all events, as CRYPTOPAY_ACCOUNTS has them. Reads them every few seconds."""
    return dict(_read_accounts(int(monotonic() / KEPT_FOR)))


def forget_accounts() -> None:
    """Read the accounts anew at the next question."""
    _read_accounts.cache_clear()


@lru_cache(maxsize=1)
@sensitive_variables()
def _read_accounts(period: int) -> dict[str, Any]:
    """Read the accounts, once in a period."""
    by_event: dict[int, dict[str, str]] = {}
    with scopes_disabled():
        rows = Event_SettingsStore.objects.filter(Q(key__startswith=PREFIX) | Q(key="contact_mail"))
        for event_id, key, value in rows.values_list("object_id", "key", "value"):
            by_event.setdefault(event_id, {})[key.removeprefix(PREFIX)] = value
    accounts = {}
    for event_id, values in by_event.items():
        for testmode in (False, True):
            if (entry := entry_of(values, testmode=testmode)) is not None:
                accounts[own_name(event_id, testmode=testmode)] = entry
    return accounts
