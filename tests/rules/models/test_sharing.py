"""A web process delivers what it wrote, two workers take it from the queue: counting and claiming together.

One event. A worker counts (a commit), then claims. The lease that counting takes may run out at any time.
"""

from typing import NamedTuple

from .explorer import Model, assert_holds, put, search


class Event(NamedTuple):
    is_pending: bool = True
    count: int = 0
    attempts: int = 0  # made
    is_leased: bool = False
    effects: int = 0


class Process(NamedTuple):
    at: str = "idle"
    count: int = 0  # as this process has written it


class State(NamedTuple):
    event: Event = Event()
    processes: tuple[Process, ...] = (Process("counted"), Process(), Process())  # the writer need not count its first
    trouble: int = 3
    is_waiting: bool = False


class Sharing(Model):
    """Counting passes over a locked event; the claim asks again whether it is pending, not whose count it bears."""

    start = State()
    counting_skips = True
    claim_asks_again = True
    claim_asks_for_its_count = False

    def steps(self, s):
        if s.event.is_leased:
            yield "the lease runs out", s._replace(event=s.event._replace(is_leased=False))
        for number, process in enumerate(s.processes):
            if number == 2 and s.processes[1] == process:
                continue  # the workers are alike
            name = "the writer" if number == 0 else f"W{number}"
            for step, after in self.steps_of(s, number, process):
                yield f"{name}: {step}", after

    def steps_of(self, s, number, process):
        event, trouble = s.event, {"trouble": s.trouble - 1}
        is_locked = any(other.at == "receivers" for other in s.processes)
        rest = Process("gone" if number == 0 else "idle")

        def go(process, event=event, **values):
            return s._replace(processes=put(s.processes, number, process), event=event, **values)

        if process.at == "idle" and event.is_pending and not event.is_leased:
            yield "find it due", go(Process("found"))
        elif process.at == "found":
            if is_locked and not self.counting_skips:
                yield "wait to count it until the receivers of another return", s._replace(is_waiting=True)
            elif is_locked or not event.is_pending or event.is_leased:
                yield "leave it", go(rest)
            else:
                count = event.count + 1
                yield (
                    f"count it ({count}), COMMIT",
                    go(Process("counted", count), event._replace(count=count, is_leased=True)),
                )
        elif process.at == "counted":
            is_ours = process.count == event.count or not self.claim_asks_for_its_count
            if is_locked or (self.claim_asks_again and not (event.is_pending and is_ours)):
                yield "cannot claim it", go(rest)
            else:
                claimed = event._replace(attempts=event.attempts + 1)
                yield "lock it, call the receivers", go(process._replace(at="receivers"), claimed)
        elif process.at == "receivers":
            yield (
                "mark it, COMMIT",
                go(rest, event._replace(is_pending=False, is_leased=False, effects=event.effects + 1)),
            )
            if s.trouble:
                noted = event._replace(count=max(event.count, process.count or event.count + 1))
                yield "a receiver raises; noted", go(rest, noted, **trouble)
                yield "a receiver ends the process", go(rest, **trouble)

    def broken(self, s):
        if s.event.effects > 1:
            return "an effect twice"
        if s.is_waiting:
            return "a worker hangs with the receivers of another"
        if s.event.count > 2 * s.event.attempts + 3:
            return f"counted {s.event.count}, attempted {s.event.attempts}: given up without a trial"
        if s.event.attempts > s.event.count + 1:
            return f"{s.event.attempts} attempts, counted {s.event.count}"

    def unfinished(self, s):
        if not s.event.effects:
            return "never delivered"


class CountingWaits(Sharing):
    counting_skips = False


class ClaimTrustsTheCount(Sharing):
    claim_asks_again = False


class ClaimAsksForItsCount(Sharing):
    claim_asks_for_its_count = True


def test_writer_and_workers_deliver_once_and_count_what_they_try():
    assert_holds(Sharing(), at_least=200)


def test_counting_that_waits_hangs_with_another_process():
    assert search(CountingWaits()).trace == [
        "the writer: lock it, call the receivers",
        "W1: find it due",
        "W1: wait to count it until the receivers of another return",
    ]


def test_a_claim_that_trusts_its_count_repeats_an_effect():
    assert search(ClaimTrustsTheCount()).trace == [
        "W1: find it due",
        "W1: count it (1), COMMIT",
        "the writer: lock it, call the receivers",
        "the writer: mark it, COMMIT",
        "W1: lock it, call the receivers",
        "W1: mark it, COMMIT",
    ]


def test_a_claim_that_asks_for_its_own_count_gives_up_without_a_trial():
    finding = search(ClaimAsksForItsCount())

    assert finding.broken == "counted 4, attempted 0: given up without a trial"
    assert finding.trace[:7] == [
        "W1: find it due",
        "W1: count it (1), COMMIT",
        "the lease runs out",
        "W2: find it due",
        "W2: count it (2), COMMIT",
        "the lease runs out",
        "W1: cannot claim it",
    ]
