"""Defines `CheckResult`, the result of one check by the doctor, and formats ages for its text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Level(StrEnum):
    """The severity of a result. A warning can wait until the morning; an error delays money or callbacks."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The subject of a check, what was found, and what the reader can do.

    `account` is empty if the check is not about one account. `kind` distinguishes different problems of one subject.
    """

    subject: str
    level: Level
    found: str
    remedy: str = ""
    account: str = ""
    kind: str = ""

    @property
    def id(self) -> str:
        """A stable name for programs, such as "pending-callbacks" or "callback-url.redirect"."""
        slug = self.subject.lower().replace(" ", "-")
        return f"{slug}.{self.kind}" if self.kind else slug


def spell_age(age: timedelta) -> str:
    """Return an age in the most suitable unit."""
    seconds = max(age.total_seconds(), 0)
    for unit, length in (("days", 172_800), ("hours", 7200), ("minutes", 120)):
        if seconds >= length:
            return f"{seconds / {'days': 86_400, 'hours': 3600, 'minutes': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def level_of_age(age: timedelta, *, warning: timedelta, error: timedelta) -> Level:
    """Return the level for something that has waited for this time."""
    if age >= error:
        return Level.ERROR
    return Level.WARNING if age >= warning else Level.OK


def worst_of(results: list[CheckResult]) -> Level:
    """Return the worst level of the results."""
    levels = {result.level for result in results}
    return next((level for level in (Level.ERROR, Level.WARNING) if level in levels), Level.OK)


def since(moment: datetime | None, now: datetime) -> str:
    """Return "never", or how long ago a moment was."""
    return "never" if moment is None else f"{spell_age(now - moment)} ago"
