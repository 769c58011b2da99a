"""Ask the gateway about open invoices and payments on channels: finds what callbacks did not bring."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import date, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date

from ...conf import account_names
from ...exceptions import GatewayError
from ...fields import canonical
from ...services import LedgerComparison, compare_ledger, find_missing_invoices, reconcile_channels, reconcile_invoices
from ...services.reconciliation.compare_ledger import day_of, yesterday

_BAR = 30
_LEDGER_PATIENCE = 3600.0
"""Seconds to wait in all for calls of the ledger: twenty pages a minute of an account are left to it."""


class Command(BaseCommand):
    """Polls open invoices. Run it with cron and --by-age every few minutes, or without --by-age after an outage."""

    help = (
        "Ask the gateway about every open invoice, and about payments on channels, and take in what it says. Exits 1 "
        "when a call failed, 2 when all went well but something had drifted: a callback has not arrived."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=_count, help="poll at most this many invoices")
        parser.add_argument(
            "--by-age",
            action="store_true",
            help="poll older invoices less often: at every run in the first hour, then every ten minutes for a day, "
            "every hour for two weeks, and once a day",
        )
        parser.add_argument(
            "--missing-since",
            type=_day,
            metavar="YYYY-MM-DD",
            help="after a backup was restored: also list the invoices since this day that only the gateway has; exits "
            "2 if there are any",
        )
        parser.add_argument(
            "--ledger",
            type=_ledger_day,
            metavar="YYYY-MM-DD|yesterday",
            help="then also compare the gateway's ledger of this day (in UTC) with the rows here, and list each "
            "difference; exits 2 if there are any, 1 if the ledger could not be read to its end",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a summary, and each failure to stderr."""
        result = reconcile_invoices(limit=options["limit"], by_age=options["by_age"], progress=self._show_progress)
        channels = reconcile_channels(progress=self._show_progress)
        if self.stderr.isatty():
            self.stderr.write("\r\x1b[K", ending="")
        for kind, part in (("invoice", result), ("channels:", channels)):
            for key, error in part.failed.items():
                self.stderr.write(f"{kind} {key}: {error}")
        result.add(channels)
        missing = self._name_missing(options["missing_since"])
        differences, stopped = self._name_differences(options["ledger"])
        summary = (
            f"{result.asked} asked, {result.drifted} drifted, {result.unknown} unknown to the gateway, "
            f"{len(result.failed)} failed"
        )
        if result.left:
            summary += f"; the gateway is down, {result.left} left for the next run"
        if options["missing_since"]:
            summary += f"; {missing} of the gateway's invoices are missing here"
        if options["ledger"]:
            summary += f"; the ledger differs in {differences}"
        if stopped:
            summary += f"; not read to its end: the ledger of {', '.join(stopped)}"
        if result.failed or stopped:
            raise CommandError(summary)
        if result.drifted or missing or differences:
            raise CommandError(summary, returncode=2)
        self.stdout.write(summary)

    def _name_missing(self, since: datetime | None) -> int:
        if since is None:
            return 0
        try:
            missing = find_missing_invoices(since=since)
        except GatewayError as error:
            raise CommandError(f"the gateway's list could not be read to its end: {error}") from error
        for invoice in missing:
            self.stdout.write(f"missing: {invoice}")
        return len(missing)

    def _name_differences(self, day: date | None) -> tuple[int, list[str]]:
        """Print what each account's ledger of a day differs in; return how much, and the accounts not read whole."""
        if day is None:
            return 0, []
        since, until = day_of(day)
        differences, stopped = 0, []
        for account in account_names():
            found = compare_ledger(account, since=since, until=until, patience=_LEDGER_PATIENCE)
            self._show_comparison(day, found)
            differences += len(found.differences)
            stopped += [account] if found.stopped else []
        return differences, stopped

    def _show_comparison(self, day: date, found: LedgerComparison) -> None:
        name = f"ledger of {day}, account {found.account}"
        for one in found.differences:
            self.stdout.write(f"{name}: {one}")
        for one in found.unproven:
            self.stdout.write(f"{name}: in doubt: {one}")
        for note in found.unreadable:
            self.stdout.write(f"{name}: a row cannot be read: {note}")
        for entry in found.others:
            what = f"{entry.reference_type} {entry.reference_id or entry.id}"
            self.stdout.write(f"{name}: not ours: {what}, {canonical(entry.amount):f} {entry.currency}")
        if found.stopped:
            self.stderr.write(f"{name}: {found.stopped}")
        self.stdout.write(f"{name}: {found.compared} of our rows compared")

    def _show_progress(self, done: int, total: int) -> None:
        if total and self.stderr.isatty():
            filled = _BAR * done // total
            self.stderr.write(f"\r\x1b[K[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {total}", ending="")


def _ledger_day(text: str) -> date:
    """Parse a day of the ledger, which has begun; "yesterday" is the last one that is over in UTC."""
    if text == "yesterday":
        return yesterday()
    day = _day(text).date()
    if day_of(day)[0] > timezone.now():
        raise ArgumentTypeError(f"must be a day that has begun in UTC, not {text}")
    return day


def _count(text: str) -> int:
    """Parse a whole number from 1."""
    if not (text.isdecimal() and int(text)):
        raise ArgumentTypeError(f"must be a whole number from 1, not {text!r}")
    return int(text)


def _day(text: str) -> datetime:
    """Parse a day, and return its beginning in the site's time zone."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year < 9000:
        raise ArgumentTypeError(f"must be a day such as 2026-11-14, not {text!r}")
    return timezone.make_aware(datetime.combine(day, time.min))
