"""Reads what is new in the gateway's ledger, and by what each row has changed its balance.

A row stands where its thing was made, and shows the thing's present status. Each has the account's subtotal after it,
counted in the order of the rows: so the difference to the row before, of the same currency, is what it has moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone

from ...conf import client_for
from ...exceptions import GatewayError
from ...fields import EXACT
from ...gateway.ledger import LedgerTransaction
from ...gateway.lists import Page, follow_pages
from ...gateway.withdrawals import CoinWithdrawal
from ...models import BookEntry, Books
from ..rate_limit_by_use import Share
from .movements import moved_by_status

LONGEST_WATCH = timedelta(days=45)
"""How far back the ledger is read again for what was open. What is older is asked for one by one."""

IN_DOUBT = frozenset({"CoinWithdrawal", "BankWithdrawal", "CoinDeposit", "BankDeposit"})
"""The families whose status does not say for certain what they have moved."""

_WITHDRAWAL_PAGES = 20


@dataclass
class LedgerReading:
    """What was read of an account's ledger: rows with what they have moved, and notes on what cannot be read."""

    begun_at: datetime
    entries: list[LedgerTransaction] = field(default_factory=list)
    moved: dict[UUID, Decimal] = field(default_factory=dict)
    withdrawals: dict[UUID, CoinWithdrawal] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    is_cut: bool = False

    @property
    def references(self) -> set[UUID]:
        """The ids of the things that the rows are about."""
        return {entry.reference_id or entry.id for entry in self.entries}


def read_ledger(books: Books, share: Share, *, since: datetime, now: datetime) -> LedgerReading:
    """Read the ledger from a time until now, and again what was open in the books. Raises GatewayError.

    Makes a call for each fifty rows, and waits where `share` is used up.
    """
    reading = LedgerReading(now)
    watched = list(
        BookEntry.objects.primary()
        .filter(books_id=books.pk, is_open=True, number=0)  # no key yet before they begin
        .order_by("happened_at")
        .values_list("family", "happened_at")
    )
    recent = [at for _family, at in watched if at >= now - LONGEST_WATCH]
    since = min([since, *recent])
    source = _Source(books.account, share, reading)
    reading.entries = list(source.rows(created_at_from=since))
    source.measure()
    for family, at in dict.fromkeys(one for one in watched if one[1] < since):
        second = at.replace(microsecond=0)
        reading.entries += source.rows(
            created_at_from=second, created_at_to=second + timedelta(seconds=1), reference_type=family
        )
    source.read_withdrawals()
    return reading


def read_part(account: str, share: Share, *, since: datetime, until: datetime, pages: int) -> LedgerReading:
    """Read the newest pages of the ledger of a period, fifty rows a page; `is_cut` if there are more.

    Raises GatewayError if not even the first page can be read.
    """
    reading = LedgerReading(timezone.now())
    source = _Source(account, share, reading)
    # The rows of the first second after it are read too, and left out.
    reading.entries = list(source.rows(pages, created_at_from=since, created_at_to=until))
    source.compare_neighbours()
    reading.entries = [
        one for one in reading.entries if one.created_at is not None and since <= one.created_at < until
    ]
    return reading


@dataclass
class _Source:
    account: str
    share: Share
    reading: LedgerReading

    def rows(self, pages: int | None = None, **wanted: Any) -> Iterator[LedgerTransaction]:
        """Yield the rows of a period, newest first; with `pages`, no more than these, and as far as calls are left."""
        client = client_for(self.account)

        def list_page(**filters: Any) -> Page[LedgerTransaction]:
            return self.share.call(partial(client.list_transactions, **filters))

        read = 0
        try:
            for page in follow_pages(list_page, **wanted):
                read += 1
                self.reading.unreadable += [note for note in page.notes if note not in self.reading.unreadable]
                yield from page
                if read == pages:
                    self.reading.is_cut = page.has_more is not False
                    return
        except GatewayError:
            if pages is None or not read:
                raise
            self.reading.is_cut = True

    def measure(self) -> None:
        """Find out by the balances what each row has moved; leave out where that is neither nothing nor its amount.

        The oldest row of a currency has none before it in what was read. Where its status does not tell, the one
        before is asked for.
        """
        for oldest in self.compare_neighbours():
            if oldest.reference_type in IN_DOUBT:
                before = self._balance_before(oldest)
                if before is not None:
                    self._take(oldest, before)

    def compare_neighbours(self) -> list[LedgerTransaction]:
        """Compare each row's balance with that before it; return the oldest row of each currency. Makes no call."""
        after: dict[str, LedgerTransaction] = {}
        for entry in self.reading.entries:
            if (newer := after.get(entry.currency)) is not None:
                self._take(newer, entry.balance)
            after[entry.currency] = entry
        return list(after.values())

    def _take(self, entry: LedgerTransaction, before: Decimal) -> None:
        moved = EXACT.subtract(entry.balance, before)
        if moved in (0, entry.amount):
            self.reading.moved[entry.id] = moved

    def _balance_before(self, entry: LedgerTransaction) -> Decimal | None:
        """Return the balance before a row; 0 if it is the first one, None if that cannot be seen."""
        client = client_for(self.account)
        ask = partial(client.list_transactions, currency=entry.currency, starting_after=entry.id)
        page = self.share.call(ask)
        if page.keys:
            return page[0].balance if page and str(page[0].id) == page.keys[0] else None
        return None if page.has_more else Decimal(0)

    def read_withdrawals(self) -> None:
        """Read more about the withdrawals: what arrives, the network's fee, the transaction."""
        wanted = {
            entry.reference_id: entry.created_at
            for entry in self.reading.entries
            if entry.reference_type == "CoinWithdrawal" and entry.reference_id is not None
        }
        if not wanted:
            return
        client = client_for(self.account)

        def list_page(**filters: Any) -> Page[CoinWithdrawal]:
            return self.share.call(partial(client.list_withdrawals, **filters))

        for number, page in enumerate(follow_pages(list_page), 1):
            self.reading.withdrawals |= {one.id: one for one in page if one.id in wanted}
            if len(self.reading.withdrawals) == len(wanted) or number == _WITHDRAWAL_PAGES:
                return


def moved_by(entry: LedgerTransaction, reading: LedgerReading) -> Decimal:
    """Return what a row has moved: by its balance where that shows it, else by its status."""
    moved = reading.moved.get(entry.id)
    return moved_by_status(entry) if moved is None else moved


def by_reference(entries: Iterable[LedgerTransaction]) -> dict[UUID, list[LedgerTransaction]]:
    """Return the rows by their thing: an exchange has two."""
    found: dict[UUID, list[LedgerTransaction]] = {}
    for entry in entries:
        found.setdefault(entry.reference_id or entry.id, []).append(entry)
    return found
