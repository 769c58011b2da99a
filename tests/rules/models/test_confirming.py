"""Waiting callbacks are confirmed by pages of a list, which is no snapshot and may lag behind a GET.

The gateway moves one invoice: 0 new, 1 unresolved, 2 completed. Each move sends a callback, which may arrive late or
never; callback 2 waits for the gateway's word. A page is asked for, answered, and merged, at three moments.
"""

from typing import NamedTuple

from .explorer import Model, assert_holds, search


class State(NamedTuple):
    gateway: int = 0
    sent: tuple[int, ...] = ()
    row: int = 0
    version: int = 1
    is_waiting: bool = False  # callback 2 has arrived
    page: str = "none"
    version_read: int = 0
    page_says: int = 0
    is_older: bool = False  # than callback 2
    is_held: bool = False
    is_refused: bool = False
    clock: int = 0


class Confirming(Model):
    """Our version is read before the page is asked for; a page moves forward only, and refuses nothing that is newer."""

    start = State()
    reads_version_before = True
    holds_what_is_behind = False  # otherwise that one invoice is asked for alone
    an_older_page_refuses = False
    lags = False

    def steps(self, s):
        s = s._replace(clock=s.clock + 1)
        if s.clock > 9:
            return
        if s.gateway < 2:
            yield (
                f"the gateway moves to {s.gateway + 1}",
                s._replace(gateway=s.gateway + 1, sent=(*s.sent, s.gateway + 1)),
            )
        for step in set(s.sent):
            rest = s._replace(sent=tuple(other for other in s.sent if other != step))
            if step == 1:
                yield "callback 1: merged", self.moved(rest, max(s.row, 1))
            else:
                yield (
                    "callback 2: waits for the gateway's word",
                    rest._replace(is_waiting=s.row < 2, is_older=s.page != "none"),
                )
        if s.is_waiting:
            yield "another process asks for it alone: merged", self.moved(s, s.gateway)
        if s.page == "none":
            yield "a page is asked for", s._replace(page="asked", version_read=s.version, is_older=False)
        if s.page == "asked":
            for says in {s.gateway, max(0, s.gateway - 1)} if self.lags else {s.gateway}:
                yield f"the page says {says}", s._replace(page="here", page_says=says)
        if s.page == "here":
            yield self.merge(s._replace(page="none", page_says=0, version_read=0), s)

    def merge(self, done, s):
        if self.reads_version_before and s.version_read != s.version:
            return "the row has moved on: the page is left", done
        if s.page_says > s.row:
            return f"the row moves to {s.page_says}", self.moved(done, s.page_says)
        if s.page_says < s.row:
            if self.holds_what_is_behind:
                return "the page is behind us: held", done._replace(is_held=True)
            return "the page is behind us: asked for alone", done
        if s.is_waiting and (self.an_older_page_refuses or not s.is_older):
            return "the page does not know of it: callback 2 is refused", done._replace(
                is_waiting=False, is_refused=True
            )
        return "no news", done

    def moved(self, s, to):
        return s._replace(row=to, version=s.version + (to != s.row), is_waiting=s.is_waiting and to < 2)

    def broken(self, s):
        if s.is_held:
            return "held, though the gateway never went back"
        if s.is_refused and s.gateway == 2:
            return "refused, though the gateway has said it"


class ReadsTheVersionAfter(Confirming):
    reads_version_before = False
    holds_what_is_behind = True


class HoldsWhatIsBehind(Confirming):
    holds_what_is_behind = True


class HoldsWhatIsBehindAListThatLags(HoldsWhatIsBehind):
    lags = True


class AnOlderPageRefuses(Confirming):
    an_older_page_refuses = True


def test_a_page_confirms_and_neither_holds_nor_refuses_what_is_true():
    assert_holds(Confirming(), at_least=200)


def test_a_page_is_as_good_as_a_get_only_while_the_list_does_not_lag():
    assert_holds(HoldsWhatIsBehind(), at_least=200)

    assert search(HoldsWhatIsBehindAListThatLags()).trace == [
        "the gateway moves to 1",
        "callback 1: merged",
        "a page is asked for",
        "the page says 0",
        "the page is behind us: held",
    ]


def test_reading_the_version_after_the_page_holds_what_never_went_back():
    assert search(ReadsTheVersionAfter()).trace == [
        "a page is asked for",
        "the page says 0",
        "the gateway moves to 1",
        "callback 1: merged",
        "the page is behind us: held",
    ]


def test_a_page_that_is_older_than_a_callback_must_not_refuse_it():
    assert search(AnOlderPageRefuses()).trace == [
        "a page is asked for",
        "the page says 0",
        "the gateway moves to 1",
        "the gateway moves to 2",
        "callback 2: waits for the gateway's word",
        "the page does not know of it: callback 2 is refused",
    ]
