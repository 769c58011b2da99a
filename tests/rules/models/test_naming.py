"""The gateway's id of our invoice is learned from the gateway's own answer, and an early callback is not lost.

At the gateway our invoice is X, with our custom_id; Y is another. A callback may name any id with our custom_id: a stolen
secret, an old body, another environment. Our row can be seen when its creation commits.
"""

from typing import NamedTuple

from .explorer import Model, assert_holds, search


class State(NamedTuple):
    has_row: bool = True
    gateway_id: str | None = None
    forged: int = 1
    honest: int = 1
    at: str = "idle"
    names: str = ""
    orphans: int = 0
    due: int = 0  # callbacks that are processed again
    is_applied: bool = False


class Naming(Model):
    """A row without an id takes it from a GET whose custom_id is ours. After an orphan is committed, look again."""

    asks = True
    looks_again = True

    def __init__(self, *, start=None):
        self.start = start or State()

    def steps(self, s):
        if s.gateway_id is None and s.at in ("idle", "orphan", "stored"):
            yield (
                "the creation is answered: X; orphans of X are due",
                s._replace(has_row=True, gateway_id="X", due=s.due + s.orphans, orphans=0),
            )
        if s.at == "idle":
            if s.forged:
                yield "a callback names Y", self.find(s._replace(names="Y", forged=s.forged - 1))
            if s.honest:
                yield "a callback names X", self.find(s._replace(names="X", honest=s.honest - 1))
            if s.due:
                yield "a callback that names X is processed again", self.find(s._replace(names="X", due=s.due - 1))
        if s.at == "found":
            if s.gateway_id is not None:
                yield (
                    "found by its id: merged",
                    s._replace(at="idle", is_applied=s.is_applied or s.gateway_id == s.names),
                )
            elif self.asks and s.names == "Y":
                yield "GET: another custom_id, not ours", s._replace(at="idle")
            else:
                how = "GET: our custom_id; " if self.asks else ""
                yield f"{how}the row takes its id", s._replace(at="idle", gateway_id=s.names, is_applied=True)
        if s.at == "orphan":
            kept = s._replace(at="stored" if self.looks_again else "idle", orphans=s.orphans + (s.names == "X"))
            yield "stored as an orphan, COMMIT", kept
        if s.at == "stored":
            is_here = s.has_row and s.orphans
            again = s._replace(at="idle", due=s.due + s.orphans, orphans=0) if is_here else s._replace(at="idle")
            yield "looked for again", again

    def find(self, s):
        is_found = s.has_row and s.gateway_id in (None, s.names)
        return s._replace(at="found" if is_found else "orphan")

    def broken(self, s):
        if s.gateway_id == "Y":
            return "our row is another invoice's"

    def unfinished(self, s):
        if s.orphans and s.gateway_id == "X":
            return "an orphan of an invoice that is here"
        if not s.is_applied:
            return "what the gateway said was lost"


class TakesItsWord(Naming):
    asks = False


class LooksOnce(Naming):
    looks_again = False


def test_a_row_is_never_another_invoices_and_no_callback_is_lost():
    assert_holds(Naming())
    assert_holds(Naming(start=State(has_row=False)))


def test_taking_the_id_from_a_callback_makes_the_row_another_invoices():
    assert search(TakesItsWord()).trace == ["a callback names Y", "the row takes its id"]


def test_looking_once_leaves_an_orphan_of_an_invoice_that_is_here():
    assert search(LooksOnce(start=State(has_row=False, forged=0))).trace == [
        "a callback names X",
        "the creation is answered: X; orphans of X are due",
        "stored as an orphan, COMMIT",
    ]
