"""One finding of the diagnosis, and how ages and counts are written in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. A warning can wait for the morning; an error holds up money or callbacks."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Sign:
    """What was looked at, what was found, and what the reader can do. `account` is empty for what all share.

    `kind` tells apart, for programs, what can be wrong with the same subject.
    """

    subject: str
    level: Level
    found: str
    remedy: str = ""
    account: str = ""
    kind: str = ""

    @property
    def id(self) -> str:
        """A name for programs: "pending-callbacks", "callback-url.redirect"."""
        slug = self.subject.lower().replace(" ", "-")
        return f"{slug}.{self.kind}" if self.kind else slug


def spell_age(age: timedelta) -> str:
    """Return an age in the one unit that tells most."""
    seconds = max(age.total_seconds(), 0)
    for unit, length in (("days", 172_800), ("hours", 7200), ("minutes", 120)):
        if seconds >= length:
            return f"{seconds / {'days': 86_400, 'hours': 3600, 'minutes': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def level_of_age(age: timedelta, *, warning: timedelta, error: timedelta) -> Level:
    """Return how bad it is that something has waited for so long."""
    if age >= error:
        return Level.ERROR
    return Level.WARNING if age >= warning else Level.OK


def worst_of(signs: list[Sign]) -> Level:
    """Return the worst level among signs."""
    levels = {sign.level for sign in signs}
    return next((level for level in (Level.ERROR, Level.WARNING) if level in levels), Level.OK)


def since(moment: datetime | None, now: datetime) -> str:
    """Return "never", or how long ago."""
    return "never" if moment is None else f"{spell_age(now - moment)} ago"
