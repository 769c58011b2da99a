"""Checks what mails to customers need: links that lead to the site, and a sender."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from ..conf import account_names, app_settings

_NO_ONE = ("", "localhost")
"""The host of Django's own DEFAULT_FROM_EMAIL, which is nobody's."""


def check_mails(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return E032 if mails to customers could not link to the site, and W033 if they had no sender of the shop."""
    try:
        mailing = [name for name in account_names() if app_settings.of(name).CUSTOMER_MAILS]
        senders = {name: app_settings.of(name).CUSTOMER_MAIL_FROM or settings.DEFAULT_FROM_EMAIL for name in mailing}
        has_site = bool(app_settings.SITE_URL)
    except Exception:  # noqa: BLE001  the checks of settings and accounts say so
        return []
    found: list[CheckMessage] = []
    if mailing and not has_site:
        found.append(
            Error(
                "CRYPTOPAY_CUSTOMER_MAILS names mails, and CRYPTOPAY_SITE_URL is empty: no mail can link to a page",
                hint='Set CRYPTOPAY_SITE_URL = "https://shop.example", the address of your site.',
                id="cryptopay.E032",
            )
        )
    for name, sender in senders.items():
        if parseaddr(sender)[1].partition("@")[2] in _NO_ONE:
            found.append(
                CheckWarning(
                    f'mails to customers of the account "{name}" would be sent from {sender}: mail servers refuse it',
                    hint="Set CRYPTOPAY_CUSTOMER_MAIL_FROM, or DEFAULT_FROM_EMAIL, to an address of your shop.",
                    id="cryptopay.W033",
                )
            )
    return found
