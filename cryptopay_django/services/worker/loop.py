"""Runs a worker until it is stopped. Any number may work side by side; one that is killed loses nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from ..dispatch.postgres_notify import LOOK_AGAIN_AFTER, TRY_AGAIN_AFTER, Listener
from ..events.notices import send_notices
from ..reconciliation.schedule import reconcile_channels_in_turn, reconcile_in_turn
from .due_work import process_overdue

logger = logging.getLogger("cryptopay_django")

CHORES: tuple[Callable[[], object], ...] = (send_notices, reconcile_in_turn, reconcile_channels_in_turn)
"""Work with a schedule of its own. `work` runs each chore in its own thread, because a chore may have to wait for a
mail server or the gateway."""


def work_once(more: Sequence[Callable[[], object]] = ()) -> int:
    """Do everything that is due, chores and `more` included; return how many callbacks, events and outcomes it was."""
    done = work_off(threading.Event())
    for chore in (*CHORES, *more):
        chore()
    return done


def work(stop: threading.Event, *, interval: float, more: Sequence[Callable[[], object]] = ()) -> None:
    """Work until `stop` is set: on what is due, when woken or after `interval` seconds; on chores beside it.

    `more` are further chores: those of layers above, such as the mails to customers.

    Outlives the database. A callback that is in work when `stop` is set is finished.
    """
    for chore in (*CHORES, *more):
        threading.Thread(target=repeat, args=[chore, stop, interval], daemon=True).start()
    listener = Listener()
    pause = interval
    while not stop.is_set():
        close_old_connections()
        try:
            work_off(stop)
        except (DatabaseError, InterfaceError):
            logger.exception("the database does not answer; the worker will retry")
            stop.wait(min(interval, TRY_AGAIN_AFTER))
        else:
            was_woken = listener.wait(stop, pause)
            pause = min(interval, LOOK_AGAIN_AFTER) if was_woken else interval
    listener.close()
    connection.close()


def work_off(stop: threading.Event) -> int:
    """Do what is due until nothing is, or `stop` is set; return how much it was."""
    total = 0
    while not stop.is_set() and (done := process_overdue(stop=stop)):
        total += done
    return total


def repeat(chore: Callable[[], object], stop: threading.Event, interval: float) -> None:
    """Do a chore beside the work: a mail server or a gateway that hangs blocks this thread and nothing else."""
    while not stop.wait(interval):
        close_old_connections()
        try:
            chore()
        except BaseException:
            # Also when a receiver of the shop ends its process: that would end this thread alone, in silence.
            logger.exception("%s failed; it will be retried", chore.__name__)
    connection.close()
