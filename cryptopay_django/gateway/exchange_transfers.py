"""Defines exchanges between two accounts of the merchant, as a frozen dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from .message_base import WireObject
from .rate_and_risk import Exchange
from .values import Amount, Code, Reference


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeTransfer(WireObject):
    """Money changed from one currency into another within the merchant's accounts.

    It has neither status nor time: a preview and a transfer that was made look alike. Only the ledger proves one.
    """

    facts = frozenset(
        {"id", "custom_id", "charged_amount", "charged_currency", "received_amount", "received_currency"}
    )

    id: UUID
    custom_id: Reference | None = None
    charged_amount: Amount
    charged_currency: Code
    received_amount: Amount
    received_currency: Code
    exchange: Exchange | None = None
