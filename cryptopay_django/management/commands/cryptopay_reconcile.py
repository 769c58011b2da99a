"""Ask the gateway about open invoices: finds what callbacks did not bring."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date

from ...exceptions import GatewayError
from ...services import find_missing_invoices, reconcile_invoices

_BAR = 30


class Command(BaseCommand):
    """For cron, every few minutes, with --by-age; for a person after an outage, without."""

    help = (
        "Ask the gateway about every open invoice and take in what it says. Exits 1 when a call failed, 2 when all "
        "went well but something had drifted: a callback has not arrived."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, help="ask about so many invoices at most")
        parser.add_argument(
            "--by-age",
            action="store_true",
            help="the older an invoice, the less often: at every run in its first hour, then every ten minutes for a "
            "day, every hour for a fortnight, and once a day",
        )
        parser.add_argument(
            "--missing-since",
            type=_day,
            metavar="YYYY-MM-DD",
            help="after a backup was restored: also name the invoices made since that day that the gateway has and we "
            "do not; exits 2 when there are some",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one summary line; name each failure on stderr."""
        result = reconcile_invoices(limit=options["limit"], by_age=options["by_age"], progress=self._show_progress)
        if self.stderr.isatty():
            self.stderr.write("\r\x1b[K", ending="")
        for invoice_id, error in result.failed.items():
            self.stderr.write(f"invoice {invoice_id}: {error}")
        missing = self._name_missing(options["missing_since"])
        summary = (
            f"{result.asked} asked, {result.drifted} drifted, {result.unknown} unknown to the gateway, "
            f"{len(result.failed)} failed"
        )
        if result.left:
            summary += f"; the gateway is down, {result.left} left for the next run"
        if options["missing_since"]:
            summary += f"; {missing} of the gateway's invoices are missing here"
        if result.failed:
            raise CommandError(summary)
        if result.drifted or missing:
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

    def _show_progress(self, done: int, total: int) -> None:
        if total and self.stderr.isatty():
            filled = _BAR * done // total
            self.stderr.write(f"\r\x1b[K[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {total}", ending="")


def _day(text: str) -> datetime:
    """Read the beginning of a day in the site's time zone."""
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        raise ArgumentTypeError(f"must be a day such as 2026-11-14, not {text!r}")
    return timezone.make_aware(datetime.combine(day, time.min))
