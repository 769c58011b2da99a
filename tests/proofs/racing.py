"""Acts let go at the same moment: by threads that keep their connections between races, or by processes."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from django.db import connection, connections

from tests.proofs.report import tried

MOST = 16
Act = Callable[[], object]


class Threads:
    """Sixteen threads, each with a connection of its own."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool = pool

    def race(self, *acts: Act) -> list[BaseException]:
        """Let all acts go at once, each in a thread of its own; return what they raised."""
        start = threading.Barrier(len(acts))

        def run(act: Act) -> BaseException | None:
            start.wait()
            try:
                act()
            except BaseException as error:  # noqa: BLE001  whatever it is, the test must see it
                return error
            return None

        raised = [running.result() for running in [self.pool.submit(run, act) for act in acts]]
        tried("races of threads", 1)
        return [error for error in raised if error is not None]


@contextmanager
def at_the_line() -> Iterator[Threads]:
    """Yield the threads; in the end each closes its connection, so that the database can be emptied."""
    with ThreadPoolExecutor(MOST) as pool:
        yield Threads(pool)
        together = threading.Barrier(MOST)
        for closing in [pool.submit(lambda: (together.wait(), connection.close())) for _ in range(MOST)]:
            closing.result()


def race_processes(*acts: Act) -> int:
    """Let all acts go at once, each in a process of its own; return how many failed.

    This process gives up its connections first: no child may share a socket with it.
    """
    connections.close_all()
    start = get_context("fork").Barrier(len(acts))
    children = []
    for act in acts:
        child = os.fork()
        if child == 0:
            try:
                start.wait()
                act()
            except BaseException:  # noqa: BLE001  a child must end here, whatever happens
                traceback.print_exc(file=sys.__stderr__)
                os._exit(1)
            os._exit(0)
        children.append(child)
    failed = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    tried("races of processes", 1)
    return failed
