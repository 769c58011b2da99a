"""Asks in one query whether any work is due: callbacks, resolutions, refunds, events and calls of handlers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, models, router

from ...models import Callback, Resolution
from ...models.sql_cache import keep
from ..accounts import environments
from ..events.call_handlers import pending_calls
from ..events.send_signals import pending_events
from ..events.unheard import unheard_kinds
from ..snapshots.refund_rows import followed_invoices

_MOMENT = object()


def is_anything_due(at: datetime) -> bool:
    """Return whether a callback, resolution, refund, event or call of a handler has been due since `at` or longer.

    One statement. It asks for the earliest due time, which is at one end of an index, and not whether such a row
    exists: a planner without fresh statistics would search the whole table for one. It may find more than there is to
    do: an event that waits behind a failed one counts too. What is withheld, or has no receiver here, does not count:
    it would count for ever.
    """
    using = router.db_for_write(Callback)
    key = ("anything due", unheard_kinds(), *environments().items())
    sql, asked = keep(using, key, lambda: _compile(using)) or _compile(using)
    moment = Callback._meta.get_field("next_attempt_at").get_db_prep_value(at, connections[using])
    with connections[using].cursor() as cursor:
        cursor.execute(sql, [moment if value is _MOMENT else value for value in asked])
        return bool(cursor.fetchone()[0])


def _compile(using: str) -> tuple[str, list[Any]]:
    """Return the statement and its parameters, with _MOMENT in place of the time."""
    queues: tuple[tuple[models.QuerySet[Any], str], ...] = (
        (Callback.objects.primary(), "next_attempt_at"),
        (Resolution.objects.primary(), "next_attempt_at"),
        (followed_invoices(), "refunds_due_at"),
        (pending_events(), "next_attempt_at"),
        (pending_calls(), "next_attempt_at"),
    )
    parts: list[str] = []
    asked: list[Any] = []
    for queue, name in queues:
        waiting = queue.filter(**{f"{name}__isnull": False}).order_by(name).values(name)[:1]
        try:
            sql, own = waiting.query.get_compiler(using).as_sql()
        except EmptyResultSet:  # no account can be read, so nobody can be asked about its invoices
            continue
        parts.append(f"({sql}) <= %s")
        asked += [*own, _MOMENT]
    return f"SELECT CASE WHEN {' OR '.join(parts)} THEN 1 ELSE 0 END", asked
