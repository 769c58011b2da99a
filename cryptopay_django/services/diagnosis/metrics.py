"""Counts what monitoring shows. Reads each number through an index: the cost depends on what is open or recent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone

from ...conf import account_names, get_account
from ...models import (
    Callback,
    CallbackOutcome,
    Invoice,
    InvoiceStatus,
    Resolution,
    ResolutionStatus,
    Schedule,
    StatusContext,
)
from ...models.invoice import quarantined_invoices
from ...models.schedule import RECONCILIATION
from ..events import call_handlers, send_signals
from .accounts import last_callback

_AN_HOUR = timedelta(hours=1)
_UNFINISHED = (ResolutionStatus.PLANNED, ResolutionStatus.SENT, ResolutionStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counts and moments as they were at `read_at`. A moment is None where there is nothing."""

    read_at: datetime
    callbacks_pending: int
    callbacks_pending_since: datetime | None
    callbacks_last_hour: Mapping[str, int]
    last_callback_at: Mapping[str, datetime | None]
    events_pending: int
    events_pending_since: datetime | None
    events_failing: int
    handlers_pending: int
    handlers_given_up: int
    resolutions_active: Mapping[str, int]
    invoices_unresolved: Mapping[str, int]
    invoices_quarantined: int
    reconciled_at: datetime | None


def read_metrics() -> Metrics:
    """Read all metrics: ten queries, and one or two for each callback secret. Changes nothing, asks nobody."""
    now = timezone.now()
    pending = Callback.objects.filter(outcome=CallbackOutcome.PENDING)
    callbacks = pending.aggregate(count=Count("pk"), oldest=Min("received_at"))
    pending_events = send_signals.pending_events(frozenset())
    failing = Count("pk", filter=Q(attempts__gt=0))
    events = pending_events.aggregate(count=Count("pk"), oldest=Min("created_at"), failing=failing)
    recent = Callback.objects.filter(received_at__gt=now - _AN_HOUR, outcome__in=CallbackOutcome.values)
    unresolved = Invoice.objects.filter(status=InvoiceStatus.UNRESOLVED)
    active = Resolution.objects.filter(active=True)
    return Metrics(
        read_at=now,
        callbacks_pending=callbacks["count"],
        callbacks_pending_since=callbacks["oldest"],
        callbacks_last_hour=_counted(recent, "outcome", CallbackOutcome.values),
        last_callback_at={name: last_callback(get_account(name)) for name in account_names()},
        events_pending=events["count"],
        events_pending_since=events["oldest"],
        events_failing=events["failing"],
        handlers_pending=call_handlers.pending_calls().count(),
        handlers_given_up=call_handlers.dead_calls().count(),
        resolutions_active=_counted(active, "status", _UNFINISHED),
        invoices_unresolved=_counted(unresolved, "status_context", StatusContext.values),
        invoices_quarantined=Invoice.objects.filter(quarantined_invoices()).count(),
        reconciled_at=Schedule.objects.filter(name=RECONCILIATION).values_list("ended_at", flat=True).first(),
    )


def _counted(rows: QuerySet[Any], field: str, known: Any) -> dict[str, int]:
    """Count rows by a field; what is known and has none is 0, so that no curve has holes."""
    found = dict(rows.order_by().values_list(field).annotate(count=Count("pk")))
    return {str(value): 0 for value in known} | found
