"""Breadth-first search through every state of a small model: the first trace that breaks a promise is a shortest one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

T = TypeVar("T")
MOST_STATES = 400_000


class Model:
    """A rule, as the steps that it allows. An alternative is a subclass that changes as little as it can.

    Class attributes are the choices that a variant makes.
    """

    start: NamedTuple

    def steps(self, state) -> Iterable[tuple[str, NamedTuple]]:
        """Yield each step that can be next: its name, and the state after it."""
        raise AssertionError("each model has its own")

    def broken(self, state) -> str | None:
        """Return the promise that this state breaks."""

    def unfinished(self, state) -> str | None:
        """Return what is missing in a state in which nothing can happen any more."""


class Finding(NamedTuple):
    """The promise that was broken, and the steps to it; the number of states where none was."""

    broken: str | None
    trace: list[str]
    states: int


def search(model: Model) -> Finding:
    """Visit every state that can be reached, the nearest first."""
    before: dict[NamedTuple, tuple[NamedTuple, str] | None] = {model.start: None}
    waiting = deque([model.start])
    while waiting:
        state = waiting.popleft()
        steps = list(model.steps(state))
        broken = model.broken(state) or (None if steps else model.unfinished(state))
        if broken:
            return Finding(broken, list(_trace(before, state))[::-1], len(before))
        for name, after in steps:
            if after not in before:
                before[after] = (state, name)
                waiting.append(after)
        assert len(before) < MOST_STATES, "make the model smaller"
    return Finding(None, [], len(before))


def _trace(before, state) -> Iterator[str]:
    while before[state] is not None:
        state, name = before[state]
        yield name


def assert_holds(model: Model, *, at_least: int = 10) -> None:
    """Check that no state breaks a promise, and that there was something to search."""
    finding = search(model)
    assert finding.broken is None, "\n".join([finding.broken, *finding.trace])
    assert finding.states >= at_least


def put(values: tuple[T, ...], place: int, value: T) -> tuple[T, ...]:
    """Return the tuple with another value in one place."""
    return (*values[:place], value, *values[place + 1 :])
