"""Defines the rate of a conversion and the risk of a transaction, which messages of several families contain."""

from __future__ import annotations

from dataclasses import dataclass

from .message_base import WireObject
from .values import Amount, Code, Name, Pair, Score


@dataclass(frozen=True, slots=True)
class Risk(WireObject):
    """The gateway's risk score of a transaction or an address."""

    facts = frozenset()

    score: Score | None = None
    level: Code | None = None
    resource_name: Name | None = None
    resource_category: Name | None = None


@dataclass(frozen=True, slots=True)
class Exchange(WireObject):
    """The rate at which an amount was, or would be, converted."""

    facts = frozenset()

    pair: Pair | None = None
    rate: Amount | None = None
    fee: Amount | None = None
    fee_currency: Code | None = None
