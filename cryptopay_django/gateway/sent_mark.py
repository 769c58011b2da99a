"""Defines the time when a call was marked as sent. `calls.py` sends no call whose mark is older than 15 seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MARK_LIFE = 15.0
"""How many seconds after it was written down as sent a call may still leave."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment when a call was marked as sent: by the wall clock, and by the monotonic clock."""

    at: datetime
    monotonic: float
