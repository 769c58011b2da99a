"""`manage.py cryptopay_deliver_again`: delivers events once more, of what is named, or of a period."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import BigAutoField, Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from ...models import Callback, ChannelPayment, Invoice, Subject, subject_of
from ...services import deliver_again
from ...services.events.deliver_again import repeatable_events
from ...services.events.outbox import SIGNALS

_LARGEST_KEY = BigAutoField.MAX_BIGINT


class Command(BaseCommand):
    """Delivers events again, for example to a shop that lost data. Receivers see `event.is_repetition`."""

    help = (
        "Deliver events again, with the same uuid, to receivers and handlers. Name invoices, "
        "channel payments or callbacks, or give a period with --since; try --dry-run first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "names",
            nargs="*",
            metavar="NAME",
            help="the id or custom_id of an invoice, or the id of a channel payment",
        )
        parser.add_argument(
            "--callback",
            action="append",
            default=[],
            type=int,
            metavar="ID",
            help="a callback of another type, by its number in the admin; may be given several times",
        )
        parser.add_argument(
            "--since", metavar="TIME", help="events since this time, such as 2026-11-28 or 2026-11-28T14:00"
        )
        parser.add_argument("--until", metavar="TIME", help="events from before this time (default: now)")
        parser.add_argument("--kind", action="append", default=[], choices=[str(kind) for kind in SIGNALS],
                            help="only this kind of event; can be repeated")  # fmt: skip
        parser.add_argument("--actor", default="manage.py", help="the actor, for the timeline")
        parser.add_argument("--reason", default="", help="the reason, for the timeline")
        parser.add_argument("--dry-run", action="store_true", help="only count, do not deliver")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one summary line."""
        named = [*self._named(options["names"]), *self._numbered(options["callback"])]
        if not named and not options["since"]:
            raise CommandError("name invoices, channel payments or callbacks, or a period with --since")
        times: dict[str, Any] = {"since": _time(options["since"]), "until": _time(options["until"]) or timezone.now()}
        events = repeatable_events(options["kind"], **times)
        if named:
            events = events.filter(subject__in=[subject_of(row) for row in named])
        found: dict[str, QuerySet[Any]] = {
            "invoices": Invoice.objects.primary().filter(pk__in=events.values("invoice")).order_by("created_at", "pk"),
            "channel payments": ChannelPayment.objects.primary()
            .filter(pk__in=events.values("channel_payment"))
            .order_by("seen_at", "pk"),
            "callbacks": Callback.objects.primary().filter(pk__in=events.values("callback")).order_by("pk"),
        }
        counts = {name: rows.count() for name, rows in found.items()}
        whose = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "invoices")
        if options["dry_run"]:
            self.stdout.write(f"to deliver again: {events.count()} events of {whose}")
            return
        who: dict[str, Any] = {"actor": options["actor"], "reason": options["reason"], "kinds": options["kind"]}
        done = sum(deliver_again(row, **who, **times) for rows in found.values() for row in rows.iterator())
        self.stdout.write(f"delivered again: {done} events of {whose}")

    def _named(self, names: list[str]) -> list[Subject]:
        found: list[Subject] = []
        for name in names:
            key = _uuid(name)
            matching: list[Subject] = list(Invoice.objects.primary().filter(Q(custom_id=name) | Q(pk=key)))
            if not matching and key is not None:
                matching = list(ChannelPayment.objects.primary().filter(pk=key))
            if not matching:
                raise CommandError(f"there is no invoice and no channel payment {name}")
            found += matching
        return found

    def _numbered(self, keys: list[int]) -> list[Callback]:
        found = list(Callback.objects.primary().filter(pk__in=[key for key in keys if 0 < key <= _LARGEST_KEY]))
        if missing := sorted(set(keys) - {row.pk for row in found}):
            raise CommandError(f"there is no callback {', '.join(map(str, missing))}")
        return found


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _time(text: str | None) -> datetime | None:
    """Parse a time or a day, by default in the site's time zone; raise CommandError for anything else."""
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
