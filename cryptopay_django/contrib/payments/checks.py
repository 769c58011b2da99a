"""Checks the variants of PAYMENT_VARIANTS that use the provider, and its URLs: `manage.py check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ...adapters import check_account, check_url
from .provider import PAY, CryptopayProvider


def check_variants(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each variant that cannot work, and one if the pages are not mounted."""
    variants: Mapping[str, tuple[str, dict[str, Any]]] = getattr(settings, "PAYMENT_VARIANTS", {})
    found: list[CheckMessage] = []
    for variant, (path, options) in variants.items():
        if problem := _problem_of(path, options):
            hint = "See the options in docs/adapters/payments.md."
            found.append(Error(f'PAYMENT_VARIANTS["{variant}"]: {problem}', hint=hint, id="cryptopay_payments.E001"))
    urls = "cryptopay_django.contrib.payments.urls"
    return found + check_url(PAY, [UUID(int=0)], include=urls, check_id="cryptopay_payments.E002")


def _problem_of(path: str, options: Mapping[str, Any]) -> str:
    """Return why a provider of ours cannot work; empty for one that can, or that is another's."""
    try:
        kind = import_string(path)
        if not (isinstance(kind, type) and issubclass(kind, CryptopayProvider)):
            return ""
        return check_account(kind(**options).account)
    except (ImportError, ImproperlyConfigured, TypeError) as error:
        return str(error)
