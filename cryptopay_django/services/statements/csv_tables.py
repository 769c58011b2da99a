"""Writes a statement, or its totals, as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ...spreadsheets import csv_lines, safe_cell
from .columns import AMOUNTS, COLUMNS, cells_of, edge_cells, write_amount
from .statement import Statement, Sum, Totals

_PLAIN = frozenset({*AMOUNTS, "date", "time", "rate", "happened_at"})
"""Columns that are numbers and times of our own: a minus there begins no formula."""

TOTALS = ("total", "name", "status", "currency", "count", "gross", "fee", "amount", "incoming", "outgoing", "balance")


def write_csv(statement: Statement) -> Iterator[str]:
    """Yield the lines of a statement as CSV: opening balances, entries, closing balances."""
    return csv_lines(_rows(statement))


def write_totals_csv(statement: Statement) -> Iterator[str]:
    """Yield the totals of a statement as CSV: by currency, day, coin and status."""
    return csv_lines([list(TOTALS), *([safe_cell(cell) for cell in row] for row in total_rows(statement.totals()))])


def total_rows(totals: Totals) -> Iterator[list[str | Decimal | int]]:
    """Yield the totals as rows of TOTALS. Amounts are decimals with all places of their currency."""
    for currency, balance in totals.closing.items():
        opening = totals.opening.get(currency, Decimal(0))
        yield ["opening balance", "", "", currency, 0, *_amounts(Sum(), currency), _padded(opening, currency)]
        found = totals.currencies.get(currency, Sum())
        yield _total("currency", "", "", currency, found)
        yield ["closing balance", "", "", currency, 0, *_amounts(Sum(), currency), _padded(balance, currency)]
    for (day, currency), found in sorted(totals.days.items()):
        yield _total("day", str(day), "", currency, found)
    for (coin, currency), found in sorted(totals.coins.items()):
        yield _total("coin", f"{write_amount(found.coins, coin)} {coin}", "", currency, found)
    for (kind, status, currency), found in sorted(totals.statuses.items()):
        yield _total("status", kind, status, currency, found)


def _total(total: str, name: str, status: str, currency: str, found: Sum) -> list[str | Decimal | int]:
    return [total, name, status, currency, found.count, *_amounts(found, currency), ""]


def _amounts(found: Sum, currency: str) -> list[str | Decimal | int]:
    parts = (found.gross, found.fee, found.amount, found.incoming, found.outgoing)
    return [_padded(part, currency) for part in parts]


def _padded(amount: Decimal, currency: str) -> Decimal:
    return Decimal(write_amount(amount, currency))


def _rows(statement: Statement) -> Iterator[list[str]]:
    yield list(COLUMNS)
    for currency, balance in sorted(statement.opening.items()):
        yield _row(edge_cells(statement, "opening", currency, balance))
    totals = Totals(dict(statement.opening))
    for line in statement.lines(totals):
        yield _row(cells_of(statement, line))
    for currency, balance in totals.closing.items():
        yield _row(edge_cells(statement, "closing", currency, balance))


def _row(cells: dict[str, str]) -> list[str]:
    read = ((name, cells.get(name, "")) for name in COLUMNS)
    return [text if name in _PLAIN else safe_cell(text) for name, text in read]
