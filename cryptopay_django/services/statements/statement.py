"""Makes a statement of the entries of the books: opening, each entry, closing and totals of a period."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Q

from ...exceptions import BooksError
from ...fields import EXACT
from ...models import BookEntry, Books, ClosedPeriod
from .balances import add_up
from .keep_books import find_books
from .movements import FINAL, ZERO
from .periods import Period

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One entry, and the balance of its currency after it."""

    entry: BookEntry
    balance: Decimal

    @property
    def gross(self) -> Decimal:
        """The amount without the fee."""
        return EXACT.add(self.entry.amount, self.entry.fee_amount)


def decimals_of(amount: Decimal) -> int:
    """Return how many decimals an amount has, zeros at its end not counted."""
    exponent = amount.normalize(EXACT).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


@dataclass
class Sum:
    """What some entries come to, in one currency."""

    count: int = 0
    gross: Decimal = ZERO
    fee: Decimal = ZERO
    amount: Decimal = ZERO
    incoming: Decimal = ZERO
    outgoing: Decimal = ZERO
    coins: Decimal = ZERO
    decimals: int = 0

    def add(self, line: StatementLine) -> None:
        """Count an entry in."""
        entry = line.entry
        self.count += 1
        self.decimals = max(self.decimals, decimals_of(entry.amount), decimals_of(entry.fee_amount))
        self.gross = EXACT.add(self.gross, line.gross)
        self.fee = EXACT.add(self.fee, entry.fee_amount)
        self.amount = EXACT.add(self.amount, entry.amount)
        if entry.amount > 0:
            self.incoming = EXACT.add(self.incoming, entry.amount)
        else:
            self.outgoing = EXACT.add(self.outgoing, entry.amount)
        if entry.amount and entry.coin_amount is not None:
            self.coins = EXACT.add(self.coins, entry.coin_amount)


@dataclass
class Totals:
    """The sums of a statement: by currency; by day; by the coin that was paid or sent; by kind and status."""

    opening: dict[str, Decimal]
    currencies: dict[str, Sum] = field(default_factory=dict)
    days: dict[tuple[date, str], Sum] = field(default_factory=dict)
    coins: dict[tuple[str, str], Sum] = field(default_factory=dict)
    statuses: dict[tuple[str, str, str], Sum] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many entries there are."""
        return sum(one.count for one in self.currencies.values())

    @property
    def closing(self) -> dict[str, Decimal]:
        """The balance of each currency at the end, sorted by its name."""
        names = sorted({*self.opening, *self.currencies})
        return {
            name: EXACT.add(self.opening.get(name, ZERO), self.currencies.get(name, Sum()).amount) for name in names
        }

    def add(self, line: StatementLine, day: date) -> None:
        """Count an entry in."""
        entry = line.entry
        self.currencies.setdefault(entry.currency, Sum()).add(line)
        self.days.setdefault((day, entry.currency), Sum()).add(line)
        if entry.coin:
            self.coins.setdefault((entry.coin, entry.currency), Sum()).add(line)
        self.statuses.setdefault((entry.kind, entry.status, entry.currency), Sum()).add(line)


@dataclass(frozen=True)
class Statement:
    """The statement of a period. It is read from the database as it is iterated; what is closed does not change."""

    books: Books
    period: Period
    opening: dict[str, Decimal]
    closed: ClosedPeriod | None = None

    @property
    def is_final(self) -> bool:
        """Return whether nothing can be booked in the period any more."""
        return self.period.until <= self.books.closed_until

    @property
    def name(self) -> str:
        """The name of a file, without its ending."""
        return f"cryptopay-{self.books.account}-{self.period.first}-{self.period.last}"

    def lines(self, totals: Totals | None = None) -> Iterator[StatementLine]:
        """Yield the entries, oldest first, a page of rows in memory; count them into `totals`."""
        balances = dict(self.opening)
        for entry in self._entries():
            balance = balances[entry.currency] = EXACT.add(balances.get(entry.currency, ZERO), entry.amount)
            line = StatementLine(entry, balance)
            if totals is not None:
                totals.add(line, self.period.day_of(entry.booked_at))
            yield line

    def totals(self) -> Totals:
        """Return the sums of all entries. Reads them all."""
        totals = Totals(dict(self.opening))
        for _ in self.lines(totals):
            pass
        return totals

    def _entries(self) -> Iterator[BookEntry]:
        """Yield the entries page by page: a cursor of a server would be lost behind some poolers.

        One of nothing that is still open only reminds us to look again: it is no entry of a statement.
        """
        rows = BookEntry.objects.primary().filter(books=self.books, booked_at__lt=self.period.until)
        rows, after = rows.order_by("booked_at", "pk"), Q(booked_at__gte=self.period.since)
        while page := list(rows.filter(after)[:_PAGE]):
            yield from (row for row in page if row.amount or row.fee_amount or row.status in FINAL)
            last: Any = page[-1]
            after = Q(booked_at__gte=last.booked_at)
            after &= Q(booked_at__gt=last.booked_at) | Q(pk__gt=last.pk)


def read_statement(account: str, period: Period) -> Statement:
    """Return the statement of an account and a period, from the books as they are. Makes no call.

    Raises BooksError if the books were not begun, or begin later than the period.
    """
    books = find_books(account)
    if books is None:
        raise BooksError(f"the books of account {account} were not begun: cryptopay_statement --begin does that")
    if period.since < books.begin_at:
        raise BooksError(f"the books of account {account} begin at {books.begin_at.isoformat()}: not before that")
    closed = ClosedPeriod.objects.primary().filter(books=books, since=period.since, until=period.until).first()
    return Statement(books, period, add_up(books, until=period.since), closed)
