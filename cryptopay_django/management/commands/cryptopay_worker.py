"""Process stored callbacks, end resolutions without an answer, deliver events, notify the teams, reconcile."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from ...services import work, work_once


class Command(BaseCommand):
    """Any number of workers may run side by side; one that is killed loses nothing."""

    help = "Process callbacks and deliver events that are due, until stopped (SIGTERM, Ctrl-C), or once for cron."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due and exit")
        parser.add_argument(
            "--interval",
            type=float,
            default=1.0,
            help="seconds between looks (default: 1); PostgreSQL wakes a worker in between",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until nothing is due, or until stopped."""
        if options["once"]:
            self.stdout.write(f"{work_once()} done")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("waiting for callbacks and events")
        # A pipe or a log file is buffered by blocks: without this the line appears when the worker ends.
        self.stdout.flush()
        work(stop, interval=options["interval"])
