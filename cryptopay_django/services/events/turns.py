"""Finds whose turn it is among many rows that wait, at a cost that grows with their number and not with its square."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce


def later_than(now: datetime, earlier: QuerySet[Any]) -> Subquery:
    """Return the key of one of these rows that is pending and due only after `now`, or NULL. They have OuterRefs.

    Which rows are pending changes within seconds, and the statistics of a database are hours old. On a day on which
    many wait, a planner still takes "pending" for the rarest condition of all. It makes an anti join of an EXISTS and
    reads, for each row, all that are pending. So this is a subquery with a limit, which planners leave as it is, and
    its moment stands inside a function, where no index on it serves: each row reads those of its own subject.
    """
    never = Value(now - timedelta(days=1), output_field=DateTimeField())
    late = earlier.alias(_due_at=Coalesce("next_attempt_at", never)).filter(_due_at__gt=now)
    return Subquery(late.order_by().values("pk")[:1])
