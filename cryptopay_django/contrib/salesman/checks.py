"""Checks the payment methods of SALESMAN_PAYMENT_METHODS that are ours: `manage.py check`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from ...adapters import check_method
from .payment import CryptopayPayment


def check_methods(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each method of ours that cannot work: without a currency, or with an unknown account."""
    hint = "See the options in docs/adapters/salesman.md."
    return [
        Error(f"SALESMAN_PAYMENT_METHODS has {path}: {problem}", hint=hint, id="cryptopay_salesman.E001")
        for path in getattr(settings, "SALESMAN_PAYMENT_METHODS", [])
        if (problem := check_method(path, CryptopayPayment))
    ]
