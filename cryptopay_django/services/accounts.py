"""Which account an order is paid to, where nobody has said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from ..conf import account_names, app_settings
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
    standing = Invoice.objects.primary().filter(account__in=account_names(), custom_id=custom_id)
    names = set(standing.values_list("account", flat=True))
    return chosen if chosen in names or not names else min(names)
