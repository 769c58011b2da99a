"""Two processes deliver two events of one invoice, to receivers that do everything wrong.

A statement sees what is committed when it begins, and what its own transaction wrote. A claim skips what is locked.
"""

from typing import NamedTuple

from .explorer import Model, assert_holds, put, search

BUSY = ("receivers", "returned", "dead", "split")


class Event(NamedTuple):
    is_pending: bool = True
    effects: int = 0  # committed


class Process(NamedTuple):
    at: str = "idle"
    event: int = 0


class State(NamedTuple):
    events: tuple[Event, Event] = (Event(), Event())
    processes: tuple[Process, Process] = (Process(), Process())
    trouble: int = 2


class Claiming(Model):
    """Lock the event if it is its turn; call the receivers; mark it delivered last; note a failure while it is pending."""

    start = State()
    marks_last = True
    has_implicit_commit = False  # MariaDB: a receiver that changes a table's columns commits
    asks_again = True  # in the statement that locks it
    asks_the_turn = True
    notes_blindly = False

    def steps(self, s):
        for number, process in enumerate(s.processes):
            for name, after in self.steps_of(s, number, process, s.events[process.event]):
                yield f"P{number + 1}: {name}", after

    def steps_of(self, s, number, process, event):
        def go(at, changed=None, **values):
            events = s.events if changed is None else put(s.events, process.event, changed)
            return s._replace(processes=put(s.processes, number, process._replace(at=at)), events=events, **values)

        trouble = {"trouble": s.trouble - 1}
        if process.at == "idle":
            for place in (0, 1):
                if self.is_due(s, place):
                    found = put(s.processes, number, Process("found", place))
                    yield f"find event {place + 1}", s._replace(processes=found)
        elif process.at == "found":
            is_ours = not self.is_locked(s, process.event) and (self.is_due(s, process.event) or not self.asks_again)
            yield ("lock it", go("receivers")) if is_ours else ("leave it", go("idle"))
        elif process.at == "receivers":
            yield "the receivers return", go("returned")
            if s.trouble:
                yield "a receiver raises: rolled back", go("failed", **trouble)
                yield "a receiver ends the process", go("idle", **trouble)
                yield "a receiver swallows an error of the database: the transaction is dead", go("dead", **trouble)
                if self.has_implicit_commit:
                    now = event._replace(is_pending=event.is_pending and self.marks_last)
                    yield "a receiver changes a table: MariaDB commits", go("split", now, **trouble)
        elif process.at == "dead":
            if self.marks_last:
                yield "marking it fails", go("failed")
            else:
                yield "COMMIT rolls back and says nothing", go("deceived")
        elif process.at == "split":
            yield "then it raises", go("failed")
            yield "then the process dies", go("idle")
        elif process.at == "returned":
            done = event._replace(is_pending=False, effects=event.effects + 1)
            yield "mark it, COMMIT", go("idle", done)
            if s.trouble:
                yield "mark it, COMMIT; then an on_commit hook raises", go("failed", done, **trouble)
                yield "the process dies before COMMIT", go("idle", **trouble)
        elif process.at == "failed":
            yield "note the failure", go("idle", event._replace(is_pending=event.is_pending or self.notes_blindly))

    def is_due(self, s, place):
        is_turn = place == 0 or not s.events[0].is_pending or not self.asks_the_turn
        return s.events[place].is_pending and is_turn

    def is_locked(self, s, place):
        return any(process.at in BUSY and process.event == place for process in s.processes)

    def broken(self, s):
        first, second = s.events
        if max(first.effects, second.effects) > 1:
            return "an effect twice"
        if second.effects > first.effects:
            return "the second before the first"
        if any(process.at == "deceived" for process in s.processes):
            return "taken for delivered, never counted: tried again at once, for ever"
        for place, event in enumerate(s.events):
            if not event.is_pending and not event.effects and not self.is_locked(s, place):
                return "marked delivered without an effect"

    def unfinished(self, s):
        if not all(event.effects for event in s.events):
            return "never delivered"


class OnMariaDB(Claiming):
    has_implicit_commit = True


class MarksFirst(Claiming):
    marks_last = False


class MarksFirstOnMariaDB(OnMariaDB):
    marks_last = False

    def broken(self, s):  # the other way in which marking first goes wrong has a test of its own
        broken = super().broken(s)
        return None if broken and broken.startswith("taken for delivered") else broken


class TakesTheFirstThatIsFree(Claiming):
    """ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED, without a look at earlier ones."""

    asks_the_turn = False


class TrustsWhatItFound(Claiming):
    asks_again = False


class NotesBlindly(Claiming):
    notes_blindly = True


def test_every_effect_happens_once_and_in_order():
    assert_holds(Claiming(), at_least=150)


def test_with_an_implicit_commit_nothing_is_lost():
    assert_holds(OnMariaDB(), at_least=150)


def test_marking_it_before_the_receivers_deceives_the_loop():
    assert search(MarksFirst()).trace == [
        "P1: find event 1",
        "P1: lock it",
        "P1: a receiver swallows an error of the database: the transaction is dead",
        "P1: COMMIT rolls back and says nothing",
    ]


def test_marking_it_before_the_receivers_loses_it_on_mariadb():
    assert search(MarksFirstOnMariaDB()).trace == [
        "P1: find event 1",
        "P1: lock it",
        "P1: a receiver changes a table: MariaDB commits",
        "P1: then it raises",
    ]


def test_taking_the_first_that_is_free_delivers_out_of_order():
    assert search(TakesTheFirstThatIsFree()).trace == [
        "P1: find event 2",
        "P1: lock it",
        "P1: the receivers return",
        "P1: mark it, COMMIT",
    ]


def test_taking_every_exception_for_a_failure_repeats_an_effect():
    finding = search(NotesBlindly())

    assert finding.broken == "an effect twice"
    assert finding.trace[:5] == [
        "P1: find event 1",
        "P1: lock it",
        "P1: the receivers return",
        "P1: mark it, COMMIT; then an on_commit hook raises",
        "P1: note the failure",
    ]


def test_locking_what_was_found_without_asking_again_repeats_an_effect():
    assert search(TrustsWhatItFound()).trace == [
        "P1: find event 1",
        "P1: lock it",
        "P1: the receivers return",
        "P2: find event 1",
        "P1: mark it, COMMIT",
        "P2: lock it",
        "P2: the receivers return",
        "P2: mark it, COMMIT",
    ]
