"""Process stored callbacks, end resolutions without an answer, deliver events, tell the teams, reconcile."""

from __future__ import annotations

import logging
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from ...services import process_overdue, reconcile_in_turn, send_notices

logger = logging.getLogger("cryptopay_django")

CHORES: tuple[Callable[[], object], ...] = (send_notices, reconcile_in_turn)
"""What has a schedule of its own, and waits for mail servers and the gateway."""


class Command(BaseCommand):
    """Any number of workers may run side by side; one that is killed loses nothing."""

    help = "Process callbacks and deliver events that are due, until stopped (SIGTERM, Ctrl-C), or once for cron."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due and exit")
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between looks (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until nothing is due; unless told once, look again after the interval."""
        if options["once"]:
            self.stdout.write(f"{self._drain(threading.Event())} done")
            for chore in CHORES:
                chore()
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("waiting for callbacks and events")
        for chore in CHORES:
            threading.Thread(target=self._repeat, args=[chore, stop, options["interval"]], daemon=True).start()
        while not stop.wait(options["interval"]):
            close_old_connections()
            try:
                self._drain(stop)
            except (DatabaseError, InterfaceError):
                logger.exception("the database does not answer; trying again")

    def _drain(self, stop: threading.Event) -> int:
        total = 0
        while not stop.is_set() and (done := process_overdue()):
            total += done
        return total

    def _repeat(self, chore: Callable[[], object], stop: threading.Event, interval: float) -> None:
        """Do a chore beside the work: a mail server or a gateway that hangs holds up this thread and nothing else."""
        while not stop.wait(interval):
            close_old_connections()
            try:
                chore()
            except Exception:
                logger.exception("%s failed; trying again", chore.__name__)
        connection.close()
