"""Compares the gateway's ledger of a period with our rows, and names each difference. Changes nothing.

1. Read the period, a page of fifty a call, and a margin around it: clocks differ, and an invoice that is made just
   before midnight can be booked after it. A row of the ledger is compared on the day on which it was booked.
2. Look for our credited rows of the period in what was read, and for those that are not in it from their creation to
   their end: an invoice can be paid days after it was made.
3. What could not be read, or not to its end, is said. Nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.utils import timezone

from ...conf import client_for
from ...exceptions import GatewayError, GatewayNotFoundError
from ...gateway.ledger import LedgerTransaction
from ...gateway.lists import Page, follow_pages
from ...models import Channel, ChannelPayment, InvoiceStatus, Refund
from ..rate_limit_by_use import Share, Use
from ..snapshots.compare import OUR_KEY
from .ledger_differences import (
    FAMILY_OF,
    WITHDRAWAL,
    DifferenceKind,
    LedgerDifference,
    Row,
    compare_entry,
    missing_here,
    missing_there,
    twice,
)
from .ledger_rows import MARGIN, OurRows, fresh, span_of

_INVOICES_ASKED = 20
"""About how many unknown invoices the gateway is asked whether they were made here."""

_PAGES_FURTHER = 40


@dataclass
class LedgerComparison:
    """What a comparison found. `since` is in the period, `until` is not.

    `others` are rows of the ledger that are not ours: invoices and payments that were not made here, and families
    that have no model. `returns` are the withdrawals that refund our completed orders; they are compared too.
    `unproven` are differences that may be none: whether a row was made here could not be found out, or it can be one
    of the `unreadable` ones. `stopped` says why the ledger was not read to its end: then rows that it lacks are not
    named.
    """

    account: str
    since: datetime
    until: datetime
    compared: int = 0
    differences: list[LedgerDifference] = field(default_factory=list)
    others: list[LedgerTransaction] = field(default_factory=list)
    returns: list[LedgerTransaction] = field(default_factory=list)
    unproven: list[LedgerDifference] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    stopped: str = ""

    @property
    def is_balanced(self) -> bool:
        """Return whether all was read, and nothing differs or is in doubt."""
        return not (self.differences or self.unproven or self.unreadable or self.stopped)


def day_of(day: date) -> tuple[datetime, datetime]:
    """Return the beginning of a day in UTC, and that of the next one."""
    begin = datetime.combine(day, time.min, UTC)
    return begin, begin + timedelta(days=1)


def yesterday(now: datetime | None = None) -> date:
    """Return the last day in UTC that is over."""
    return (now or timezone.now()).astimezone(UTC).date() - timedelta(days=1)


def compare_ledger(
    account: str, *, since: datetime, until: datetime, use: Use = Use.LEDGER, patience: float = 0.0
) -> LedgerComparison:
    """Compare an account's ledger from `since` up to, without it, `until` with our rows; return what differs.

    Both times need a time zone. Makes a call for each fifty rows of the ledger, out of the share of `use`; where that
    is used up, waits up to `patience` seconds in all. Locks and changes nothing. Raises no GatewayError: what could
    not be read is in the result.
    """
    share, found = Share(account, use, patience=patience), LedgerComparison(account, since, until)
    reading = _Reading(account, share, OurRows(account), found)
    for step in (reading.read, reading.judge_unknown, reading.look_for_ours):
        try:
            step()
        except GatewayError as error:
            reading.found.stopped = f"{type(error).__name__}: {error}"
    reading.look_again()
    return reading.found


@dataclass
class _Reading:
    """The state of one comparison: what was read of the ledger, by the gateway's id of its subject."""

    account: str
    share: Share
    ours: OurRows
    found: LedgerComparison
    seen: dict[tuple[str, UUID | None], LedgerTransaction] = field(default_factory=dict)
    unknown: list[LedgerTransaction] = field(default_factory=list)
    asked: int = 0

    def read(self) -> None:
        """Read the period with its margin, and compare what was booked in it, page by page."""
        found = self.found
        for page in self._pages(found.since - MARGIN, found.until + MARGIN):
            rows, asked = self.ours.listed(page), self.ours.requested_withdrawals(page)
            for entry in page:
                self._take(entry, rows, asked)

    def _pages(self, since: datetime, until: datetime, **wanted: str) -> Iterator[Page[LedgerTransaction]]:
        client = client_for(self.account)

        def list_page(**filters: Any) -> Page[LedgerTransaction]:
            return self.share.call(partial(client.list_transactions, **filters))

        for page in follow_pages(list_page, created_at_from=since, created_at_to=until, **wanted):
            self.found.unreadable += [note for note in page.notes if note not in self.found.unreadable]
            yield page
            times = [entry.created_at for entry in page]
            if times and all(at is not None and at < since for at in times):
                return

    def _take(
        self, entry: LedgerTransaction, rows: dict[tuple[str, UUID | None], Row], asked: Collection[UUID | None]
    ) -> None:
        """Remember an entry; if it was booked in the period, compare it with our row.

        A withdrawal can be the shop's own: it is ours if there is a row, or if a resolution of ours asked for it.
        """
        found, key = self.found, (entry.reference_type, entry.reference_id)
        row = rows.get(key)
        is_ours = row is not None or entry.reference_id in asked
        is_known = entry.reference_id is not None and (is_ours or entry.reference_type in FAMILY_OF.values())
        first = self.seen.setdefault(key, entry) if is_known else entry
        if entry.created_at is not None and not found.since <= entry.created_at < found.until:
            return
        if row is not None:
            found.compared += 1
            found.returns += [entry] if entry.reference_type == WITHDRAWAL else []
            if first is not entry:
                found.differences.append(twice(entry, first, row))
            found.differences += compare_entry(entry, row)
        else:
            (self.unknown if is_known else found.others).append(entry)

    def judge_unknown(self) -> None:
        """Find out of the entries without a row whether they were made here, those first that have moved money."""
        for entry in sorted(self.unknown, key=lambda one: one.status != InvoiceStatus.COMPLETED):
            is_ours = self._was_made_here(entry)
            if is_ours is None:
                self.found.unproven.append(missing_here(entry))
            elif is_ours:
                self.found.differences.append(missing_here(entry))
            else:
                self.found.others.append(entry)

    def _was_made_here(self, entry: LedgerTransaction) -> bool | None:
        """Return whether this app made the thing, None where that cannot be found out.

        A payment has the custom_id of its channel. An invoice carries our key, which only the gateway shows. A refund
        of the gateway's does not name its invoice.
        """
        if entry.reference_type == FAMILY_OF[ChannelPayment]:
            named = Channel.objects.primary().filter(**self.ours.mine, custom_id=entry.custom_id or "")
            return named.exists()
        if entry.reference_type == WITHDRAWAL:
            return True  # only those are asked about that a resolution of ours has named
        if entry.reference_type == FAMILY_OF[Refund] or self.asked >= _INVOICES_ASKED:
            return None
        self.asked += 1
        try:
            snapshot = self.share.call(partial(client_for(self.account).retrieve_invoice, str(entry.reference_id)))
        except GatewayNotFoundError:
            return False
        except GatewayError:
            return None
        return OUR_KEY in (snapshot.metadata or {})

    def look_for_ours(self) -> None:
        """Name the credited rows of the period that the ledger does not have, after a look in all of their time.

        Where the ledger was not read to its end, none is named.
        """
        if self.found.stopped:
            return
        for family, rows in self.ours.credited(self.found.since, self.found.until):
            lacking = {row.gateway_id: row for row in rows if (family, row.gateway_id) not in self.seen}
            if not lacking:
                continue
            spans = [span_of(row) for row in lacking.values()]
            since, until = min(begin for begin, _ in spans) - MARGIN, max(end for _, end in spans) + MARGIN
            self._look_further(family, set(lacking), since, until)
            left = [missing_there(row) for key, row in lacking.items() if (family, key) not in self.seen]
            # One of them can be a row that could not be read.
            (self.found.unproven if self.found.unreadable else self.found.differences).extend(left)

    def _look_further(self, family: str, wanted: set[UUID | None], since: datetime, until: datetime) -> None:
        if self.found.since - MARGIN <= since and until <= self.found.until + MARGIN:
            return
        for number, page in enumerate(self._pages(since, until, reference_type=family), 1):
            for entry in page:
                if entry.reference_id is not None:
                    self.seen.setdefault((family, entry.reference_id), entry)
            wanted -= {entry.reference_id for entry in page}
            if not wanted:
                return
            if number == _PAGES_FURTHER:
                raise GatewayError(f"{len(wanted)} of our rows were not found in {number} further pages of the ledger")

    def look_again(self) -> None:
        """Drop the differences that a callback has settled while the ledger was read: a status, a row that came."""
        found = self.found
        found.differences = [left for one in found.differences for left in self._left_of(one)]
        found.unproven = [left for one in found.unproven for left in self._left_of(one)]

    def _left_of(self, one: LedgerDifference) -> Iterable[LedgerDifference]:
        if one.entry is None or one.kind not in (DifferenceKind.STATUS, DifferenceKind.MISSING_HERE):
            return [one]
        if one.row is not None:
            return compare_entry(one.entry, fresh(one.row))
        row = self.ours.listed([one.entry]).get((one.family, one.entry.reference_id))
        if row is None:
            return [one]
        self.found.compared += 1
        return compare_entry(one.entry, row)
