"""Implements `manage.py cryptopay_worker`: processes callbacks, delivers events, sends mail, reconciles."""

from __future__ import annotations

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...mails import send_customer_mails
from ...services import work, work_once

_CHORES = (send_customer_mails,)


class Command(BaseCommand):
    """Runs a worker. Several workers can run in parallel. A killed worker loses nothing."""

    help = "Process due callbacks and deliver due events, until stopped (SIGTERM, Ctrl-C), or once with --once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due and exit")
        parser.add_argument(
            "--interval",
            type=float,
            default=1.0,
            help="seconds between looks (default: 1); PostgreSQL wakes a worker in between",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until nothing is due (`--once`), or until the process is stopped."""
        # Also false for what is no number. A longer wait than TIMEOUT_MAX is more than an event can wait for.
        if not 0 < options["interval"] <= threading.TIMEOUT_MAX:
            raise CommandError("--interval must be a number of seconds above 0")
        if options["once"]:
            self.stdout.write(f"{work_once(_CHORES)} done")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        self.stdout.write("waiting for callbacks and events")
        # A pipe or a log file is buffered by blocks: without this the line appears when the worker ends.
        self.stdout.flush()
        work(stop, interval=options["interval"], more=_CHORES)
