"""`manage.py cryptopay_deliver_again`: delivered events are delivered once more, of some invoices or of a period."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from ...models import Invoice
from ...services import deliver_again
from ...services.events.deliver_again import repeatable_events
from ...services.events.outbox import SIGNALS


class Command(BaseCommand):
    """For a shop that was connected to nothing, or lost what it had done. Receivers see `event.is_repetition`."""

    help = (
        "Deliver delivered events once more, with the same uuid, to receivers and handlers. Name invoices, or give a "
        "period with --since; look first with --dry-run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("invoices", nargs="*", metavar="INVOICE", help="its id or custom_id")
        parser.add_argument(
            "--since", metavar="TIME", help="events from this time on, such as 2026-11-28 or 2026-11-28T14:00"
        )
        parser.add_argument("--until", metavar="TIME", help="events from before this time (default: now)")
        parser.add_argument("--kind", action="append", default=[], choices=[str(kind) for kind in SIGNALS],
                            help="only this event; may be given several times")  # fmt: skip
        parser.add_argument("--actor", default="manage.py", help="who asks for it; goes into the timeline")
        parser.add_argument("--reason", default="", help="why; goes into the timeline")
        parser.add_argument("--dry-run", action="store_true", help="count, deliver nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one summary line."""
        if not options["invoices"] and not options["since"]:
            raise CommandError("name invoices, or a period with --since")
        times: dict[str, Any] = {"since": _time(options["since"]), "until": _time(options["until"]) or timezone.now()}
        events = repeatable_events(options["kind"], **times)
        if options["invoices"]:
            events = events.filter(invoice__in=self._named(options["invoices"]))
        found = Invoice.objects.primary().filter(pk__in=events.values("invoice_id")).order_by("created_at", "pk")
        if options["dry_run"]:
            self.stdout.write(f"to deliver again: {events.count()} events of {found.count()} invoices")
            return
        who: dict[str, Any] = {"actor": options["actor"], "reason": options["reason"], "kinds": options["kind"]}
        counts = [deliver_again(invoice, **who, **times) for invoice in found.iterator()]
        self.stdout.write(f"delivered again: {sum(counts)} events of {len(counts)} invoices")

    def _named(self, names: list[str]) -> list[Invoice]:
        found = []
        for name in names:
            matching = list(Invoice.objects.primary().filter(Q(custom_id=name) | Q(pk=_uuid(name))))
            if not matching:
                raise CommandError(f"there is no invoice {name}")
            found += matching
        return found


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _time(text: str | None) -> datetime | None:
    """Read a time or a day, in the site's time zone where it names none; raise CommandError for anything else."""
    if text is None:
        return None
    try:
        moment = parse_datetime(text)
        if moment is None and (day := parse_date(text)) is not None:
            moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001  the zone follows
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text} is not a time such as 2026-11-28 or 2026-11-28T14:00")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
