"""Keeps the sandbox's own time: it stops, runs at a chosen speed, and jumps forward on request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def utc_now() -> datetime:
    """Return the real time."""
    return datetime.now(UTC)


def spell_time(moment: datetime) -> str:
    """Spell a time as the wire does: whole seconds with an offset."""
    return moment.isoformat(timespec="seconds")


class Clock:
    """A virtual clock. With speed 0 it moves only by `jump_to`; with speed 60 a minute passes a second."""

    def __init__(
        self, start: datetime | None = None, *, speed: float = 0, wall: Callable[[], datetime] = utc_now
    ) -> None:
        self.wall = wall
        self.speed = speed
        self._wall_anchor = wall()
        self._anchor = start or self._wall_anchor

    def now(self) -> datetime:
        """Return the virtual time."""
        if not self.speed:
            return self._anchor
        return self._anchor + (self.wall() - self._wall_anchor) * self.speed

    def jump_to(self, moment: datetime) -> None:
        """Move forward to this time. A time in the past changes nothing: this clock never goes back."""
        now = self.now()
        self._wall_anchor = self.wall()
        self._anchor = max(now, moment)

    def set_speed(self, speed: float) -> None:
        """Run at this pace from now on; 0 pauses."""
        if speed < 0:
            raise ValueError("the clock's speed cannot be negative")
        self.jump_to(self.now())
        self.speed = speed

    def restart(self) -> None:
        """Go back to the real time; only a reset of the whole sandbox does this."""
        self._wall_anchor = self._anchor = self.wall()

    def seconds_until(self, moment: datetime) -> float | None:
        """Return the real seconds until this time; None when the clock stands still."""
        if not self.speed:
            return None
        return max(timedelta(0), moment - self.now()).total_seconds() / self.speed
