"""Finds the rows that wait behind a failed row of the same subject, so that queries for due work leave them out.

The cost grows with the number of rows, not with its square.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import DateTimeField, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

_LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)


def pending_earlier(earlier: QuerySet[Any]) -> Subquery:
    """Return a subquery: the key of one of the `earlier` rows that is pending, or NULL. As `failed_earlier`."""
    return failed_earlier(_LONG_AGO, earlier)


def failed_earlier(now: datetime, earlier: QuerySet[Any]) -> Subquery:
    """Return a subquery: the key of one of the `earlier` rows that is pending and due only after `now`, or NULL.

    `earlier` has OuterRefs to the row that waits.

    An EXISTS would be slow. The set of pending rows changes within seconds, but a database's statistics can be hours
    old. On a day on which many rows wait, a planner still takes "pending" for the rarest condition. It turns the
    EXISTS into an anti join and reads all pending rows for each row. Planners do not change a subquery with a limit.
    Its due time is inside a function, so no index on due times is used: each row reads only the rows of its own
    subject.
    """
    never = Value(now - timedelta(days=1), output_field=DateTimeField())
    late = earlier.alias(_due_at=Coalesce("next_attempt_at", never)).filter(_due_at__gt=now)
    return Subquery(late.order_by().values("pk")[:1])
