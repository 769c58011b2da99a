"""Implements `manage.py cryptopay_prune`: deletes old callbacks and events and, on request, personal data."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ...conf import app_settings
from ...services.retention import BATCH, erase_customer, prune_records


class Command(BaseCommand):
    """Deletes old records. Run it with cron once a day. You can stop it, and run it in parallel."""

    help = (
        "Delete processed callbacks and delivered events that are older than CRYPTOPAY_RETENTION_DAYS. Keep what "
        "is pending, open or held. With --erase-…, erase a customer's personal data instead; money records stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help="instead of CRYPTOPAY_RETENTION_DAYS")
        parser.add_argument("--batch", type=int, default=BATCH, help=f"rows for each transaction (default: {BATCH})")
        parser.add_argument("--dry-run", action="store_true", help="only count, do not delete")
        parser.add_argument("--erase-customer", metavar="ID", default="", help="erase by customer_id")
        parser.add_argument("--erase-email", metavar="ADDRESS", default="", help="erase by payer_email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a summary. Exit with 1 if data could not be erased yet."""
        if options["erase_customer"] or options["erase_email"]:
            if options["dry_run"] or options["days"] is not None:
                raise CommandError("--erase-customer and --erase-email cannot be combined with --days or --dry-run")
            self._erase(options["erase_customer"], options["erase_email"])
            return
        days = app_settings.RETENTION_DAYS if options["days"] is None else options["days"]
        if days < 1 or options["batch"] < 1:
            raise CommandError("--days and --batch must be whole numbers from 1")
        try:
            before = timezone.now() - timedelta(days=days)
        except OverflowError as error:
            raise CommandError(f"--days {days} is before the first year") from error
        done = prune_records(before=before, batch=options["batch"], dry_run=options["dry_run"])
        verb = "to delete" if options["dry_run"] else "deleted"
        self.stdout.write(f"{verb}: {done.callbacks} callbacks, {done.events} events from before {before:%Y-%m-%d}")

    def _erase(self, customer_id: str, email: str) -> None:
        done = erase_customer(customer_id=customer_id, payer_email=email)
        for row_id, reason in done.left.items():
            self.stderr.write(f"{row_id}: {reason}")
        for key, reason in done.left_callbacks.items():
            self.stderr.write(f"callback {key}: {reason}")
        left = len(done.left) + len(done.left_callbacks)
        summary = f"personal data erased from {done.erased} invoices, channels and payment links, {left} left"
        if done.callbacks:
            summary += f"; {done.callbacks} callbacks that name the customer deleted"
        if left:
            raise CommandError(f"{summary}; run it again after they have ended")
        self.stdout.write(summary)
