"""Checks the variants of PAYMENT_VARIANTS that use the provider, and its URLs: `manage.py check`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.checks import CheckMessage, Error

from ...adapters import check_method, check_url
from .provider import PAY, CryptopayProvider


def check_variants(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each variant that cannot work, and one if the pages are not mounted."""
    hint, urls = "See the options in docs/adapters/payments.md.", "cryptopay_django.contrib.payments.urls"
    found: list[CheckMessage] = [
        Error(f'PAYMENT_VARIANTS["{variant}"]: {problem}', hint=hint, id="cryptopay_payments.E001")
        for variant, (path, options) in getattr(settings, "PAYMENT_VARIANTS", {}).items()
        if (problem := check_method(path, CryptopayProvider, options))
    ]
    return found + check_url(PAY, [UUID(int=0)], include=urls, check_id="cryptopay_payments.E002")
