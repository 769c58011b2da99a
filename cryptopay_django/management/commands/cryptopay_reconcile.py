"""Ask the gateway about open invoices: finds what callbacks did not bring."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...services import reconcile_invoices

_BAR = 30


class Command(BaseCommand):
    """For cron, every few minutes, with --by-age; for a person after an outage, without."""

    help = (
        "Ask the gateway about every open invoice and take in what it says. Exits 1 when a call failed, 2 when all "
        "went well but something had drifted: a callback has not come."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, help="ask about so many invoices at most")
        parser.add_argument(
            "--by-age",
            action="store_true",
            help="the older an invoice, the less often: at every run in its first hour, then every ten minutes for a "
            "day, every hour for a fortnight, and once a day",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one summary line; name each failure on stderr."""
        result = reconcile_invoices(limit=options["limit"], by_age=options["by_age"], progress=self._show_progress)
        if self.stderr.isatty():
            self.stderr.write("\r\x1b[K", ending="")
        for invoice_id, error in result.failed.items():
            self.stderr.write(f"invoice {invoice_id}: {error}")
        summary = (
            f"{result.asked} asked, {result.drifted} drifted, {result.unknown} unknown to the gateway, "
            f"{len(result.failed)} failed"
        )
        if result.left:
            summary += f"; the gateway is down, {result.left} left for the next run"
        if result.failed:
            raise CommandError(summary)
        if result.drifted:
            raise CommandError(summary, returncode=2)
        self.stdout.write(summary)

    def _show_progress(self, done: int, total: int) -> None:
        if total and self.stderr.isatty():
            filled = _BAR * done // total
            self.stderr.write(f"\r\x1b[K[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {total}", ending="")
