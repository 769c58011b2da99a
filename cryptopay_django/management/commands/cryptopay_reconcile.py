"""Ask the gateway about every open invoice: finds what callbacks did not bring."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...services import reconcile_invoices


class Command(BaseCommand):
    """For cron, every few minutes."""

    help = "Ask the gateway about every open invoice and take in what it says. Exits 1 when a call failed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--limit", type=int, help="ask about so many invoices at most")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one summary line; name each failure on stderr."""
        result = reconcile_invoices(limit=options["limit"])
        for invoice_id, error in result.failed.items():
            self.stderr.write(f"invoice {invoice_id}: {error}")
        summary = (
            f"{result.asked} asked, {result.drifted} drifted, {result.unknown} unknown to the gateway, "
            f"{len(result.failed)} failed"
        )
        if result.failed:
            raise CommandError(summary)
        self.stdout.write(summary)
