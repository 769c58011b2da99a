"""Defines periods of whole days in a named time zone. A period includes its first moment, and not its end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

from ...exceptions import BooksError

_FIRST, _LAST = date(2000, 1, 1), date(2999, 12, 31)
_FORMS = 'write a day as in 2026-11-30, a month as in 2026-11, a year as in 2026, or "yesterday" or "last-month"'


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` on, up to `after`, which is not in it, in a time zone."""

    first: date
    after: date
    zone: str

    def __post_init__(self) -> None:
        find_zone(self.zone)
        if not _FIRST <= self.first < self.after <= _LAST:
            raise BooksError(f"the period from {self.first} to {self.after} is none: it must end after it begins")

    @property
    def since(self) -> datetime:
        """The first moment in it, in UTC."""
        return _midnight(self.first, self.zone)

    @property
    def until(self) -> datetime:
        """The first moment after it, in UTC."""
        return _midnight(self.after, self.zone)

    @property
    def last(self) -> date:
        """The last day in it."""
        return self.after - timedelta(days=1)

    def day_of(self, moment: datetime) -> date:
        """Return the day of a moment in the period's time zone."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def __str__(self) -> str:
        return f"{self.first} to {self.last} ({self.zone})"


def find_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name, such as Europe/Berlin; raise BooksError if there is none."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError) as error:
        raise BooksError(f"{name!r} is no time zone known here: write a name such as Europe/Berlin or UTC") from error


def named_period(text: str, zone: str) -> Period:
    """Return a day, a month or a year by its name, or one that is just over; raise BooksError for what is none."""
    today = timezone.now().astimezone(find_zone(zone)).date()
    if text == "yesterday":
        return Period(today - timedelta(days=1), today, zone)
    if text == "last-month":
        this = today.replace(day=1)
        return Period((this - timedelta(days=1)).replace(day=1), this, zone)
    if not (found := re.fullmatch(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", text, re.ASCII)):
        raise BooksError(f"{text!r} is no period: {_FORMS}")
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        first = date(year or 0, month or 1, day or 1)
        if day:
            after = first + timedelta(days=1)
        elif month:
            after = date(first.year + month // 12, month % 12 + 1, 1)
        else:
            after = date(first.year + 1, 1, 1)
    except (ValueError, OverflowError) as error:
        raise BooksError(f"{text!r} is no period: {_FORMS}") from error
    return Period(first, after, zone)


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)
