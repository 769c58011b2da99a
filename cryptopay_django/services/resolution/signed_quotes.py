"""Signs quotes as text, for a form or an answer that brings them back, and reads them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

from django.core import signing

QUOTE_LIFE = timedelta(seconds=30)
"""How long the gateway commits what it has quoted."""

_READERS: Mapping[str, Callable[[str], Any]] = {
    "UUID": UUID,
    "Decimal": Decimal,
    "datetime": datetime.fromisoformat,
    "int": int,
    "str": str,
    "bool": {"True": True, "False": False}.__getitem__,
}


class SealedQuote:
    """The base of quotes: frozen dataclasses of the types above, or None."""

    __slots__ = ()

    salt: ClassVar[str]
    expires_at: datetime

    def is_expired(self, now: datetime) -> bool:
        """Return whether the quote is too old: the gateway would refuse to commit it."""
        return now >= self.expires_at

    def seal(self) -> str:
        """Return it as signed text, for a form or an answer that brings it back."""
        values: dict[str, Any] = asdict(self)  # type: ignore[call-overload]  # each quote is a dataclass
        texts = {name: None if value is None else str(value) for name, value in values.items()}
        return signing.dumps(texts, salt=self.salt)

    @classmethod
    def unseal(cls, text: str) -> Self | None:
        """Return the quote that was sealed; None for any other text."""
        try:
            texts: dict[str, Any] = signing.loads(text, salt=cls.salt)
            readers = {
                field.name: _READERS[str(field.type).split(" ")[0]]
                for field in fields(cls)  # type: ignore[arg-type]  # each quote is a dataclass
            }
            values: dict[str, Any] = {
                name: None if value is None else readers[name](value) for name, value in texts.items()
            }
            return cls(**values)
        except (signing.BadSignature, KeyError, TypeError, ValueError):
            return None
