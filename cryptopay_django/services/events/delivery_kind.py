"""Describes how one kind of row is delivered: what may be claimed, what is called, and whether it is ever given up.

There are three kinds: signals (`send_signals.py`), calls of handlers (`call_handlers.py`) and mails (`send_mails.py`).
One attempt, the same for all: `attempt.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

from ...models import HandlerDelivery, InvoiceEvent
from ...models.locking import LockingManager, Narrow
from ...tracing import Note

R = TypeVar("R", InvoiceEvent, HandlerDelivery)


@dataclass(frozen=True)
class DeliveryKind(Generic[R]):
    """How one kind of row is delivered: an event to receivers, or a call to one handler."""

    span: str
    rows: LockingManager[R]
    claimable: Narrow[R]
    """Keeps the rows that may be claimed: pending, true, and (for signals and handlers) no earlier row is pending."""
    markable: Narrow[R]
    """Keeps the rows that may be marked delivered: pending and true."""
    call: Callable[[R, Note], None]
    event_of: Callable[[R], InvoiceEvent]
    related: Sequence[str] = ()
    gives_up: bool = False
    """True if CRYPTOPAY_HANDLER_ATTEMPTS failures end the retries. A signal is retried without end."""
    lease: timedelta = timedelta(0)
    """How long, at least, a counted attempt keeps other processes away. For a kind that is called without a lock."""
