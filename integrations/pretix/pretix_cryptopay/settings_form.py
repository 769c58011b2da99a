"""The fields of the payment method in pretix' settings of an event, and the test of credentials."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from pretix.base.forms import SECRET_REDACTED, SecretKeySettingsField
from pretix.base.models import Event
from pretix.helpers.urls import mainreverse_absolute

from cryptopay_django.exceptions import GatewayOutageError, GatewayRefusedError
from cryptopay_django.models import Callback
from cryptopay_django.services import try_credentials

from .accounts import (
    MODES,
    OWNER,
    PREFIX,
    SECRETS,
    account_name,
    all_accounts,
    entry_of,
    forget_accounts,
    own_name,
    owner_id,
)

MODE_NAMES = {"live": gettext_lazy("Live"), "test": gettext_lazy("Test mode")}
_LABELS = {
    "api_key": gettext_lazy("API key"),
    "api_secret": gettext_lazy("API secret"),
    "callback_secret": gettext_lazy("Callback secret"),
}


def fields_of(event: Event) -> dict[str, forms.Field]:
    """Return our fields, by the names of the settings without their prefix."""
    fields: dict[str, forms.Field] = {}
    fields["coins"] = forms.CharField(
        label=gettext_lazy("Offered coins"),
        help_text=gettext_lazy(
            "In this order, as in: BTC, ETH, USDT/tron. Empty: all coins of the account. With the account of another "
            "event, that event decides."
        ),
        required=False,
    )
    fields[OWNER] = forms.ChoiceField(
        label=gettext_lazy("Gateway account"),
        help_text=gettext_lazy(
            "Cryptopay posts all callbacks of an account to one URL. So enter the credentials of an account in one "
            "event only, and choose that event in the others."
        ),
        choices=[("", gettext_lazy("The credentials below")), *_owners(event)],
        required=False,
    )
    for mode, title in MODE_NAMES.items():
        for name in SECRETS:
            fields[f"{mode}_{name}"] = SecretKeySettingsField(label=f"{title}: {_LABELS[name]}", required=False)
    fields["live_callback_secret"].help_text = fields["test_callback_secret"].help_text = gettext_lazy(
        "While you change it at the gateway, enter both, the new one first, with a space between them."
    )
    return fields


@sensitive_variables()
def checked(event: Event, cleaned_data: dict[str, Any]) -> dict[str, Any]:
    """Return the form's data; raise ValidationError, by field, unless each mode has all credentials or none.

    Credentials are tried at the gateway: those that it refuses are not saved. If it does not answer, they are.
    """
    given = {key.removeprefix(PREFIX): value for key, value in cleaned_data.items() if key.startswith(PREFIX)}
    values = {
        key: str(event.settings.get(PREFIX + key) if value == SECRET_REDACTED else value or "").strip()
        for key, value in given.items()
    }
    forget_accounts()
    transaction.on_commit(forget_accounts)
    problems: dict[str, Any] = {}
    for testmode, mode in MODES.items():
        missing = [name for name in SECRETS if not values.get(f"{mode}_{name}")]
        if missing and len(missing) < len(SECRETS):
            problems |= {f"{PREFIX}{mode}_{name}": _("This field is required.") for name in missing}
        elif not missing and (problem := _problem(event, values, testmode=testmode)):
            problems[f"{PREFIX}{mode}_api_key"] = problem
    if not values.get(OWNER) and not any(values.get(f"{mode}_api_key") for mode in MODE_NAMES):
        problems[f"{PREFIX}live_api_key"] = _("Enter the credentials for live orders, for the test mode, or for both.")
    if problems:
        raise ValidationError(problems)
    return cleaned_data


def has_account(event: Event, *, testmode: bool) -> bool:
    """Return whether the event can be paid for in this mode."""
    return account_name(event, testmode=testmode) in all_accounts()


def modes_of(event: Event) -> list[dict[str, Any]]:
    """Return, for each mode with credentials, the callback URL and when the last callback came."""
    found = []
    for testmode, mode in MODES.items():
        account = account_name(event, testmode=testmode)
        if account in all_accounts():
            page = "plugins:pretix_cryptopay:cryptopay_django:account-callback"
            url = mainreverse_absolute(page, kwargs={"account": account})
            last = Callback.objects.filter(account=account).aggregate(at=Max("received_at"))["at"]
            found.append({"name": MODE_NAMES[mode], "url": url, "last": last})
    return found


@sensitive_variables()
def _problem(event: Event, values: dict[str, str], *, testmode: bool) -> str:
    """Return why credentials cannot be used, or an empty text."""
    entry = entry_of(values, testmode=testmode)
    if entry is None:
        return ""
    mine = own_name(event.pk, testmode=testmode)
    others = [name for name, one in all_accounts().items() if one["API_KEY"] == entry["API_KEY"] and name != mine]
    if others:
        owner = event.organizer.events.filter(pk__in=map(owner_id, others)).first()
        whose = owner.name if owner else _("an event of another organizer")
        return _("These are the credentials of %(event)s. Choose that event above instead.") % {"event": whose}
    try:
        try_credentials(entry)
    except (ImproperlyConfigured, GatewayRefusedError) as error:
        return _("The gateway cannot be used with these credentials: %(error)s") % {"error": error}
    except GatewayOutageError:
        pass
    return ""


def _owners(event: Event) -> list[tuple[str, str]]:
    """Return the other events of the organizer that have credentials of their own."""
    ids = set(map(owner_id, all_accounts())) - {event.pk}
    rows = event.organizer.events.filter(pk__in=ids).order_by("-date_from")
    return [(str(row.pk), f"{row.name} ({row.slug})") for row in rows]
