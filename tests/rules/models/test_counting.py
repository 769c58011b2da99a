"""Attempts are counted before they are made, so that a receiver that ends its process is found out.

Events of two invoices, A before B in the queue. A's receiver raises or ends the process, B's is well. One worker, which
is started again each time: no luck with processes can help B. A round is a look at the queue.
"""

from typing import NamedTuple

from .explorer import Model, assert_holds, search


class State(NamedTuple):
    rounds: int = 9
    attempts: int = 0  # made
    count: int = 0  # as stored
    back_off: int = 0  # rounds until A is due
    is_first: bool = True
    is_delivered: bool = False  # B


class Counting(Model):
    """Count every attempt but the writer's own first one beforehand, and move it beyond its back-off, in one commit."""

    start = State()
    counts_before_if_it_has_failed = False
    moves_it = True
    notes_again = False

    def steps(self, s):
        if not s.rounds:
            return
        s = s._replace(rounds=s.rounds - 1, back_off=max(s.back_off - 1, 0))
        if s.back_off:
            yield "B is delivered", s._replace(is_delivered=True)
            return
        is_counted = s.count > 0 if self.counts_before_if_it_has_failed else not s.is_first
        s = s._replace(attempts=s.attempts + 1, count=s.count + is_counted, is_first=False)
        counted = f"A is counted ({s.count}), " if is_counted else "A: "
        moved = s._replace(back_off=2**s.count) if is_counted and self.moves_it else s
        yield f"{counted}its receiver ends the process", moved
        noted = s.count + (1 if self.notes_again or not is_counted else 0)
        yield f"{counted}its receiver raises, noted ({noted})", moved._replace(count=noted, back_off=2**noted)

    def broken(self, s):
        if not s.count <= s.attempts <= s.count + 1:
            return f"{s.attempts} attempts, counted {s.count}"

    def unfinished(self, s):
        if not s.is_delivered:
            return "B is never delivered"


class CountsWhatHasFailed(Counting):
    counts_before_if_it_has_failed = True


class CountsOnly(Counting):
    moves_it = False


class NotesAgain(Counting):
    notes_again = True


def test_attempts_are_counted_and_another_invoice_is_delivered():
    assert_holds(Counting())


def test_counting_beforehand_only_what_has_failed_never_begins_to_count():
    finding = search(CountsWhatHasFailed())

    assert finding == ("2 attempts, counted 0", ["A: its receiver ends the process"] * 2, finding.states)


def test_counting_without_moving_it_leaves_it_at_the_head_of_the_queue():
    finding = search(CountsOnly())

    assert finding.broken == "B is never delivered"
    assert finding.trace[1] == "A is counted (1), its receiver ends the process"


def test_noting_a_failure_that_was_counted_counts_it_twice():
    finding = search(NotesAgain())

    assert finding.broken == "2 attempts, counted 3"
    assert finding.trace == [
        "A: its receiver raises, noted (1)",
        "B is delivered",
        "A is counted (2), its receiver raises, noted (3)",
    ]
