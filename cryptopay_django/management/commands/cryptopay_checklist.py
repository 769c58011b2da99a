"""Implements `manage.py cryptopay_checklist`: runs the gateway's checklist with the shop's own code."""

from __future__ import annotations

import logging
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.test.utils import setup_databases, teardown_databases

from ...conf import app_settings, get_account
from ...conf.validators import function
from ...testing.checklist import Finding, Report, Result, Task, run_checklist, run_live_checklist

Functions = Mapping[str, Callable[..., Any] | None]


class Command(BaseCommand):
    """Runs the checklist in a temporary database and in this process.

    Opens no socket, sends no mail, moves no coins.
    """

    help = (
        "Work through the gateway's fourteen points, and four about channels, before going live, with the shop's own "
        "orders, settings and callback URL, against the sandbox. Exits 1 when a point failed; with --strict also if "
        "one was not measured that concerns the shop."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", default="default", help="the account to try (default: default)")
        parser.add_argument("--order", help="dotted path, instead of CRYPTOPAY_CHECKLIST_ORDER")
        parser.add_argument("--probe", help="dotted path, instead of CRYPTOPAY_CHECKLIST_PROBE")
        parser.add_argument("--channel", help="dotted path, instead of CRYPTOPAY_CHECKLIST_CHANNEL")
        parser.add_argument("--channel-probe", help="dotted path, instead of CRYPTOPAY_CHECKLIST_CHANNEL_PROBE")
        parser.add_argument(
            "--callback-secret",
            metavar="FILE",
            help="a file with the callback secret from your account at the gateway ('-': standard input), to "
            "compare it with CALLBACK_SECRETS",
        )
        parser.add_argument("--report", metavar="NAME", help="write NAME.md and NAME.json")
        parser.add_argument("--strict", action="store_true", help="a point that was not measured counts as failed")
        parser.add_argument("--keepdb", action="store_true", help="keep the temporary database for the next run")
        parser.add_argument(
            "--noinput", action="store_false", dest="interactive", help="replace an old temporary database"
        )
        parser.add_argument("--in-place", action="store_true", help="use the configured database; for staging only")

        parser.add_argument(
            "--live",
            action="store_true",
            help="against the gateway's test environment, with the configured database and the running site: says "
            "what to send where, and waits",
        )
        parser.add_argument(
            "--minutes", type=float, default=60, help="with --live: minutes to wait for each step (default: 60)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the checklist, print one line for each point, write the report, and exit with the status."""
        try:
            get_account(options["account"])
            functions = {
                "place_order": _named(options["order"], app_settings.CHECKLIST_ORDER),
                "probe": _named(options["probe"], app_settings.CHECKLIST_PROBE),
                "open_channel": _named(options["channel"], app_settings.CHECKLIST_CHANNEL),
                "channel_probe": _named(options["channel_probe"], app_settings.CHECKLIST_CHANNEL_PROBE),
            }
        except (ImproperlyConfigured, TypeError) as error:
            raise CommandError(str(error)) from error
        report = self._run_live(functions, options) if options["live"] else self._run(functions, options)
        self._show(report)
        if options["report"]:
            self._write(report, options["report"])
        if report.fails(strict=options["strict"]):
            raise CommandError(report.summary)
        self.stdout.write(report.summary)

    def _run(self, functions: Functions, options: Any) -> Report:
        secret = _read_secret(options["callback_secret"])
        with _quiet(options["verbosity"]), _database(options):
            return run_checklist(
                place_order=functions["place_order"],
                probe=functions["probe"],
                open_channel=functions["open_channel"],
                channel_probe=functions["channel_probe"],
                account=options["account"],
                callback_secret=secret,
                progress=self._show_progress if options["verbosity"] else lambda name: None,
            )

    def _run_live(self, functions: Functions, options: Any) -> Report:
        try:
            return run_live_checklist(
                ask=self._ask,
                place_order=functions["place_order"],
                probe=functions["probe"],
                account=options["account"],
                patience=timedelta(minutes=options["minutes"]),
                progress=self._show_progress if options["verbosity"] else lambda name: None,
            )
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error

    def _ask(self, tasks: Sequence[Task]) -> None:
        self.stdout.write("Please do this now. The site must be running, and the gateway must reach its callback URL.")
        for task in tasks:
            self.stdout.write(f"  - {task.text}")
        self.stdout.flush()

    def _show_progress(self, name: str) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r\x1b[Kplaying: {name}", ending="")

    def _show(self, report: Report) -> None:
        if self.stderr.isatty():
            self.stderr.write("\r\x1b[K", ending="")
        for finding in report.findings:
            self.stdout.write(self._line(finding))
        self.stdout.write("")
        for note in report.notes:
            self.stdout.write(note)

    def _line(self, finding: Finding) -> str:
        styles = {Result.PASSED: self.style.SUCCESS, Result.FAILED: self.style.ERROR}
        style = styles.get(finding.result, self.style.WARNING)
        return f"{finding.number:>2}  {style(f'{finding.result:<12}')}  {finding.title} — {finding.evidence}"

    def _write(self, report: Report, name: str) -> None:
        base = Path(name)
        base.parent.mkdir(parents=True, exist_ok=True)
        for suffix, text in ((".md", report.to_markdown()), (".json", report.to_json())):
            path = base.with_name(base.name + suffix)
            path.write_text(text, encoding="utf-8")
            self.stdout.write(f"wrote {path}")


def _named(path: str | None, configured: Callable[..., Any] | None) -> Callable[..., Any] | None:
    if not path:
        return configured
    try:
        return function(path)
    except TypeError as error:
        raise TypeError(f"{path!r} must be {error}") from error


def _read_secret(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        text = sys.stdin.readline() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CommandError(f"--callback-secret: {name} cannot be read: {error}") from error
    if not text.strip():
        raise CommandError(f"there is no callback secret in {name}")
    return text.strip()


@contextmanager
def _database(options: dict[str, Any]) -> Iterator[None]:
    """Create a database like `manage.py test`, and remove it afterwards. With `--in-place`, do nothing."""
    if options["in_place"]:
        yield
        return
    config = setup_databases(verbosity=0, interactive=options["interactive"], keepdb=options["keepdb"])
    try:
        yield
    finally:
        teardown_databases(config, verbosity=0, keepdb=options["keepdb"])


@contextmanager
def _quiet(verbosity: int) -> Iterator[None]:
    """Hide expected refusals from the terminal, unless the verbosity is high."""
    if verbosity > 1:
        yield
        return
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
