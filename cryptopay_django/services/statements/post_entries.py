"""Writes the entries of the books: of each thing, the difference between what it has moved and what is booked.

So it does not matter how often, in which order or by whom a fact is brought: it is booked once. What is taken back is
an entry of its own, in the period in which that is learned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ...fields import EXACT
from ...gateway.market_answers import Rate
from ...models import BookEntry, Books
from .movements import ZERO, Fact
from .rates import worth_of

Key = tuple[str, UUID, str]

CORRECTION = "corrects an earlier entry"


@dataclass(frozen=True, slots=True)
class Booked:
    """What the entries of a thing in a currency say together, and the newest one's status."""

    amount: Decimal = ZERO
    fee: Decimal = ZERO
    count: int = 0
    status: str = ""
    is_open: bool = False


def booked_of(books: Books, references: Collection[UUID]) -> dict[Key, Booked]:
    """Return what is booked of these things. One query; give it no more than a few hundred."""
    columns = ("family", "reference", "currency", "amount", "fee_amount", "status", "number", "is_open")
    rows = BookEntry.objects.primary().filter(books=books, reference__in=references).order_by("number")
    found: dict[Key, Booked] = {}
    for family, reference, currency, amount, fee, status, number, is_open in rows.values_list(*columns):
        known = found.get((family, reference, currency), Booked())
        found[family, reference, currency] = Booked(
            amount=EXACT.add(known.amount, amount),
            fee=EXACT.add(known.fee, fee),
            count=number + 1,
            status=status,
            is_open=is_open if number == 0 else known.is_open,
        )
    return found


def post(
    books: Books,
    facts: Iterable[Fact],
    *,
    rates: Mapping[str, Rate],
    now: datetime,
) -> list[BookEntry]:
    """Write what is missing in locked books, and return it. Call it in the transaction that has locked them.

    What happened before the books begin is in their opening balance: it is left out, unless there is an entry of it.
    """
    wanted = {fact.key: fact for fact in facts}
    booked = booked_of(books, {fact.reference for fact in wanted.values()})
    made, closed = [], []
    for key, fact in wanted.items():
        known = booked.get(key, Booked())
        if known.is_open and not fact.is_open:
            closed.append(key)
        if not known.count and not fact.is_open and fact.happened_at < books.begin_at:
            continue
        entry = _entry(books, fact, known, rates=rates, now=now)
        if entry is not None:
            made.append(entry)
    BookEntry.objects.primary().bulk_create(made, batch_size=200)
    for family, reference, currency in closed:
        rows = BookEntry.objects.primary().filter(books=books, family=family, reference=reference, currency=currency)
        rows.filter(is_open=True).update(is_open=False)
    return made


def _entry(books: Books, fact: Fact, known: Booked, *, rates: Mapping[str, Rate], now: datetime) -> BookEntry | None:
    """Return the entry that a fact lacks, or None.

    A thing that ends without moving anything gets one too: the books count how things end. One that is still open and
    is not ours gets one of nothing, so that it is looked at again.
    """
    amount, fee = EXACT.subtract(fact.amount, known.amount), EXACT.subtract(fact.fee, known.fee)
    has_moved = bool(known.amount or known.fee)
    ends = fact.is_final and not has_moved and (not known.count or fact.status != known.status)
    begins_to_be_watched = fact.is_open and not known.count
    if not (amount or fee or ends or begins_to_be_watched):
        return None
    is_late = has_moved or (known.count and not fact.is_ours)
    happened_at = min(fact.changed_at if is_late else fact.happened_at, now)
    worth = worth_of(replace(fact, happened_at=happened_at), amount, rates=rates, now=now)
    return BookEntry(
        books=books,
        kind=fact.kind,
        family=fact.family,
        reference=fact.reference,
        currency=fact.currency,
        number=known.count,
        status=fact.status,
        is_open=fact.is_open and not known.count,
        happened_at=happened_at,
        booked_at=max(happened_at, books.closed_until),
        created_at=now,
        amount=amount,
        fee_amount=fee,
        network_fee_amount=None if has_moved else fact.network_fee,
        coin_amount=None if has_moved else fact.coin_amount,
        coin=fact.coin,
        value_amount=worth.value,
        value_currency=worth.currency,
        rate=worth.rate,
        rate_source=worth.source,
        custom_id=fact.custom_id,
        order_id=fact.order_id,
        txid=fact.txid,
        note=CORRECTION if has_moved else "",
    )
