"""Whether anything waits to be done: one question for everything that has a `next_attempt_at`."""

from __future__ import annotations

from datetime import datetime

from django.db import connections, models, router

from ..models import Callback, HandlerDelivery, InvoiceEvent, Resolution

QUEUES: tuple[type[models.Model], ...] = (Callback, Resolution, InvoiceEvent, HandlerDelivery)
"""Every model whose rows are worked on when their `next_attempt_at` has come. It is indexed on each."""


def is_anything_due(at: datetime) -> bool:
    """Tell whether a callback, resolution, event or call of a handler has been due since `at` or longer.

    One statement. It asks for the earliest moment, which stands at one end of an index, and not whether such a row
    exists: a planner without fresh statistics would look for that one through the whole table. It may tell of more
    than there is to do: an event that waits behind one that has failed counts too.
    """
    connection = connections[router.db_for_write(Callback)]
    quote = connection.ops.quote_name
    parts = [
        f"(SELECT MIN({quote('next_attempt_at')}) FROM {quote(model._meta.db_table)}) <= %s"  # noqa: S608
        for model in QUEUES
    ]
    moment = Callback._meta.get_field("next_attempt_at").get_db_prep_value(at, connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT CASE WHEN {' OR '.join(parts)} THEN 1 ELSE 0 END", [moment] * len(QUEUES))
        return bool(cursor.fetchone()[0])
