"""Begins the books of an account, brings them up to date, and checks them against the gateway.

What has a row here is booked by our row: it says when it happened and at which rate. Everything else that touches the
account is booked by the gateway's ledger. No row is locked during a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from ...conf import get_account
from ...exceptions import BooksError, GatewayRateLimitError
from ...fields import EXACT
from ...gateway.market_answers import Rate
from ...models import BookEntry, Books, ChannelPayment, EntryKind, Invoice, InvoiceEvent
from ...models.locking import write_transaction
from ..rate_limit_by_use import Share, Use
from .balances import add_up
from .compare_with_gateway import compare_balances, compare_rows, missing_in_books, read_balances, refresh, rows_behind
from .movements import ZERO, Fact, channel_payment_fact, invoice_fact, ledger_fact, of_refund, refund_fact
from .our_rows import delivered_by, in_parts, of_account, ours, rows_of, rows_since
from .post_entries import booked_of, post
from .rates import read_rates, worth_of
from .read_ledger import LONGEST_WATCH, LedgerReading, by_reference, moved_by, read_ledger

OPENING = UUID(int=0)
"""The reference of opening balances and adjustments, which are no thing of the gateway's."""

_LAG = timedelta(hours=1)
"""How long after its time an event may be committed: those of the last hour are looked at again."""

_TRIES = 3

_LOOKS_BACK = (timedelta(hours=2), timedelta(days=1), timedelta(days=7))
"""How much of what was read before is read again: clocks differ, and a list can lag. More, while something differs."""


@dataclass
class BooksCheck:
    """What a check of the books against the gateway found. `made` is how many entries were new.

    `missing` is what the books lack of the gateway's balances, by currency.
    """

    books: Books
    made: int = 0
    differences: list[str] = field(default_factory=list)
    missing: dict[str, Decimal] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)

    @property
    def is_balanced(self) -> bool:
        """Return whether the gateway's balances and its new rows are as in the books, and all could be read."""
        return not self.differences and not self.unreadable


def find_books(account: str) -> Books | None:
    """Return the books of an account at its present gateway, or None if they were not begun."""
    environment = get_account(account).environment
    return Books.objects.primary().filter(account=account, environment=environment).first()


def begin_books(account: str, *, at: datetime, patience: float = 0.0) -> Books:
    """Begin the books of an account: what was before `at` is in the opening balances. Commits.

    They are what the gateway has now less what has moved since. Raises BooksError if the books were begun already, if
    `at` is not over, or if the ledger and our rows differ: then reconcile first. Raises GatewayError.
    """
    now = timezone.now()
    if at >= now:
        raise BooksError(f"the books cannot begin at {at.isoformat()}: that is not over yet")
    if known := find_books(account):
        raise BooksError(f"the {known} have begun at {known.begin_at.isoformat()} already")
    environment = get_account(account).environment
    share = Share(account, Use.LEDGER, patience=patience)
    new = Books(account=account, environment=environment, begin_at=at, closed_until=at, read_until=at, last_event=0)
    for _ in range(_TRIES):
        before = read_balances(account, share)
        reading = read_ledger(new, share, since=at - LONGEST_WATCH, now=timezone.now())
        rates = read_rates(account, share)
        if before == read_balances(account, share):
            break
    else:
        raise BooksError(f"the balances of account {account} kept changing while they were read: try again")
    if reading.unreadable:
        raise BooksError(f"the ledger of account {account} cannot be read whole: {'; '.join(reading.unreadable)}")
    with write_transaction(Books):
        Books.objects.add_missing(new)
        books = Books.objects.lock(account=account, environment=environment)
        if books is None or BookEntry.objects.primary().filter(books=books).exists():
            raise BooksError(f"the books of {account} were begun by somebody else at this moment: try again")
        last = InvoiceEvent.objects.primary().filter(created_at__lt=now - _LAG).aggregate(last=Max("pk"))["last"]
        for some in in_parts(rows_since(books)):
            post(books, _facts_of(some), rates=rates, now=now)
        for some in in_parts(reading.references):
            post(books, _facts_of_ledger(books, reading, some, now=now), rates=rates, now=now)
        if differences := compare_rows(books, reading):
            raise BooksError(
                "the books cannot begin: the gateway's ledger and our rows differ. Run cryptopay_reconcile first. "
                + "; ".join(differences)
            )
        moved = add_up(books)
        opening = {name: EXACT.subtract(balance, moved.get(name, ZERO)) for name, balance in before.items()}
        post_own(books, EntryKind.OPENING, opening, at=at, now=now, rates=rates)
        Books.objects.change(books, read_until=reading.begun_at, last_event=last or 0)
    return books


