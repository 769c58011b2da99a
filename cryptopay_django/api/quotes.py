"""A quote on its way to the client and back: sealed, so that it comes back unchanged, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core import signing

from ..services import SettlementQuote

_SALT = "cryptopay_django.api.quote"
_READERS: dict[str, Callable[[str], Any]] = {
    "UUID": UUID,
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "int": int,
    "str": str,
}


def seal(quote: SettlementQuote) -> str:
    """Return a quote as text."""
    return signing.dumps(
        {name: None if value is None else str(value) for name, value in asdict(quote).items()}, salt=_SALT
    )


def unseal(text: str) -> SettlementQuote | None:
    """Return the quote that was sealed; None for any other text."""
    try:
        values: dict[str, Any] = signing.loads(text, salt=_SALT)
        types = {field.name: str(field.type).split(" ")[0] for field in fields(SettlementQuote)}
        read: dict[str, Any] = {
            name: None if value is None else _READERS[types[name]](value) for name, value in values.items()
        }
        return SettlementQuote(**read)
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return None
