"""Closes periods: nothing is booked in them any more, so that their figures never change."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from ...exceptions import BooksChangedError, BooksDifferError, BooksError
from ...fields import canonical
from ...models import Books, ClosedPeriod, EntryKind
from ...models.locking import write_transaction
from ...permissions import Act
from ..resolution.people import Actor, check_permitted, person_of
from .balances import add_up
from .keep_books import BooksCheck, keep_books, post_own
from .periods import Period, find_zone
from .statement import Statement, Totals, read_statement

WAIT = timedelta(hours=1)
"""How long after its end a period can be closed: clocks differ, and the gateway's ledger may lag."""


def next_period(books: Books, zone: str) -> Period:
    """Return what is closed next, if whole months are closed: from where the books are closed to the end of the month.

    It may not be over yet. Raises BooksError if the zone is not known.
    """
    # At noon it is the same day in most zones: the books may have been begun in another one.
    first = (books.closed_until + timedelta(hours=12)).astimezone(find_zone(zone)).date()
    return Period(first, date(first.year + first.month // 12, first.month % 12 + 1, 1), zone)


def is_closable(period: Period, now: datetime) -> bool:
    """Return whether a period has been over for long enough to be closed."""
    return period.until <= now - WAIT


def close_period(
    account: str,
    period: Period,
    *,
    actor: Actor = "",
    accept_differences: bool = False,
    seen: str = "",
    patience: float = 0.0,
) -> Statement:
    """Bring the books up to date, check them against the gateway, and close a period; return its statement. Commits.

    A period that is closed already is returned as it is, without a call. Periods are closed one after another, without
    a gap. If the books and the gateway differ, raises BooksDifferError and closes nothing; with `accept_differences`
    it closes, and keeps the differences in words. `seen` is the `digest_of` the statement that a person has looked at:
    raises BooksChangedError if it is another now. An `actor` that is a user needs the permissions `view_ledger` and
    `close_books`, which are checked under the lock of the books. Raises GatewayError and NotPermittedError.
    """
    person = person_of(actor)
    statement = read_statement(account, period)
    if statement.closed is not None:
        return statement
    _check_order(statement.books, period)
    check_permitted(person, Act.VIEW_LEDGER, Act.CLOSE_BOOKS)
    check = keep_books(account, patience=patience)
    problems = [*check.differences, *(f"a row of the ledger cannot be read: {note}" for note in check.unreadable)]
    if problems and not accept_differences:
        message = f"{period} was not closed, because the books and the gateway differ. {'; '.join(problems)}"
        raise BooksDifferError(message, differences=problems)
    with write_transaction(Books):
        books = Books.objects.lock(pk=check.books.pk)
        if books is None:
            raise BooksError(f"the books of account {account} are gone")
        check_permitted(person, Act.VIEW_LEDGER, Act.CLOSE_BOOKS)
        known = ClosedPeriod.objects.primary().filter(books=books, since=period.since, until=period.until).first()
        if known is None:
            _check_order(books, period)
            _close(books, period, actor=person.name, problems=problems, seen=seen)
    return read_statement(account, period)


def digest_of(statement: Statement) -> str:
    """Return a digest of all that the entries of a statement say. Reads them all."""
    return _digest(statement)[0]


def adjust_books(account: str, *, actor: str, reason: str, patience: float = 0.0) -> BooksCheck:
    """Book what the books lack to be as the gateway's balances are, now and by name; return the check. Commits.

    For differences that nothing explains. Raises BooksError without an actor and a reason, and GatewayError.
    """
    if not actor.strip() or not reason.strip():
        raise BooksError("an adjustment needs a name and a reason")
    check, now = keep_books(account, patience=patience), timezone.now()
    with write_transaction(Books):
        books = Books.objects.lock(pk=check.books.pk)
        if books is None or books.read_until != check.books.read_until:
            raise BooksError(f"the books of account {account} were brought up to date at this moment: try again")
        note = f"{reason} ({actor})"
        post_own(books, EntryKind.ADJUSTMENT, check.missing, at=now, now=now, rates={}, note=note)
    return check


def verify_period(statement: Statement) -> None:
    """Raise BooksError if the entries of a closed period are not those that it was closed with."""
    closed = statement.closed
    if closed is not None and digest_of(statement) != closed.digest:
        raise BooksError(
            f"the entries of {statement.period} are not those that it was closed with: somebody has changed them in "
            "the database. Compare the statement with the one that was sent"
        )


def _check_order(books: Books, period: Period) -> None:
    if not is_closable(period, timezone.now()):
        raise BooksError(f"{period} cannot be closed yet: an hour after its end at the earliest")
    if period.since != books.closed_until:
        at = books.closed_until.isoformat()
        raise BooksError(f"{period} cannot be closed: the books of {books.account} are closed until {at}, go on there")


def _close(books: Books, period: Period, *, actor: str, problems: list[str], seen: str) -> None:
    now = timezone.now()
    statement = Statement(books, period, add_up(books, until=period.since))
    digest, totals = _digest(statement)
    if seen and seen != digest:
        raise BooksChangedError(
            f"{period} was not closed: its figures have changed since you saw them. Check them again"
        )
    closed = ClosedPeriod(
        books=books,
        since=period.since,
        until=period.until,
        time_zone=period.zone,
        balances={currency: f"{canonical(balance):f}" for currency, balance in totals.closing.items()},
        lines=totals.count,
        digest=digest,
        differences=problems,
        closed_at=now,
        closed_by=actor,
    )
    ClosedPeriod.objects.insert(closed)
    Books.objects.change(books, closed_until=period.until)


def _digest(statement: Statement) -> tuple[str, Totals]:
    """Return a digest of all that the entries say, and their totals."""
    digest, totals = hashlib.sha256(), Totals(dict(statement.opening))
    for currency, balance in sorted(statement.opening.items()):
        digest.update(f"{currency} {canonical(balance):f}\n".encode())
    for line in statement.lines(totals):
        entry = line.entry
        parts = [entry.kind, entry.family, entry.reference.hex, entry.currency, entry.status, entry.value_currency]
        parts += [entry.rate_source, entry.coin, entry.custom_id, entry.order_id, entry.txid, entry.note]
        parts += [moment.astimezone(UTC).isoformat() for moment in (entry.booked_at, entry.happened_at)]
        numbers = (entry.amount, entry.fee_amount, entry.value_amount, entry.rate, entry.coin_amount)
        parts += ["" if one is None else f"{canonical(one):f}" for one in (*numbers, entry.network_fee_amount)]
        digest.update((json.dumps(parts) + "\n").encode())
    return digest.hexdigest(), totals
