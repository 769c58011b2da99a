"""Checks the books of an account: closed in time, unchanged since, as the gateway's ledger has it. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.utils import timezone

from ...conf import Account
from ...exceptions import BooksError, GatewayError
from ...models import Books, ClosedPeriod
from ..rate_limit_by_use import Share, Use
from ..statements.close_period import next_period, verify_period
from ..statements.compare_with_gateway import compare_settled_rows
from ..statements.keep_books import find_books
from ..statements.periods import Period, find_zone
from ..statements.read_ledger import read_part
from ..statements.statement import read_statement
from .check_result import CheckResult, Level, since, spell_age

_GRACE = timedelta(days=3)
"""How long after its end a month may be open."""

_STALE = timedelta(days=2)
"""How old the last reading of the gateway's ledger may be: what coins are worth is found out when they are booked."""

_MOST_ENTRIES = 5000
_PAGES, _SHOWN = 4, 5


def check_books(account: Account, now: datetime) -> Iterator[CheckResult]:
    """Yield whether the books are kept, and whether a month is over and not closed; nothing if they were not begun.

    The entries of the last closed period are compared with its digest, if it has no more than a few thousand.
    """
    books = find_books(account.name)
    if books is None:
        return
    last = last_period(books)
    zone = last.time_zone if last else timezone.get_default_timezone_name()
    found = f"brought up to date {since(books.read_until, now)}; "
    found += f"closed: {period_of(last)}" if last else "no period is closed yet"
    command = f"cryptopay_statement --account {account.name}"
    period = next_period(books, zone)
    if now - books.read_until > _STALE:
        remedy = f"Run {command} with cron, every quarter of an hour."
        yield CheckResult("books", Level.WARNING, found, remedy, account.name, "stale")
    elif now - period.until > _GRACE:
        age = spell_age(now - period.until)
        remedy = f"Close it in the admin (Statement, Closed periods), or: {command} --close --from {period.first}"
        remedy += f" --to {period.last} --time-zone {zone} --actor YOUR_NAME"
        text = f"{found}. {period} is over for {age} and is not closed"
        yield CheckResult("books", Level.WARNING, text, remedy, account.name, "not-closed")
    else:
        yield CheckResult("books", Level.OK, found, account=account.name)
    if last is not None and last.lines <= _MOST_ENTRIES:
        try:
            verify_period(read_statement(account.name, period_of(last)))
        except BooksError as error:
            remedy = "Find out who has written to the table of book entries, and restore them from a backup."
            yield CheckResult("books", Level.ERROR, str(error), remedy, account.name, "changed")


def compare_closed(account: Account, now: datetime) -> Iterator[CheckResult]:
    """Yield whether what the gateway's ledger has of the last closed period is in the books.

    What the gateway has changed since is booked in a later period, and counts. Reads the newest pages, as many as
    people's looks at the ledger may use. Yields nothing if no period is closed, or if the books are not up to date.
    """
    books = find_books(account.name)
    last = last_period(books) if books is not None else None
    if books is None or last is None or now - books.read_until > _STALE:
        return
    subject, period = "closed books", period_of(last)
    try:
        share = Share(account.name, Use.LEDGER)
        reading = read_part(account.name, share, since=last.since, until=last.until, pages=_PAGES)
    except GatewayError as error:
        found = f"{period}: the gateway's ledger was not read: {type(error).__name__}: {error}"
        yield CheckResult(subject, Level.OK, found, account=account.name)
        return
    text = f"{period}: {len(reading.entries)} rows of the ledger compared"
    text += ", the newest ones" if reading.is_cut else ""
    text += f", {len(reading.unreadable)} cannot be read" if reading.unreadable else ""
    if differences := compare_settled_rows(books, reading):
        more = len(differences) - _SHOWN
        named = "; ".join(differences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        remedy = (
            f"Run cryptopay_statement --account {account.name}. What remains: ask the gateway's support, and adjust."
        )
        yield CheckResult(subject, Level.ERROR, f"{text}. {named}", remedy, account.name)
    else:
        yield CheckResult(subject, Level.OK, f"{text}, no difference", account=account.name)


def last_period(books: Books) -> ClosedPeriod | None:
    """Return the period that was closed last."""
    return ClosedPeriod.objects.filter(books=books).order_by("-since").first()


def period_of(row: ClosedPeriod) -> Period:
    """Return the days of a closed period."""
    zone = find_zone(row.time_zone)
    return Period(row.since.astimezone(zone).date(), row.until.astimezone(zone).date(), row.time_zone)
