"""At most so many calls in any window, as the gateway counts them: by when they arrive.

A call that was allowed arrives up to DELAY ticks later, or never: its process may die.
"""

from typing import NamedTuple

import pytest

from .explorer import Model, assert_holds, put, search

ALLOWED, WINDOW, LAST = 2, 4, 9


class Call(NamedTuple):
    at: str = "none"
    since: int = 0


class State(NamedTuple):
    table: tuple[int, ...]
    time: int = 0
    callers: tuple[Call, ...] = (Call(),) * 3
    arrived: tuple[int, ...] = ()  # in the last window


class Limiting(Model):
    """A place is taken by compare-and-swap until the call has surely arrived and its window is over. Nobody frees it."""

    delay = 1
    places = (0,) * ALLOWED

    def __init__(self):
        self.start = State(self.places)

    def take(self, table, at):
        """Return the table with one more call, or None where none is allowed."""
        free = [place for place, free_at in enumerate(table) if free_at <= at]
        return put(table, free[0], at + self.delay + WINDOW) if free else None

    def give_back(self, table, since, at):
        """Return the table after the call has been answered."""
        return table

    def tick(self, table):
        return table

    def steps(self, s):
        is_late = any(call.at == "allowed" and s.time - call.since >= self.delay for call in s.callers)
        if s.time < LAST and not is_late:
            arrived = tuple(at for at in s.arrived if at > s.time + 1 - WINDOW)
            yield f"it is {s.time + 1}", s._replace(time=s.time + 1, arrived=arrived, table=self.tick(s.table))
        for number, call in enumerate(s.callers):
            if number and call == s.callers[number - 1]:
                continue  # callers are alike
            for name, after, table, arrived in self.steps_of(s, call):
                callers = tuple(sorted(put(s.callers, number, after)))
                yield name, s._replace(callers=callers, table=tuple(sorted(table)), arrived=arrived)

    def steps_of(self, s, call):
        if call.at == "none":
            yield from self.ask(s)
        if call.at == "allowed":
            yield "a call arrives", Call(), self.give_back(s.table, call.since, s.time), (*s.arrived, s.time)
            yield "a caller dies", Call(), s.table, s.arrived

    def ask(self, s):
        table = self.take(s.table, s.time)
        if table is not None:
            yield "a call is allowed", Call("allowed", s.time), table, s.arrived

    def broken(self, s):
        if len(s.arrived) > ALLOWED:
            return f"{len(s.arrived)} calls in {WINDOW} ticks"


class ShortenedByTheAnswer(Limiting):
    def give_back(self, table, since, at):
        return put(table, table.index(since + self.delay + WINDOW), at + WINDOW)


class FreedOnCancel(Limiting):
    """A caller that gives up, or rolls back, frees the place; the call arrives all the same."""

    def steps_of(self, s, call):
        yield from super().steps_of(s, call)
        if call.at == "allowed":
            place = s.table.index(call.since + self.delay + WINDOW)
            yield (
                "a caller frees its place; the call arrives",
                Call(),
                put(s.table, place, s.time),
                (*s.arrived, s.time),
            )


class CounterAWindow(Limiting):
    delay = 0
    places = ()

    def take(self, table, at):
        used = [taken for taken in table if taken // WINDOW == at // WINDOW]
        return (*used, at) if len(used) < ALLOWED else None


class Bucket(Limiting):
    """As many tokens as calls in a window, refilled as fast; counted in halves."""

    delay = 0
    places = (2 * ALLOWED,)

    def take(self, table, at):
        return (table[0] - 2,) if table[0] >= 2 else None

    def tick(self, table):
        return (min(2 * ALLOWED, table[0] + 1),)


class Log(Limiting):
    """The moments at which calls were allowed are counted, under a lock."""

    places = ()

    def take(self, table, at):
        recent = tuple(taken for taken in table if taken > at - WINDOW)
        return (*recent, at) if len(recent) < ALLOWED else None


class LogOfCallsThatArriveAtOnce(Log):
    delay = 0


class CountsAndThenWrites(LogOfCallsThatArriveAtOnce):
    """The same in two statements, or in one that INSERTs what it has counted."""

    def steps_of(self, s, call):
        if call.at == "counted":
            yield "writes", Call("allowed", s.time), (*s.table, s.time), s.arrived
        yield from super().steps_of(s, call)

    def ask(self, s):
        if self.take(s.table, s.time) is not None:
            yield "counts: there is room", Call("counted", s.time), s.table, s.arrived


class ReadsTheClockBeforeTheLock(LogOfCallsThatArriveAtOnce):
    def steps_of(self, s, call):
        if call.at == "waits":
            table = self.take(s.table, call.since)
            if table is not None:
                yield "has the lock", Call("allowed", s.time), table, s.arrived
        yield from super().steps_of(s, call)

    def ask(self, s):
        yield "reads the clock, waits for the lock", Call("waits", s.time), s.table, s.arrived


@pytest.mark.parametrize("model", [Limiting, ShortenedByTheAnswer, LogOfCallsThatArriveAtOnce])
def test_no_more_calls_arrive_than_the_gateway_allows(model):
    assert_holds(model(), at_least=100)


ALLOW, ARRIVE = "a call is allowed", "a call arrives"
COUNT, CLOCK, LOCK = "counts: there is room", "reads the clock, waits for the lock", "has the lock"
TRACES = {
    FreedOnCancel: [ALLOW, ARRIVE, ALLOW, "a caller frees its place; the call arrives", ALLOW, ARRIVE],
    CounterAWindow: ["it is 1", "it is 2", "it is 3", ALLOW, ARRIVE, "it is 4", *[ALLOW, ARRIVE] * 2],
    Bucket: [ALLOW, ARRIVE, "it is 1", "it is 2", *[ALLOW, ARRIVE] * 2],
    Log: [ALLOW, "it is 1", ARRIVE, "it is 2", "it is 3", "it is 4", *[ALLOW, ARRIVE] * 2],
    CountsAndThenWrites: [COUNT, "writes", ARRIVE, COUNT, COUNT, *["writes", ARRIVE] * 2],
    ReadsTheClockBeforeTheLock: [CLOCK, "it is 1", "it is 2", "it is 3", "it is 4", CLOCK, CLOCK, *[LOCK, ARRIVE] * 3],
}


@pytest.mark.parametrize("model", TRACES)
def test_more_calls_arrive_than_the_gateway_allows(model):
    finding = search(model())

    assert finding.broken == f"{ALLOWED + 1} calls in {WINDOW} ticks"
    assert finding.trace == TRACES[model]


@pytest.mark.parametrize(("kept_free", "waits"), [(3, 0), (0, 8)])
def test_a_creation_waits_unless_some_places_are_kept_for_it(kept_free, waits):
    """Background work takes all that it may from the start; a creation is asked for at 2, with 10 calls in 10 ticks."""
    taken = [0] * (10 - kept_free)

    at = next(time for time in range(2, 99) if sum(moment > time - 10 for moment in taken) < 10)

    assert at - 2 == waits
