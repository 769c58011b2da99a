"""Checks that somebody is notified of what waits for a second person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning

from ..conf import account_names, app_settings
from ..models.notice import NoticeKind


def check_approvals(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Return W031 for each account that asks for a second person, and names nobody who is notified of that.

    A CRYPTOPAY_NOTIFIER of the project's own may know by itself whom to notify.
    """
    try:
        silent = [] if app_settings.NOTIFIER else [name for name in account_names() if _is_silent(name)]
    except Exception:  # noqa: BLE001  other checks say so
        return []
    return [
        CheckWarning(
            f"account {name}: CRYPTOPAY_FOUR_EYES_ABOVE asks for a second person, and nobody is notified that a "
            "settlement or refund waits for one",
            hint=f'Name them in CRYPTOPAY_NOTICE_RECIPIENTS["{NoticeKind.APPROVAL}"].',
            id="cryptopay.W031",
        )
        for name in silent
    ]


def _is_silent(account: str) -> bool:
    options = app_settings.of(account)
    return bool(options.FOUR_EYES_ABOVE) and not options.NOTICE_RECIPIENTS.get(NoticeKind.APPROVAL.value)
