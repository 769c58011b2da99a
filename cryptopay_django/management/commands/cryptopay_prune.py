"""`manage.py cryptopay_prune`: old callbacks and events go; on request, a customer's personal data."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ...conf import app_settings
from ...services.retention import BATCH, erase_customer, prune_records


class Command(BaseCommand):
    """For cron, once a day; safe to stop, and to run beside itself."""

    help = (
        "Delete processed callbacks and delivered events that are older than CRYPTOPAY_RETENTION_DAYS; never what is "
        "pending, open or held. With --erase-…, erase a customer's personal data instead; money records stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, help="in place of CRYPTOPAY_RETENTION_DAYS")
        parser.add_argument("--batch", type=int, default=BATCH, help=f"rows a transaction (default: {BATCH})")
        parser.add_argument("--dry-run", action="store_true", help="count, delete nothing")
        parser.add_argument("--erase-customer", metavar="ID", default="", help="the customer_id that the shop gave")
        parser.add_argument("--erase-email", metavar="ADDRESS", default="", help="the payer_email of the invoices")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one summary line; exit 1 when data that was to be erased had to stay."""
        if options["erase_customer"] or options["erase_email"]:
            if options["dry_run"] or options["days"] is not None:
                raise CommandError("erasing takes neither --days nor --dry-run")
            self._erase(options["erase_customer"], options["erase_email"])
            return
        days = app_settings.RETENTION_DAYS if options["days"] is None else options["days"]
        if days < 1 or options["batch"] < 1:
            raise CommandError("--days and --batch are whole numbers from 1 on")
        before = timezone.now() - timedelta(days=days)
        done = prune_records(before=before, batch=options["batch"], dry_run=options["dry_run"])
        verb = "to delete" if options["dry_run"] else "deleted"
        self.stdout.write(f"{verb}: {done.callbacks} callbacks, {done.events} events from before {before:%Y-%m-%d}")

    def _erase(self, customer_id: str, email: str) -> None:
        done = erase_customer(customer_id=customer_id, payer_email=email)
        for invoice_id, reason in done.left.items():
            self.stderr.write(f"invoice {invoice_id}: {reason}")
        summary = f"personal data erased from {done.erased} invoices, {len(done.left)} left"
        if done.left:
            raise CommandError(f"{summary}; run it again when they have ended")
        self.stdout.write(summary)
