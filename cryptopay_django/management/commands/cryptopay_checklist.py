"""`manage.py cryptopay_checklist`: the service's list before going live, worked through with the shop's own code."""

from __future__ import annotations

import logging
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
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


class Command(BaseCommand):
    """In a throw-away database and in this process: no socket, no mail, no coin, nothing of the shop's own data."""

    help = (
        "Work through the service's fourteen points before going live, with the shop's own orders, settings and "
        "callback URL, against the sandbox. Exits 1 when a point failed; with --strict also when one was not measured."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", default="default", help="the account to try (default: default)")
        parser.add_argument("--order", help="dotted path, in place of CRYPTOPAY_CHECKLIST_ORDER")
        parser.add_argument("--probe", help="dotted path, in place of CRYPTOPAY_CHECKLIST_PROBE")
        parser.add_argument(
            "--callback-secret",
            metavar="FILE",
            help="a file with the callback secret as the service's account shows it ('-': standard input), "
            "to compare it with CALLBACK_SECRETS",
        )
        parser.add_argument("--report", metavar="NAME", help="write NAME.md and NAME.json")
        parser.add_argument("--strict", action="store_true", help="a point that was not measured counts as failed")
        parser.add_argument("--keepdb", action="store_true", help="keep the throw-away database for the next run")
        parser.add_argument(
            "--noinput", action="store_false", dest="interactive", help="replace one that is left over"
        )
        parser.add_argument(
            "--in-place", action="store_true", help="use the configured database: for a staging system, not a live one"
        )

        parser.add_argument(
            "--live",
            action="store_true",
            help="against the service's own test environment, with the configured database and the running site: says "
            "what to send where, and waits",
        )
        parser.add_argument(
            "--minutes", type=float, default=60, help="with --live: how long to wait for each (default: 60)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run, print a line a point, write the report, exit with the status."""
        try:
            get_account(options["account"])
            order = _named(options["order"], app_settings.CHECKLIST_ORDER)
            probe = _named(options["probe"], app_settings.CHECKLIST_PROBE)
        except (ImproperlyConfigured, TypeError) as error:
            raise CommandError(str(error)) from error
        report = self._run_live(order, probe, options) if options["live"] else self._run(order, probe, options)
        self._show(report)
        if options["report"]:
            self._write(report, options["report"])
        bad = [Result.FAILED, Result.NOT_MEASURED] if options["strict"] else [Result.FAILED]
        if any(report.count(result) for result in bad):
            raise CommandError(report.summary)
        self.stdout.write(report.summary)

    def _run(self, order: Callable[..., Any] | None, probe: Callable[..., Any] | None, options: Any) -> Report:
        secret = _read_secret(options["callback_secret"])
        with _quiet(options["verbosity"]), _database(options):
            return run_checklist(
                place_order=order,
                probe=probe,
                account=options["account"],
                callback_secret=secret,
                progress=self._show_progress if options["verbosity"] else lambda name: None,
            )

    def _run_live(self, order: Callable[..., Any] | None, probe: Callable[..., Any] | None, options: Any) -> Report:
        try:
            return run_live_checklist(
                ask=self._ask,
                place_order=order,
                probe=probe,
                account=options["account"],
                patience=timedelta(minutes=options["minutes"]),
                progress=self._show_progress if options["verbosity"] else lambda name: None,
            )
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error

    def _ask(self, tasks: Sequence[Task]) -> None:
        self.stdout.write("Please do this now; the site has to run, and the service has to reach its callback URL.")
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
    text = sys.stdin.readline() if name == "-" else Path(name).read_text(encoding="utf-8")
    if not text.strip():
        raise CommandError(f"there is no callback secret in {name}")
    return text.strip()


@contextmanager
def _database(options: dict[str, Any]) -> Iterator[None]:
    """Make a database as `manage.py test` does, and remove it afterwards; nothing with `--in-place`."""
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
    """Keep the log of refusals that are meant to happen off the terminal, unless much is asked for."""
    if verbosity > 1:
        yield
        return
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
