"""What a planted bug is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """One mistake: in `file` of the package `old`, which must be there exactly once, becomes `new`.

    `tests` are the fewest that must fail with it, by their names below `tests/`. `also` are further pairs of old and
    new, where one guard stands behind another.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    also: tuple[tuple[str, str], ...] = ()

    def plant(self, text: str) -> str:
        """Return the file's text with the mistake in it; raise ValueError where it has no place any more."""
        for old, new in ((self.old, self.new), *self.also):
            found = text.count(old)
            if found != 1:
                raise ValueError(f"planted bug {self.name!r}: {old!r} is {found} times in {self.file}, not once")
            text = text.replace(old, new)
        return text
