"""Nothing is delivered inside a delivery: what a receiver brings is left to the outer loop.

Event 1 of invoice A has two receivers, R and S. R calls a verb, which writes event 2 of A and event 3 of invoice B, or
starts a task that does so later. Nobody sweeps: what is pending in the end would lie until somebody looks by chance.
"""

from typing import NamedTuple

from .explorer import Model, assert_holds, search


class State(NamedTuple):
    at: str = "begin"
    heard: tuple[str, ...] = ()  # by R and S, in order
    pending: tuple[str, ...] = ("1",)
    left: bool = False  # a nested call has left its invoices to the outer loop
    has_task: bool = False


class Nesting(Model):
    """A nested call leaves its invoices to the outer loop, which looks again at all of them after each COMMIT."""

    start = State()
    looks_again_at = ("2", "3")
    is_known_by = "a token that the loop closes"

    def nested(self, s):
        """Return the name and the state of the call that R makes."""
        return "it calls a verb: 2 and 3 are left to the outer loop", s._replace(left=True)

    def steps(self, s):
        if s.at == "begin":
            yield "event 1 is locked; R gets it", s._replace(at="R", heard=("R 1",))
        if s.at == "R":
            name, after = self.nested(s._replace(at="S", pending=(*s.pending, "2", "3")))
            yield name, after
            yield "it starts a task", s._replace(at="S", has_task=True)
        if s.at == "S":
            rest = tuple(event for event in s.pending if event != "1")
            yield "S gets event 1; marked, COMMIT", s._replace(at="loop", heard=(*s.heard, "S 1"), pending=rest)
        if s.at == "loop":
            seen = [event for event in s.pending if event in (self.looks_again_at if s.left else ())]
            for event in seen[:1]:
                heard = (*s.heard, f"R {event}", f"S {event}")
                rest = tuple(other for other in s.pending if other != event)
                yield f"the loop delivers event {event}", s._replace(heard=heard, pending=rest)
            if not seen:
                yield "the loop ends", s._replace(at="end", left=False)
        if s.at == "end" and s.has_task:
            if self.is_known_by == "a flag":
                yield (
                    "the task seems to be inside: 3 is left to a loop that has ended",
                    s._replace(has_task=False, pending=("3",)),
                )
            else:
                yield "the task delivers event 3 itself", s._replace(has_task=False, heard=(*s.heard, "R 3", "S 3"))

    def broken(self, s):
        if s.heard.count("R 1") > 1:
            return "a receiver is called for an event inside its own call for it"
        if "S 2" in s.heard and "S 1" not in s.heard[: s.heard.index("S 2")]:
            return "S gets event 2 before event 1"

    def unfinished(self, s):
        if s.pending:
            return f"{' and '.join(s.pending)} pending, and no process delivers it"


class DeliversInside(Nesting):
    def nested(self, s):  # event 1 is pending still, and its lock is our own
        return "it calls a verb, which delivers: R gets event 1", s._replace(heard=(*s.heard, "R 1"))


class DeliversInsideAndMarksFirst(Nesting):
    def nested(self, s):  # to our own transaction event 1 looks delivered
        return "it calls a verb, which delivers: R and S get event 2", s._replace(heard=(*s.heard, "R 2", "S 2"))


class KeepsToItsList(Nesting):
    looks_again_at = ()


class KeepsToItsInvoice(Nesting):
    looks_again_at = ("2",)


class KnowsByAFlag(Nesting):
    is_known_by = "a flag"


def test_what_a_receiver_brings_is_delivered_afterwards_and_in_order():
    assert_holds(Nesting())


def test_delivering_inside_calls_a_receiver_inside_its_own_call():
    trace = ["event 1 is locked; R gets it", "it calls a verb, which delivers: R gets event 1"]

    assert search(DeliversInside()).trace == trace


def test_delivering_inside_after_marking_first_is_out_of_order():
    assert search(DeliversInsideAndMarksFirst()).broken == "S gets event 2 before event 1"


def test_a_loop_that_keeps_to_its_list_leaves_what_was_brought():
    assert search(KeepsToItsList()).broken == "2 and 3 pending, and no process delivers it"


def test_a_loop_that_keeps_to_its_invoice_leaves_another_invoices_event():
    assert search(KeepsToItsInvoice()).broken == "3 pending, and no process delivers it"


def test_a_flag_deceives_a_task_that_outlives_the_delivery():
    assert search(KnowsByAFlag()).trace == [
        "event 1 is locked; R gets it",
        "it starts a task",
        "S gets event 1; marked, COMMIT",
        "the loop ends",
        "the task seems to be inside: 3 is left to a loop that has ended",
    ]
