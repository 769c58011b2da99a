"""Killing a real process at a chosen point: before or after any SQL statement, before or after any COMMIT."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from django.db import connection, connections


class Fuse:
    """Counts the points that a process passes, and kills it with SIGKILL at one of them."""

    def __init__(self, kill_at: int) -> None:
        self.kill_at = kill_at
        self.passed = 0

    def burn(self) -> None:
        """Pass a point."""
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        """Stand around every statement, as an execute wrapper."""
        self.burn()
        result = execute(*arguments)
        self.burn()
        return result

    def around_commits(self) -> None:
        """Stand around every COMMIT of this process's connection."""
        commit = connection._commit

        def burning_commit() -> Any:
            self.burn()
            result = commit()
            self.burn()
            return result

        connection._commit = burning_commit


def run_until(kill_at: int, road: Callable[[], object]) -> bool:
    """Run a road in a process of its own, killed at its n-th point; return whether it was.

    The parent gives up its connections first: the child must not share a socket with it.
    """
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            fuse = Fuse(kill_at)
            fuse.around_commits()
            with connection.execute_wrapper(fuse):
                road()
        except BaseException:  # noqa: BLE001  a child must end here, whatever happens
            traceback.print_exc(file=sys.__stderr__)
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the road failed by itself: see its traceback on stderr"
    return False
