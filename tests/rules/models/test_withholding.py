"""An event is delivered only while it is true, and only where a receiver hears it.

One invoice with two events: completed, and later refunded. A merge may hold it or see it refunded, a person releases it.
"""

from typing import NamedTuple

import pytest

from .explorer import Model, assert_holds, search


class State(NamedTuple):
    is_held: bool = False
    is_refunded: bool = False
    completed: str = "pending"
    refunded: str = "none"
    looked: bool | None = None  # what the delivery at work has found: whether "completed" is true
    has_lied: bool = False
    holds: int = 1


class Withholding(Model):
    """Nothing is stored: the statement that claims an event asks whether it is true, and an untrue one blocks nothing."""

    start = State()
    can_be_refunded = True
    blocks = False

    def steps(self, s):
        if s.completed == "pending" and s.looked is None and self.is_worth_a_look(s):
            yield (
                f"D looks: completed is {'true' if self.is_true(s) else 'untrue'}",
                s._replace(looked=self.is_true(s)),
            )
        if s.looked is not None:
            yield self.claim(s)
        if s.refunded == "pending" and s.looked is None and not self.waits(s):
            yield "D delivers refunded", s._replace(refunded="delivered")
        if s.holds and not s.is_held:
            yield "a merge holds the invoice", s._replace(is_held=True, holds=s.holds - 1)
        if s.is_held:
            again = "pending" if s.completed == "withheld" else s.completed
            yield "a person releases it: what is withheld is pending", s._replace(is_held=False, completed=again)
        if self.can_be_refunded and not s.is_refunded and not s.is_held:
            yield "a merge: refunded", s._replace(is_refunded=True, refunded="pending")

    def is_true(self, s):
        return not s.is_held and not s.is_refunded

    def is_worth_a_look(self, s):
        return self.is_true(s)

    def waits(self, s):
        is_before = s.completed == "pending" and (self.is_true(s) or self.blocks)
        return is_before or (s.completed == "withheld" and self.blocks)

    def claim(self, s):
        return self.deliver(s) if self.is_true(s) else ("D: not due", s._replace(looked=None))

    def deliver(self, s):
        return "D claims and delivers it", s._replace(completed="delivered", looked=None, has_lied=not self.is_true(s))

    def broken(self, s):
        if s.has_lied:
            return "completed is delivered while it is untrue"

    def unfinished(self, s):
        if s.refunded == "pending":
            return "refunded waits behind completed for ever"
        if s.completed != "delivered" and self.is_true(s):
            return "completed is true and withheld, and no process delivers it"


class TrustsTheObjectAtHand(Withholding):
    def claim(self, s):
        return self.deliver(s) if s.looked else ("D: not due", s._replace(looked=None))


class BlocksLaterEvents(Withholding):
    blocks = True


class StoresIt(Withholding):
    """The delivery writes "withheld" under the event's lock; a release makes it pending again."""

    can_be_refunded = False

    def is_worth_a_look(self, s):
        return True

    def claim(self, s):
        if s.looked:
            return super().claim(s)
        return "D writes: withheld", s._replace(completed="withheld", looked=None)


class StoresItUnderTheInvoicesLock(StoresIt):
    def claim(self, s):
        if self.is_true(s) and not s.looked:
            return "D sees under the invoice's lock that it is true", s._replace(looked=None)
        return super().claim(s)


def test_an_event_is_delivered_only_while_it_is_true_and_is_not_lost():
    assert_holds(Withholding())


def test_storing_it_holds_only_with_the_invoice_locked():
    assert_holds(StoresItUnderTheInvoicesLock())

    assert search(StoresIt()).trace == [
        "a merge holds the invoice",
        "D looks: completed is untrue",
        "a person releases it: what is withheld is pending",
        "D writes: withheld",
    ]


def test_trusting_the_object_at_hand_delivers_what_is_untrue():
    trace = ["D looks: completed is true", "a merge holds the invoice", "D claims and delivers it"]

    assert search(TrustsTheObjectAtHand()).trace == trace


def test_an_untrue_event_that_blocks_later_ones_blocks_them_for_ever():
    finding = search(BlocksLaterEvents())

    assert finding.broken == "refunded waits behind completed for ever"
    assert "a merge: refunded" in finding.trace


@pytest.mark.parametrize(("is_left_out_by_the_query", "is_read"), [(True, True), (False, False)])
def test_events_that_nobody_hears_are_left_out_before_the_limit_is_taken(is_left_out_by_the_query, is_read):
    queue, limit, read = ["unheard"] * 3 + ["heard"], 3, []

    for _ in range(5):
        found = [event for event in queue if event == "heard"] if is_left_out_by_the_query else queue
        read += [event for event in found[:limit] if event == "heard"]

    assert ("heard" in read) is is_read