def post_own(
    books: Books,
    kind: EntryKind,
    amounts: Mapping[str, Decimal],
    *,
    at: datetime,
    now: datetime,
    rates: Mapping[str, Rate],
    note: str = "",
) -> None:
    """Write an entry for each currency that is no thing of the gateway's, in locked books."""
    counted = BookEntry.objects.primary().filter(books=books, reference=OPENING, family="")
    for currency, amount in amounts.items():
        if not amount:
            continue
        fact = Fact(
            kind=kind, family="", reference=OPENING, currency=currency, amount=amount, happened_at=at, changed_at=at
        )
        worth = worth_of(fact, amount, rates=rates, now=now)
        entry = BookEntry(
            books=books,
            kind=kind,
            family="",
            reference=OPENING,
            currency=currency,
            number=counted.filter(currency=currency).count(),
            happened_at=at,
            # Before the first moment of the books: it is no line of a statement, but what statements begin with.
            booked_at=at - timedelta(microseconds=1) if kind == EntryKind.OPENING else max(at, books.closed_until),
            created_at=now,
            amount=amount,
            fee_amount=ZERO,
            value_amount=worth.value,
            value_currency=worth.currency,
            rate=worth.rate,
            rate_source=worth.source,
            note=note,
        )
        BookEntry.objects.insert(entry)


def keep_books(account: str, *, patience: float = 0.0) -> BooksCheck:
    """Bring the books of an account up to date, and check them against the gateway. Commits.

    Where a row of ours is behind the gateway it is refreshed. Raises BooksError if the books were not begun, and
    GatewayError. Any number of processes may run this.
    """
    if find_books(account) is None:
        raise BooksError(f"the books of account {account} were not begun: name the first day with --begin")
    share = Share(account, Use.LEDGER, patience=patience)
    rates = read_rates(account, share)
    check, made = None, 0
    for look_back in _LOOKS_BACK:
        try:
            check, behind = _keep(account, share, look_back, rates)
        except GatewayRateLimitError:
            # What the first look has found is known: another look can wait for the next run.
            if check is None:
                raise
            break
        made += check.made
        if check.is_balanced:
            break
        refresh(behind)
    assert check is not None  # noqa: S101  there is a first look
    check.made = made
    return check


def _keep(
    account: str, share: Share, look_back: timedelta, rates: Mapping[str, Rate]
) -> tuple[BooksCheck, list[Invoice | ChannelPayment]]:
    """Read, post and compare once; return the result, and the rows of ours that are behind."""
    now = timezone.now()
    books = find_books(account)
    assert books is not None  # noqa: S101  keep_books looks first
    reading = read_ledger(books, share, since=books.read_until - look_back, now=now)
    balances = read_balances(account, share)
    made: list[BookEntry] = []
    with write_transaction(Books):
        locked = Books.objects.lock(pk=books.pk)
        assert locked is not None  # noqa: S101  books are never deleted
        books = locked
        events = InvoiceEvent.objects.primary().filter(pk__gt=books.last_event)
        for some in in_parts(rows_of(events)):
            made += post(books, _facts_of(of_account(books, some)), rates=rates, now=now)
        # Another process may have read the ledger later, and booked by that.
        if reading.begun_at >= books.read_until:
            for part in in_parts(reading.references):
                made += post(books, _facts_of_ledger(books, reading, part, now=now), rates=rates, now=now)
            last = events.filter(created_at__lt=now - _LAG).aggregate(last=Max("pk"))["last"]
            # What cannot be read is read again, from where it is.
            read_until = books.read_until if reading.unreadable else reading.begun_at
            Books.objects.change(books, read_until=read_until, last_event=last or books.last_event)
        booked = add_up(books)
        differences = compare_balances(balances, booked)
        differences += compare_rows(books, reading)
    check = BooksCheck(books, len(made), differences, missing_in_books(balances, booked), reading.unreadable)
    return check, rows_behind(books, reading) if differences else []


def _facts_of(rows: Iterable[Any]) -> list[Fact]:
    found: list[Fact] = []
    for row in rows:
        if isinstance(row, Invoice):
            fact = invoice_fact(row)
            found += [fact] if fact is not None else []
        else:
            found.append(channel_payment_fact(row) if isinstance(row, ChannelPayment) else refund_fact(row))
    return found


def _facts_of_ledger(books: Books, reading: LedgerReading, references: Sequence[UUID], *, now: datetime) -> list[Fact]:
    """Return the facts of these things: by our rows where there are any, else by the ledger.

    What was booked by the ledger and has the same status still is left as it is: what a row has moved is not always
    seen twice.
    """
    by_us = {fact.key: fact for fact in _facts_of(ours(books, references))}
    booked = booked_of(books, references)
    wanted = set(references)
    grouped = by_reference(entry for entry in reading.entries if (entry.reference_id or entry.id) in wanted)
    facts = dict(by_us)
    for reference, entries in grouped.items():
        for entry in entries:
            key = (entry.reference_type, reference, entry.currency)
            known = booked.get(key)
            if key in by_us or (known is not None and known.status == (entry.status or "")):
                continue
            withdrawal = reading.withdrawals.get(reference)
            moved = moved_by(entry, reading)
            fact = ledger_fact(entry, moved=moved, others=entries, withdrawal=withdrawal, now=now)
            refund = delivered_by(books, withdrawal) if withdrawal and moved else None
            facts[key] = of_refund(fact, refund) if refund else fact
    return list(facts.values())
