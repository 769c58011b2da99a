"""Chooses the account for an order, and tells apart the invoices that the account's present gateway has."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models import Q

from ..conf import account_names, app_settings, client_for, get_account
from ..exceptions import OtherEnvironmentError
from ..gateway.client import Client
from ..models import Invoice

DEFAULT_ACCOUNT = "default"


def resolve_account(order: models.Model | None = None, data: Mapping[str, Any] | None = None) -> str:
    """Return the account for an order: what CRYPTOPAY_ACCOUNT_RESOLVER says, or "default".

    `data` is what is known of the request, by the names of `create_invoice`. Raises ImproperlyConfigured
    when the resolver names an account that is not there.
    """
    resolver = app_settings.ACCOUNT_RESOLVER
    if resolver is None:
        return DEFAULT_ACCOUNT
    name = resolver(order, dict(data or {}))
    if not isinstance(name, str) or name not in account_names():
        raise ImproperlyConfigured(
            f"CRYPTOPAY_ACCOUNT_RESOLVER returned {name!r} for {order!r}; CRYPTOPAY_ACCOUNTS has: "
            f"{', '.join(sorted(account_names()))}"
        )
    return name


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


def client_of(invoice: Invoice) -> Client:
    """Return the client that an invoice is asked about with; raise OtherEnvironmentError if its gateway is another."""
    present = get_account(invoice.account).environment
    if invoice.environment != present:
        raise OtherEnvironmentError(
            f"invoice {invoice.pk} was made in {invoice.environment or 'an unknown environment'}, and account "
            f"{invoice.account} is in {present} now: nothing was sent"
        )
    return client_for(invoice.account)


def in_force() -> Q:
    """Return the filter for invoices whose account is configured, and in the environment that they were made in."""
    filters = [Q(account=name, environment=environment) for name, environment in environments().items()]
    return Q(*filters, _connector=Q.OR) if filters else Q(pk__in=[])


def of_other_environments() -> Q:
    """Return the filter for invoices whose account is in another environment now."""
    return Q(account__in=list(environments())) & ~in_force()


def is_in_force(invoice: Invoice) -> bool:
    """Tell whether an invoice is at the gateway that its account has now. One of an unknown account is not."""
    try:
        return get_account(invoice.account).environment == invoice.environment
    except ImproperlyConfigured:
        return False


def environments() -> dict[str, str]:
    """Return the present environment of every account whose entry can be read."""
    found: dict[str, str] = {}
    for name in account_names():
        with suppress(ImproperlyConfigured):
            found[name] = get_account(name).environment
    return found
