"""Chooses the account for an order, and finds the invoices that the account's present gateway has."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Q

from ..conf import UnknownAccountError, account_names, app_settings, client_for, client_for_entry, get_account
from ..exceptions import OtherEnvironmentError
from ..models import Channel, ChannelPayment, Invoice, PaymentLink
from ..redaction import hide_locals

if TYPE_CHECKING:
    from ..gateway.client import Client

DEFAULT_ACCOUNT = "default"


def resolve_account(order: models.Model | None = None, data: Mapping[str, Any] | None = None) -> str:
    """Return the account for an order: what CRYPTOPAY_ACCOUNT_RESOLVER says, or "default".

    `data` is what is known of the request, by the names of `create_invoice`. Raises AccountMissingError,
    which is an ImproperlyConfigured too, when the resolver names an account that is not there.
    """
    resolver = app_settings.ACCOUNT_RESOLVER
    if resolver is None:
        return DEFAULT_ACCOUNT
    name = resolver(order, dict(data or {}))
    if not isinstance(name, str) or name not in account_names():
        raise UnknownAccountError(
            f"CRYPTOPAY_ACCOUNT_RESOLVER returned {name!r} for {order!r}; CRYPTOPAY_ACCOUNTS has: "
            f"{', '.join(sorted(account_names()))}"
        )
    return name


@hide_locals
def try_credentials(entry: Mapping[str, Any], *, name: str = "new") -> None:
    """Ask the gateway for its coins with credentials that are not stored yet, as an entry of CRYPTOPAY_ACCOUNTS.

    For a form in which credentials are entered. Raises ImproperlyConfigured if the entry is wrong, GatewayRefusedError
    if the gateway refuses the key, the secret or this server, GatewayOutageError if it does not answer. The secrets of
    callbacks cannot be tried. `name` is the name that the account is to have.
    """
    client_for_entry(name, entry).list_coins()


def account_for(order: models.Model | None, data: Mapping[str, Any], *, custom_id: str | None) -> str:
    """Return the account that an invoice is to be made on: that of the one with this custom_id, if there is one.

    So an invoice stays where it was begun, whatever the resolver says when its creation is tried again.
    """
    chosen = resolve_account(order, data)
    if app_settings.ACCOUNT_RESOLVER is None or not custom_id:
        return chosen
    standing = Invoice.objects.primary().filter(in_force(), custom_id=custom_id)
    names = set(standing.values_list("account", flat=True))
    return chosen if chosen in names or not names else min(names)


def client_of(row: Invoice | Channel) -> Client:
    """Return the client that an invoice or a channel is asked about with.

    Raises OtherEnvironmentError if its gateway is another than that of its account now.
    """
    _check_environment(row, then="nothing was sent")
    return client_for(row.account)


def check_deliverable(about: Invoice | ChannelPayment) -> None:
    """Raise OtherEnvironmentError if an event of this row would report money of another gateway: that of tests, say.

    What the settings say nothing of, such as an account that was removed, is delivered.
    """
    with suppress(ImproperlyConfigured):
        _check_environment(
            about,
            then="its event is not delivered. If this is the same gateway at another URL, move the row: see "
            "docs/accounts.md",
        )


def _check_environment(row: Invoice | Channel | ChannelPayment, *, then: str) -> None:
    present = get_account(row.account).environment
    if row.environment != present:
        raise OtherEnvironmentError(
            f"{type(row).__name__.lower()} {row.pk} was made in {row.environment or 'an unknown environment'}, and "
            f"account {row.account} is in {present} now: {then}"
        )


def in_force() -> Q:
    """Return the filter for rows whose account is configured, and in the environment that they were made in."""
    filters = [Q(account=name, environment=environment) for name, environment in environments().items()]
    return Q(*filters, _connector=Q.OR) if filters else Q(pk__in=[])


def of_other_environments() -> Q:
    """Return the filter for rows whose account is in another environment now."""
    return Q(account__in=list(environments())) & ~in_force()


def is_in_force(row: Invoice | Channel | ChannelPayment | PaymentLink) -> bool:
    """Return whether a row is at the gateway that its account has now. One of an unknown account is not."""
    try:
        return get_account(row.account).environment == row.environment
    except ImproperlyConfigured:
        return False


def environments() -> dict[str, str]:
    """Return the present environment of every account whose entry can be read."""
    found: dict[str, str] = {}
    for name in account_names():
        with suppress(ImproperlyConfigured):
            found[name] = get_account(name).environment
    return found
