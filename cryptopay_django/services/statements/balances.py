"""Adds up the entries of the books, exactly, from the last closed period on: what is before it does not change."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from ...fields import EXACT
from ...models import BookEntry, Books, ClosedPeriod
from .movements import ZERO

_PAGE = 5000


def add_up(books: Books, *, until: datetime | None = None) -> dict[str, Decimal]:
    """Return the balance of each currency at a time, without what is booked at that time; now, without a time."""
    periods = ClosedPeriod.objects.primary().filter(books=books).order_by("-until")
    entries = BookEntry.objects.primary().filter(books=books)
    if until is not None:
        periods, entries = periods.filter(until__lte=until), entries.filter(booked_at__lt=until)
    last = periods.first()
    totals: dict[str, Decimal] = {}
    if last is not None:
        totals = {currency: Decimal(text) for currency, text in last.balances.items()}
        entries = entries.filter(booked_at__gte=last.until)
    columns, after = entries.order_by("pk").values_list("pk", "currency", "amount"), 0
    while page := list(columns.filter(pk__gt=after)[:_PAGE]):
        for _, currency, amount in page:
            totals[currency] = EXACT.add(totals.get(currency, ZERO), amount)
        after = page[-1][0]
    return totals
