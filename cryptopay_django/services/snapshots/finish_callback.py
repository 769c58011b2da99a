"""Marks a callback as done: once, in one UPDATE. Logs its outcome once that is committed."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from ...logs import about, logger, named, once_committed
from ...models import Callback, CallbackOutcome, Invoice

_WARNED_OF = (CallbackOutcome.ORPHAN, CallbackOutcome.UNREADABLE)


def finish_callback(
    callback: Callback, outcome: CallbackOutcome, *, at: datetime, invoice: Invoice | None = None, **values: Any
) -> bool:
    """Mark a callback done in one UPDATE, and return True; return False if another process has done so."""
    before = callback.outcome
    values = {"next_attempt_at": None, "gateway_id": None, **values, "outcome": outcome, "processed_at": at}
    if invoice is not None:
        values["invoice_id"] = invoice.pk
    if callback.notes:
        values["notes"] = callback.notes
    if not Callback.objects.change(callback, _unfinished, **values):
        return False
    if invoice is not None:
        callback.invoice = invoice
    if outcome != before:
        log_outcome(callback)
    return True


def log_outcome(callback: Callback) -> None:
    """Log what became of a callback, once that is committed."""
    outcome, invoice_id = CallbackOutcome(callback.outcome), callback.invoice_id
    level = logging.WARNING if outcome in _WARNED_OF else logging.INFO
    if not logger.isEnabledFor(level):
        return
    extra = about(invoice_id, callback_id=callback.pk, account=callback.account, outcome=str(outcome))
    once_committed(Callback, level, "callback %s, %s: %s", callback.pk, named(invoice_id), outcome, extra=extra)


def _unfinished(callbacks: QuerySet[Callback]) -> QuerySet[Callback]:
    return callbacks.filter(outcome__in=(CallbackOutcome.PENDING, CallbackOutcome.ORPHAN))
